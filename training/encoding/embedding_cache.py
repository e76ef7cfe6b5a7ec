"""The embedding cache: vectors on disk by space, prompt and text; no text is encoded twice."""

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.whole_files import written

_COMPACT_ABOVE = 32  # part files of about one size, above which they become one
_SMALL = 4 * 2**20  # bytes below which a part file is small
_ROWS_AT_ONCE = 8192  # rows that are read at once from a part; limits the memory

Rows = NDArray[np.void]
Digests = NDArray[np.bytes_]


def text_digest(text: str) -> bytes:
    """Return the 16 bytes under which the vector of a text is stored."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


class EmbeddingCache:
    """Vectors of one embedding space and one prompt, in part files named by their own sum.

    A part that does not match its name is dropped, and its texts are encoded again. Memory grows
    with the vectors asked for, and by 24 bytes a stored one. More than 32 parts of about one size
    are joined, so that their number grows with the logarithm of the vectors, and each vector is
    copied as often.

    Parameters
    ----------
    folder
        Folder of the part files.
    dimensions
        Length of a vector.
    """

    def __init__(self, folder: Path, dimensions: int) -> None:
        self.folder = folder
        self._row = np.dtype([("digest", "u1", 16), ("vector", "<f4", (dimensions,))])
        self._parts: dict[str, _Part] = {}

    def get(self, digests: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors, (dimensions), that are stored under the digests asked for."""
        # numpy compares texts of a fixed width by all their bytes.
        wanted = np.unique(np.array(list(digests), dtype="S16"))
        while True:
            try:
                return self._found(wanted)
            except FileNotFoundError:
                continue  # Another process joined a part with others: it is in a new one now.

    def _found(self, wanted: Digests) -> dict[bytes, NDArray[np.float32]]:
        found: dict[bytes, NDArray[np.float32]] = {}
        for part in self._opened(self._files()):
            there, places = part.find(wanted)
            if len(places):
                # Mapped for this call only: pages that were read would count as memory in use.
                rows = _mapped(part.file)[places]
                found.update(zip(map(bytes, rows["digest"]), rows["vector"], strict=True))
            wanted = wanted[~there]
            if not len(wanted):
                break
        return found

    def put(self, digests: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """Store the vectors, (n, dimensions), of the digests: all or none."""
        rows = np.empty(len(digests), dtype=self._row)
        rows["digest"] = np.frombuffer(b"".join(digests), dtype="u1").reshape(-1, 16)
        rows["vector"] = vectors
        self._write([_all_of(rows)])
        of_size: dict[int, list[Path]] = defaultdict(list)
        for file in self._files():
            with contextlib.suppress(FileNotFoundError):  # Another process has joined it.
                of_size[_size_class(file.stat().st_size)].append(file)
        for files in of_size.values():
            if len(files) > _COMPACT_ABOVE:
                self._join(files)

    def _join(self, files: Sequence[Path]) -> None:
        parts = list(self._opened(files))
        digests = np.concatenate([part.in_file for part in parts])
        new = np.zeros(len(digests), dtype=bool)
        new[np.unique(digests, return_index=True)[1]] = True
        news = np.split(new, np.cumsum([len(part.digests) for part in parts])[:-1])
        try:
            rows = [_mapped(part.file) for part in parts]
        except FileNotFoundError:
            return  # Another process joins them.
        kept = self._write([(of, np.flatnonzero(new)) for of, new in zip(rows, news, strict=True)])
        for file in files:
            if file != kept:
                file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        files = sorted(self.folder.glob("*.npy"))
        for gone in self._parts.keys() - {file.name for file in files}:
            del self._parts[gone]
        return files

    def _opened(self, files: Sequence[Path]) -> "Iterator[_Part]":
        """Yield the parts that are whole."""
        for file in files:
            part = self._open(file)
            if part is not None:
                yield part

    def _write(self, pieces: Sequence["_Piece"]) -> Path:
        """Write a part file."""
        file = self.folder / f"{_sum(pieces)}.npy"
        header = {
            "descr": np.lib.format.dtype_to_descr(self._row),
            "fortran_order": False,
            "shape": (sum(len(places) for _, places in pieces),),
        }
        with written(file) as partial, partial.open("wb") as out:
            np.lib.format.write_array_header_1_0(out, header)
            for content in _contents(pieces):
                out.write(content)
        digests = np.concatenate([_digests(rows)[places] for rows, places in pieces])
        self._parts[file.name] = _Part.of(file, digests)
        return file

    def _open(self, file: Path) -> "_Part | None":
        if file.name in self._parts:
            return self._parts[file.name]
        try:
            rows = _mapped(file)
            intact = rows.dtype == self._row and _sum([_all_of(rows)]) == file.stem
        except (OSError, ValueError, EOFError):
            intact = False
        if not intact:
            # Cut short, damaged or from elsewhere: its texts are encoded again.
            with contextlib.suppress(OSError):
                file.unlink()
            return None
        return self._parts.setdefault(file.name, _Part.of(file, _digests(rows)))


def damaged_parts(folder: Path) -> list[Path]:
    """Return the part files of all caches below a folder that do not match their names."""
    return [each for each in sorted(folder.rglob("*.npy")) if not _is_intact(each)]


def _is_intact(file: Path) -> bool:
    try:
        return _sum([_all_of(_mapped(file))]) == file.stem
    except (OSError, ValueError, EOFError, IndexError, KeyError):
        return False


def forget_texts(folder: Path, texts: Sequence[str], *, only_count: bool = False) -> int:
    """Remove the vectors of texts from all caches below a folder; return how many there were.

    No other process may be adding to them. One that is killed leaves a part whole, or its texts are
    encoded again.
    """
    gone = np.unique(np.array([text_digest(text) for text in texts], dtype="S16"))
    count = 0
    for file in sorted(folder.rglob("*.npy")) if len(gone) else ():
        try:
            rows = _mapped(file)
            kept = np.flatnonzero(~np.isin(_digests(rows), gone))
        except (OSError, ValueError, EOFError, IndexError, KeyError):
            if not only_count:
                file.unlink(missing_ok=True)
            continue
        count += len(rows) - len(kept)
        if only_count or len(kept) == len(rows):
            continue
        if len(kept):
            cache = EmbeddingCache(file.parent, rows.dtype["vector"].shape[0])
            cache._write([(rows, kept)])
        del rows
        file.unlink()
    return count


_Piece = tuple[Rows, NDArray[np.intp]]
"""Rows, and the places of those that are meant."""


@dataclass(frozen=True)
class _Part:
    """A part file, and its digests in memory, sorted, with their rows."""

    file: Path
    digests: Digests
    order: NDArray[np.intp]

    @classmethod
    def of(cls, file: Path, digests: Digests) -> "_Part":
        """Sort the digests of a file."""
        order = np.argsort(digests, kind="stable")
        return cls(file, digests[order], order)

    @property
    def in_file(self) -> Digests:
        """The digests in the order of the file."""
        digests = np.empty_like(self.digests)
        digests[self.order] = self.digests
        return digests

    def find(self, wanted: Digests) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Say which of the sorted digests are there, and in which rows."""
        if not len(self.digests):
            return np.zeros(len(wanted), dtype=bool), self.order
        places = np.minimum(np.searchsorted(self.digests, wanted), len(self.digests) - 1)
        there = self.digests[places] == wanted
        # In the order of the file: it is read from its beginning to its end.
        return there, np.sort(self.order[places[there]])


def _mapped(file: Path) -> Rows:
    return np.load(file, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]


def _digests(rows: Rows) -> Digests:
    return np.ascontiguousarray(rows["digest"]).view("S16").ravel()


def _all_of(rows: Rows) -> _Piece:
    return rows, np.arange(len(rows))


def _contents(pieces: Sequence[_Piece]) -> Iterator[bytes]:
    """Yield the bytes of rows, of a limited number at once."""
    for rows, places in pieces:
        for start in range(0, len(places), _ROWS_AT_ONCE):
            yield rows[places[start : start + _ROWS_AT_ONCE]].tobytes()


def _sum(pieces: Sequence[_Piece]) -> str:
    digest = hashlib.sha256()
    for content in _contents(pieces):
        digest.update(content)
    return digest.hexdigest()[:32]


def _size_class(size: int) -> int:
    """Return 0 for a small part; each further class is as many times larger as parts are joined.

    Examples
    --------
    >>> [_size_class(size * 2**20) for size in (1, 4, 127, 128)]
    [0, 1, 1, 2]
    """
    found = 0
    while size >= _SMALL * _COMPACT_ABOVE**found:
        found += 1
    return found
