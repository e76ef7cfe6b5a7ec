"""One file that holds many: a plain tar whose last member says what the others must be."""

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from training.faults import DataFault
from training.manifest import FileFact

MANIFEST = "manifest.json"
_WITHIN = "workspace/"
_CHUNK = 2**20
_FAULTS = (tarfile.TarError, OSError, EOFError, ValueError, RecursionError)
_LONGEST_MANIFEST = 2**30


def write_archive(
    file: Path,
    members: Iterable[tuple[str, Path, int]],
    manifest: Callable[[Mapping[str, FileFact]], str],
) -> str:
    """Write files into a new archive, which only its owner may read; return sha256 of its manifest.

    Parameters
    ----------
    file
        The archive to make.
    members
        Name in the archive, file, and time of its last change in seconds.
    manifest
        Makes the manifest of what was written.

    Raises
    ------
    OSError
        A file cannot be read, or the archive cannot be written.
    """
    facts: dict[str, FileFact] = {}
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        open(descriptor, "wb") as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, path, changed in members:
            with open(path, "rb") as content:
                # What grows while it is read is taken as long as it was.
                reader = _Hashing(content)
                size = os.fstat(content.fileno()).st_size
                archive.addfile(_header(f"{_WITHIN}{name}", size, changed), reader)
                facts[name] = FileFact(reader.digest, size)
        encoded = manifest(facts).encode("ascii")
        archive.addfile(_header(MANIFEST, len(encoded), 0), BytesIO(encoded))
    return _digest(encoded)


def _header(name: str, size: int, changed: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mtime, header.mode = size, changed, 0o600
    return header


class Archive:
    """An open archive; made by `opened_archive`.

    Nothing in it is trusted: only plain files with relative names are taken, and they are written
    by their content alone, so that no member can be a link, a device or lie elsewhere.
    """

    def __init__(self, file: Path, archive: tarfile.TarFile) -> None:
        self._file = file
        self._archive = archive
        self._members: dict[str, tarfile.TarInfo] = {}
        manifest: tarfile.TarInfo | None = None
        for member in archive:
            if manifest is not None:
                raise self.damaged(f"{member.name!r} follows its manifest")
            if member.name == MANIFEST and member.isreg():
                manifest = member
                continue
            name = _contained(member.name)
            if name is None or not member.isreg() or name in self._members:
                raise self.damaged(f"{member.name!r} is no plain file of a workspace")
            self._members[name] = member
        if manifest is None or manifest.size > _LONGEST_MANIFEST:
            raise self.damaged("its end is missing")
        with self._content(manifest) as content:
            self.manifest = content.read().decode("ascii")
            """The text of its last member."""

    @property
    def digest(self) -> str:
        """The sha256 of its manifest."""
        return _digest(self.manifest.encode("ascii"))

    @property
    def sizes(self) -> dict[str, int]:
        """Name -> bytes of each file."""
        return {name: member.size for name, member in self._members.items()}

    def take(self, name: str, folder: Path | None, expected: FileFact) -> None:
        """Write a file below a folder, or only read it, and compare it with what it must be.

        Raises
        ------
        DataFault
            It is another.
        """
        member = self._members[name]
        with _explained(self._file), self._content(member) as content:
            reader = _Hashing(content)
            if folder is None:
                while reader.read(_CHUNK):
                    pass
            else:
                target = folder / name
                _make_folders(target.parent, folder)
                descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "wb") as stream:
                    while part := reader.read(_CHUNK):
                        stream.write(part)
                os.utime(target, (member.mtime, member.mtime))
        if FileFact(reader.digest, member.size) != expected:
            raise self.damaged(f"the content of {name} is not what was backed up")

    def damaged(self, why: str) -> DataFault:
        """Return the fault of an archive that is not whole."""
        return _not_whole(self._file, why)

    def _content(self, member: tarfile.TarInfo) -> IO[bytes]:
        content = self._archive.extractfile(member)
        if content is None:
            raise self.damaged(f"{member.name!r} has no content")
        return content


@contextmanager
def opened_archive(file: Path) -> Iterator[Archive]:
    """Open an archive.

    Raises
    ------
    DataFault
        It does not exist, cannot be read, or is not whole.
    """
    if not file.is_file():
        what = "is not a file" if file.exists() else "does not exist"
        raise DataFault(f"{file} {what}; name a file that `anchorhold backup` wrote")
    with ExitStack() as until_the_end:
        with _explained(file):
            archive = until_the_end.enter_context(tarfile.open(file, "r:", encoding="utf-8"))
            found = Archive(file, archive)
        yield found


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except _FAULTS as fault:
        if isinstance(fault, OSError) and fault.errno is not None:
            place = f" at {fault.filename}" if fault.filename else ""
            raise DataFault(f"{file}: {fault.strerror}{place}; nothing was restored") from fault
        raise _not_whole(file, str(fault).strip() or type(fault).__name__) from fault


def _not_whole(file: Path, why: str) -> DataFault:
    return DataFault(
        f"{file} is no whole backup of anchorhold: {why}; nothing was restored, use another backup"
    )


def _contained(name: str) -> str | None:
    """Return the name of a member within the workspace; None if it is or may be elsewhere.

    Examples
    --------
    >>> _contained("workspace/pairs/10:30.jsonl"), _contained("workspace/../x"), _contained("/x")
    ('pairs/10:30.jsonl', None, None)
    """
    inside = name.removeprefix(_WITHIN)
    path = PurePosixPath(inside)
    plain = path.as_posix() == inside and not path.is_absolute() and ".." not in path.parts
    return inside if inside != name and plain and inside not in ("", ".") else None


def _make_folders(folder: Path, top: Path) -> None:
    if folder != top and not folder.is_dir():
        _make_folders(folder.parent, top)
        folder.mkdir(mode=0o700)


class _Hashing:
    """Reads a stream and hashes what was read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        part = self._stream.read(size)
        self._sha256.update(part)
        return part

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
