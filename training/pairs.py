"""Labelled pairs: what they are, which are kept for measuring, and which must not be trained on."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import TYPE_CHECKING

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SETTINGS = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)
"""How every worker of this package reads its TOML table."""

_PUNCTUATION = re.compile(r"[^\w\s]|_")


class DataFault(ValueError):
    """Data that cannot be used; the message names the place, the value and what is allowed."""


@plain_dataclass(frozen=True)
class Pair:
    """One labelled row: a query and a text that answers it.

    `negative` is a text that does not answer it (empty: none), `source` the domain it came from,
    `timestamp` seconds since the epoch (None: unknown).
    """

    id: str
    query: str
    positive: str
    negative: str = ""
    source: str = ""
    timestamp: float | None = None


def normalised(text: str) -> str:
    r"""Return the key under which two texts count as the same.

    NFKC, lower case, punctuation removed, spaces folded. A text of punctuation alone is its own
    key.

    Examples
    --------
    >>> normalised("  Où est\tma CARTE ?")
    'où est ma carte'
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    words = _PUNCTUATION.sub(" ", folded).split()
    return " ".join(words) if words else " ".join(folded.split())


def pair_key(pair: Pair) -> str:
    """Return the identity of a pair by content: its normalised query and positive."""
    return f"{normalised(pair.query)}\x1f{normalised(pair.positive)}"


def hash_share(seed: int, *parts: str) -> float:
    """Return a number in [0, 1) that depends on the seed and the parts alone."""
    content = "\x1f".join((str(seed), *parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") / 2**64


def same_meaning_groups(pairs: Iterable[Pair]) -> dict[str, str]:
    """Return text key -> group key for texts which the labels declare to mean the same.

    A text that stands on both sides (as a query here, as a positive there) shows that the relation
    is "means the same", which is transitive: its partners belong together. In question-to-document
    data no text stands on both sides, and there are no groups.

    Examples
    --------
    >>> pairs = [Pair("1", "lost card", "it is gone"), Pair("2", "it is gone", "i lost my card")]
    >>> groups = same_meaning_groups(pairs)
    >>> groups["lost card"] == groups["i lost my card"]
    True
    """
    links = [(normalised(pair.query), normalised(pair.positive)) for pair in pairs]
    two_sided = {query for query, _ in links} & {positive for _, positive in links}
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while parent.setdefault(text, text) != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for query, positive in links:
        if query in two_sided or positive in two_sided:
            # The smaller key becomes the root, so that the group's name does not depend on the
            # order.
            first, second = sorted((root(query), root(positive)))
            parent[second] = first
    return {text: root(text) for text in list(parent)}


@dataclass(frozen=True, config=SETTINGS)
class HoldOut:
    """Keep some queries out of training, to measure the new task on.

    The side of a query is decided by a hash of its text, so that one query is never on both sides
    and stays on its side when the same files are read again.

    Examples
    --------
    >>> pairs = [Pair(str(i), f"question {i}", f"answer {i}") for i in range(200)]
    >>> training, held_out = HoldOut().split(pairs)
    >>> len(training) + len(held_out), 30 <= len(held_out) <= 60
    (200, True)
    """

    share: float = Field(default=0.2, ge=0.0, le=0.5)
    """Share of the queries to hold out."""
    minimum: int = Field(default=30, ge=0)
    """Queries to hold out even where the share gives fewer (never more than half)."""
    maximum: int = Field(default=200, ge=1)
    """Queries to hold out at most."""
    seed: int = 0
    """Seed of the hash."""

    def split(self, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
        """Return (training pairs, held-out pairs), each in the order given."""
        keys = [normalised(pair.query) for pair in pairs]
        position = {key: hash_share(self.seed, "hold-out", key) for key in set(keys)}
        ordered = sorted(position, key=lambda key: (position[key], key))
        wanted = sum(value < self.share for value in position.values())
        if self.share > 0:
            wanted = min(max(wanted, min(self.minimum, len(ordered) // 2)), self.maximum)
        held = set(ordered[:wanted])
        training = [pair for pair, key in zip(pairs, keys, strict=True) if key not in held]
        return training, [pair for pair, key in zip(pairs, keys, strict=True) if key in held]


@plain_dataclass(frozen=True)
class Leakage:
    """How many training pairs repeated an evaluation query, and the first few of them."""

    exact: int
    near: int
    examples: tuple[tuple[str, str], ...] = ()
    """(training text, evaluation query it repeats)."""

    @property
    def removed(self) -> int:
        """Pairs removed in all."""
        return self.exact + self.near


@dataclass(frozen=True, config=SETTINGS)
class LeakageGuard:
    """Remove training pairs that repeat a query on which models are measured.

    A text is a near duplicate when the sets of its words (where it has `minimum_words`) or of its
    runs of four characters overlap an evaluation query's by `similarity` (Jaccard). The search is
    exact.

    Examples
    --------
    >>> pairs = [Pair("1", "How do I block my card?", "a"), Pair("2", "what is the weather", "b")]
    >>> kept, leakage = LeakageGuard().clean(pairs, ["how do i block my card"])
    >>> [pair.id for pair in kept], leakage.exact
    (['2'], 1)
    """

    similarity: float = Field(default=0.8, gt=0.0, le=1.0)
    """Jaccard similarity of words or character runs from which two texts are near duplicates."""
    minimum_words: int = Field(default=4, ge=1)
    """Distinct words from which the overlap of words counts."""
    examples: int = Field(default=5, ge=0)
    """Examples to report."""

    def clean(
        self, pairs: Sequence[Pair], evaluation_queries: Sequence[str]
    ) -> tuple[list[Pair], Leakage]:
        """Return the pairs that repeat no evaluation query, and the count of those that do."""
        shown = {normalised(query): query for query in reversed(evaluation_queries)}
        texts = {normalised(text) for pair in pairs for text in (pair.query, pair.positive)}
        fresh = sorted(texts - shown.keys())
        evaluated = sorted(shown)
        near = self._near(fresh, evaluated, _character_runs, 1)
        near |= self._near(fresh, evaluated, _distinct_words, self.minimum_words)
        kept, exact_count, near_count = [], 0, 0
        examples: list[tuple[str, str]] = []
        for pair in pairs:
            keys = (normalised(pair.query), normalised(pair.positive))
            if repeated := [(key, shown[key]) for key in keys if key in shown]:
                exact_count += 1
            elif repeated := [(key, shown[near[key]]) for key in keys if key in near]:
                near_count += 1
            else:
                kept.append(pair)
                continue
            if len(examples) < self.examples:
                original = pair.query if repeated[0][0] == keys[0] else pair.positive
                examples.append((original, repeated[0][1]))
        return kept, Leakage(exact_count, near_count, tuple(examples))

    def _near(
        self,
        texts: Sequence[str],
        evaluated: Sequence[str],
        parts_of: Callable[[str], set[str]],
        minimum_parts: int,
    ) -> dict[str, str]:
        """Return text -> evaluation query for near duplicates by the parts given."""
        import numpy as np

        against = [text for text in evaluated if len(parts_of(text)) >= minimum_parts]
        sizes = np.array([len(parts_of(text)) for text in against])
        if not len(sizes):
            return {}
        columns = {part: i for i, part in enumerate(sorted(set().union(*map(parts_of, against))))}
        # Sets whose sizes differ by more than this cannot overlap enough.
        least, most = sizes.min() * self.similarity, sizes.max() / self.similarity
        known, _ = _incidence(against, parts_of, columns)
        found: dict[str, str] = {}
        chunk = 2048  # texts at once: bounds the memory of the product
        for start in range(0, len(texts), chunk):
            some = [
                text
                for text in texts[start : start + chunk]
                if least <= len(parts_of(text)) <= most
            ]
            if not some:
                continue
            matrix, counts = _incidence(some, parts_of, columns)
            shared = (matrix @ known.T).tocoo()
            union = counts[shared.row] + sizes[shared.col] - shared.data
            large = (counts[shared.row] >= minimum_parts) & (shared.data >= self.similarity * union)
            for row, column in zip(shared.row[large], shared.col[large], strict=True):
                found.setdefault(some[row], against[column])
        return found


def _distinct_words(text: str) -> set[str]:
    return set(text.split())


def _character_runs(text: str) -> set[str]:
    return {text[i : i + 4] for i in range(len(text) - 3)} or {text}


def _incidence(
    texts: Sequence[str], parts_of: Callable[[str], set[str]], columns: dict[str, int]
) -> "tuple[csr_matrix, csr_matrix]":
    """Return a matrix (texts, known parts) of 0 and 1, and each text's number of parts."""
    import numpy as np
    from scipy.sparse import csr_matrix

    rows: list[int] = []
    held: list[int] = []
    sizes: list[int] = []
    for row, text in enumerate(texts):
        parts = parts_of(text)
        present = sorted(columns[part] for part in parts if part in columns)
        rows.extend([row] * len(present))
        held.extend(present)
        sizes.append(len(parts))
    ones = np.ones(len(rows), dtype=np.int32)
    return csr_matrix((ones, (rows, held)), shape=(len(texts), len(columns))), np.array(sizes)
