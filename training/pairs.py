"""Labelled pairs: what they are, which are kept for measuring, and which must not be trained on."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass as plain_dataclass

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from training.near_duplicates import NearDuplicates

SETTINGS = ConfigDict(extra="forbid", strict=True)
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

    A text repeats an evaluation query when it equals it or is a near duplicate (`NearDuplicates`).

    Examples
    --------
    >>> pairs = [Pair("1", "How do I block my card?", "a"), Pair("2", "what is the weather", "b")]
    >>> kept, leakage = LeakageGuard().clean(pairs, ["how do i block my card"])
    >>> [pair.id for pair in kept], leakage.exact
    (['2'], 1)
    """

    similarity: float = Field(default=NearDuplicates.similarity, gt=0.0, le=1.0)
    """Jaccard similarity of words or character runs from which two texts are near duplicates."""
    minimum_words: int = Field(default=NearDuplicates.minimum_words, ge=1)
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
        search = NearDuplicates(self.similarity, self.minimum_words)
        matches = search.matches([(text,) for text in fresh], [(text,) for text in evaluated])
        near = {fresh[row]: evaluated[match] for row, match in matches.items()}
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
