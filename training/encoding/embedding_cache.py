"""The embedding cache: vectors on disk by space, prompt and text; no text is encoded twice."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.whole_files import written

_COMPACT_ABOVE = 32  # small part files of one space, above which they become one
_SMALL = 4 * 2**20  # bytes below which a part file is small
_ROWS_AT_ONCE = 8192  # rows that are read at once to check a part; limits the memory


def text_digest(text: str) -> bytes:
    """Return the 16 bytes under which the vector of a text is stored."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


class EmbeddingCache:
    """Vectors of one embedding space and one prompt, in part files named by their own sum.

    A part that does not match its name is dropped, and its texts are encoded again. Reading maps
    the files: memory grows with the vectors asked for, not with those stored.

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
        self._verified: set[str] = set()

    def get(self, digests: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors, (dimensions), that are stored under the digests asked for."""
        # numpy compares texts of a fixed width by all their bytes.
        wanted = np.unique(np.array(list(digests), dtype="S16"))
        found: dict[bytes, NDArray[np.float32]] = {}
        for part in sorted(self.folder.glob("*.npy")):
            rows = self._open(part)
            if rows is None:
                continue
            kept = np.ascontiguousarray(rows["digest"]).view("S16").ravel()
            for place in np.flatnonzero(np.isin(kept, wanted)):
                found[bytes(rows["digest"][place])] = np.array(rows["vector"][place])
            if len(found) == len(wanted):
                break
        return found

    def put(self, digests: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """Store the vectors, (n, dimensions), of the digests: all or none."""
        rows = np.empty(len(digests), dtype=self._row)
        rows["digest"] = np.frombuffer(b"".join(digests), dtype="u1").reshape(-1, 16)
        rows["vector"] = vectors
        self._write(rows)
        small = [part for part in sorted(self.folder.glob("*.npy")) if part.stat().st_size < _SMALL]
        if len(small) > _COMPACT_ABOVE:
            self._compact(small)

    def _compact(self, parts: Sequence[Path]) -> None:
        opened = [rows for part in parts if (rows := self._open(part)) is not None]
        joined = np.concatenate(opened)
        _, first = np.unique(joined["digest"], axis=0, return_index=True)
        kept = self._write(joined[np.sort(first)])
        for part in parts:
            if part != kept:
                part.unlink(missing_ok=True)

    def _write(self, rows: NDArray[np.void]) -> Path:
        part = self.folder / f"{_sum(rows)}.npy"
        with written(part) as partial, partial.open("wb") as file:
            np.save(file, rows, allow_pickle=False)
        self._verified.add(part.name)
        return part

    def _open(self, part: Path) -> NDArray[np.void] | None:
        try:
            rows: NDArray[np.void] = np.load(part, mmap_mode="r", allow_pickle=False)
            intact = rows.dtype == self._row and (
                part.name in self._verified or _sum(rows) == part.stem
            )
        except (OSError, ValueError, EOFError):
            intact = False
        if not intact:
            # Cut short, damaged or from elsewhere: its texts are encoded again.
            with contextlib.suppress(OSError):
                part.unlink()
            return None
        self._verified.add(part.name)
        return rows


def _sum(rows: NDArray[np.void]) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        digest.update(rows[start : start + _ROWS_AT_ONCE].tobytes())
    return digest.hexdigest()[:32]


def prune_cache(cache: str | os.PathLike[str], keep: Collection[str]) -> list[str]:
    """Remove the vectors of all spaces but those to keep; return the names of those removed.

    Parameters
    ----------
    cache
        Folder of the embedding cache.
    keep
        Fingerprints of the spaces to keep.
    """
    kept = {name[:32] for name in keep}
    removed = [
        space
        for space in sorted(Path(cache).glob("*"))
        if space.is_dir() and space.name not in kept
    ]
    for space in removed:
        shutil.rmtree(space, ignore_errors=True)
    return [space.name for space in removed]
