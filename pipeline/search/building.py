"""Building an index: only what changed is encoded, and what is there is verified at the end."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.search.exchange import GivenVectors
from pipeline.search.row_keys import Keys, digest_of, digest_of_all, key_of, packed
from pipeline.search.spot_checks import Compared, Sample
from pipeline.search.stamp import IndexUnusable
from pipeline.search.tables import Table, vectors_of
from training.encoding import TextEncoder
from training.encoding.similarity import Similarity
from training.evaluation import nearest
from training.faults import DataFault
from training.progress import Progress
from training.unlabelled import Document

_AT_ONCE = 32_768  # documents between two writes to the table; 16 shards for workers
_SAMPLE = 32  # documents whose vectors are checked after the build; chosen, not measured
_DEPTH = 10  # of the recall

Floats = NDArray[np.float32]


class NotWhole(IndexUnusable):
    """What was built fails its verification."""


class DocumentEncoder(TextEncoder, Protocol):
    """What a build needs from an encoder."""

    @property
    def dimensions(self) -> int:
        """Number of dimensions of an embedding."""

    def without_cache(self) -> TextEncoder:
        """Return an encoder of the same model that encodes every text anew."""


@dataclass
class Build:
    """One build: the table, the encoder, and what has been done so far.

    Attributes
    ----------
    table
        The table with the rows so far.
    encoder
        The version.
    given
        Vectors of a user; None: there are none.
    encoded, used, unchanged, removed
        Documents that were encoded, whose vector was given, that were there already, and that were
        taken out.
    """

    table: Table
    encoder: DocumentEncoder
    given: GivenVectors | None = None
    encoded: int = 0
    used: int = 0
    unchanged: int = 0
    removed: int = 0
    _keys: list[Keys] = field(default_factory=list)
    _digests: list[Keys] = field(default_factory=list)
    _sample: Sample = field(default_factory=lambda: Sample(_SAMPLE))

    def take(self, documents: Iterable[Document], step: Callable[[int], None]) -> None:
        """Bring the table in line with the documents.

        Documents are encoded in the same portions whatever is there already, so that a build that
        was killed ends with the same vectors as one that was not.
        """
        there = _Rows.of(self.table)
        for some in _portions(documents):
            names = [key_of(each.id) for each in some]
            texts = [each.whole for each in some]
            contents = [digest_of(text) for text in texts]
            keys, digests = packed(names), packed(contents)
            self._keys.append(keys)
            self._digests.append(digests)
            for name, each in zip(names, some, strict=True):
                self._sample.add(name, each)
            same, old = there.meet(keys, digests)
            todo = np.flatnonzero(~same).tolist()
            step(len(some) - len(todo))
            if todo:
                with _steps(step, len(todo)) as progress:
                    vectors = self._made(
                        [texts[row] for row in todo],
                        [names[row] for row in todo],
                        [contents[row] for row in todo],
                        progress,
                    )
                self.table.remove([names[row] for row in np.flatnonzero(old)])
                self.table.add(
                    [some[row].id for row in todo],
                    [names[row] for row in todo],
                    [contents[row] for row in todo],
                    vectors,
                )
            self.unchanged += len(some) - len(todo)
        gone = there.unmet()
        self.table.remove(gone)
        self.removed = len(gone)
        if self.documents > len(np.unique(np.concatenate(self._keys or [packed([])]))):
            raise DataFault("two of the documents have the same id; an id may name one document")

    @property
    def documents(self) -> int:
        """Number of documents."""
        return sum(map(len, self._keys))

    @property
    def digest(self) -> str:
        """Identity of ids and texts of all documents."""
        nothing = [packed([])]
        return digest_of_all(
            np.concatenate(self._keys or nothing), np.concatenate(self._digests or nothing)
        )

    def verify(self) -> None:
        """Compare the table with the documents, and some of its vectors with new ones.

        Those are encoded anew, whatever a cache holds: the table may have its vectors from there.

        Raises
        ------
        NotWhole
            It holds other rows or other vectors.
        """
        rows = _Rows.of(self.table)
        if len(rows.keys) != self.documents or rows.digest != self.digest:
            raise NotWhole(
                f"the index holds {len(rows.keys)} rows that are not those of the {self.documents} "
                "documents"
            )
        drawn = self._sample.drawn
        if not drawn:
            return
        checked = self._vectors([name for name, _, _ in drawn])
        texts = [text for _, _, text in drawn]
        anew = self.encoder.without_cache().encode(texts, kind="document")
        for (name, id, _), vector in zip(drawn, anew, strict=True):
            found = Compared.of(checked[name], vector)
            if not found.is_the_models:
                raise NotWhole(
                    f"the vector of document {id[:60]!r} in the index is not the model's (relative "
                    f"distance {found.apart:.3f})"
                )

    def recall(self) -> float:
        """Return the share of the exact first ten that an approximate search finds.

        It is measured with documents of the sample, each of which finds itself; that one does not
        count.
        """
        names = [name for name, _, _ in self._sample.drawn]
        found = self._vectors(names)
        vectors = np.stack([found[name] for name in names])
        ids = [id for _, id, _ in self._sample.drawn]
        exact = exact_nearest(self.table, vectors, _DEPTH + 1, self.encoder.similarity)
        about = self.table.nearest(vectors, _DEPTH + 1, self.encoder.similarity.name)
        shares = []
        for id, true, near in zip(ids, exact, about, strict=True):
            wanted = [each for each in true if each != id][:_DEPTH]
            got = {each for each, _ in near if each != id}
            shares.append(sum(each in got for each in wanted) / max(len(wanted), 1))
        return round(float(np.mean(shares)), 4)

    def _made(
        self, texts: list[str], names: list[str], digests: list[str], progress: Progress
    ) -> Floats:
        """Return the vectors of texts: those that were given, the others encoded."""
        given = self.given.of(names, digests) if self.given else {}
        rest = [row for row in range(len(texts)) if row not in given]
        vectors = np.empty((len(texts), self.encoder.dimensions), dtype=np.float32)
        for row, vector in given.items():
            vectors[row] = vector
        if rest:
            some = [texts[row] for row in rest]
            vectors[rest] = self.encoder.encode(some, kind="document", progress=progress)
        self.encoded += len(rest)
        self.used += len(given)
        return vectors

    def _vectors(self, names: Sequence[str]) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        for batch in self.table.named(names, "key", "vector"):
            rows = vectors_of(batch["vector"], self.encoder.dimensions)
            found.update(zip(batch["key"].to_pylist(), rows, strict=True))
        return found


def exact_nearest(table: Table, vectors: Floats, k: int, similarity: Similarity) -> list[list[str]]:
    """Return the ids of the first k rows for each vector; memory does not grow with the table."""
    kept: list[list[tuple[float, str]]] = [[] for _ in vectors]
    for batch in table.batches("id", "vector"):
        names = batch["id"].to_pylist()
        places, scores = nearest(
            vectors,
            vectors_of(batch["vector"], vectors.shape[1]),
            depth=k,
            rows_at_once=len(vectors),
            similarity=similarity,
        )
        for row, found in enumerate(zip(places.tolist(), scores.tolist(), strict=True)):
            more = [(score, names[place]) for place, score in zip(*found, strict=True)]
            kept[row] = sorted([*kept[row], *more], key=lambda hit: -hit[0])[:k]
    return [[name for _, name in hits] for hits in kept]


@dataclass
class _Rows:
    """The keys and digests of a table's rows, in order of keys: 32 bytes a row."""

    keys: Keys
    digests: Keys
    met: NDArray[np.bool_]

    @classmethod
    def of(cls, table: Table) -> "_Rows":
        names: list[Keys] = [packed([])]
        contents: list[Keys] = [packed([])]
        for batch in table.batches("key", "digest"):
            names.append(packed(batch["key"].to_pylist()))
            contents.append(packed(batch["digest"].to_pylist()))
        keys = np.concatenate(names)
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], np.concatenate(contents)[order], np.zeros(len(keys), dtype=bool))

    @property
    def digest(self) -> str:
        return digest_of_all(self.keys, self.digests)

    def meet(self, keys: Keys, digests: Keys) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which of the documents are there as they are, and which are there changed."""
        if not len(self.keys):
            nothing = np.zeros(len(keys), dtype=bool)
            return nothing, nothing
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        there = self.keys[places] == keys
        self.met[places[there]] = True
        same = there & (self.digests[places] == digests)
        return same, there & ~same

    def unmet(self) -> list[str]:
        """Return the keys of rows whose documents are gone."""
        width = self.keys.dtype.itemsize
        return [bytes(key).ljust(width, b"\0").hex() for key in self.keys[~self.met]]


def _portions(documents: Iterable[Document]) -> Iterator[list[Document]]:
    some: list[Document] = []
    for each in documents:
        some.append(each)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


@contextmanager
def _steps(step: Callable[[int], None], total: int) -> Iterator[Progress]:
    """Yield a progress that passes the encoder's steps on; what it had already is added last."""
    done = 0

    @contextmanager
    def passed_on(_label: str, _total: int) -> Iterator[Callable[[int], None]]:
        def count(more: int) -> None:
            nonlocal done
            done += more
            step(more)

        yield count

    yield passed_on
    step(total - done)
