"""Injected drift: real texts, changed as one of the causes of drift would change them."""

import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.store import Traffic

COINED = (
    "promptflux", "zeroshotify", "retrievagent", "hallucicheck", "vibecoding", "embedverse",
    "tokenforge", "quantloop", "agentops", "guardrailing", "finetunr", "ragstack",
    "multimodalix", "chunkweave", "rerankify", "contextpilot", "synthdata", "groundlens",
    "distillery9", "loraswap", "evalharness", "moegate", "kvcaching", "specdecode",
)  # fmt: skip
"""Words that no text of before has and a tokenizer must split, as new fields of work make them."""
_NARROW = 12
"""Own answers that come back, at most: a loop repeats the same few."""
_FIELD = 8
"""Words of a field that one word takes the place of, at most."""
_LINE = 28
"""Characters of a line that a broken parser makes."""


class Injection(Protocol):
    """What changes the texts of one window."""

    def inject(self, window: Sequence[Traffic], strength: float, seed: int) -> list[Traffic]:
        """Return the window, changed.

        Parameters
        ----------
        window
            Texts of a quiet window; their order, ids and times stay.
        strength
            Share of the texts that can change and do, 0 to 1. What a lower strength changes, a
            higher one changes too.
        seed
            Which of the texts change.
        """
        ...


def _places(eligible: Sequence[int], strength: float, seed: int) -> NDArray[np.int64]:
    """Return which of the eligible rows change; more strength only adds rows."""
    order = np.random.default_rng([seed, 11]).permutation(np.array(eligible, dtype=np.int64))
    return order[: round(strength * len(order))]


def _with_texts(window: Sequence[Traffic], texts: Mapping[int, Traffic | str]) -> list[Traffic]:
    """Return the window with other texts in some rows; who asked and when stays."""
    changed = list(window)
    for row, new in texts.items():
        text, source = (new, changed[row].source) if isinstance(new, str) else (new.text, "")
        if not isinstance(new, str):
            source = new.source or changed[row].source
        changed[row] = replace(changed[row], text=text, source=source)
    return changed


@dataclass(frozen=True)
class NewTopics:
    """Cause 1, concept drift: texts about topics that the quiet past does not know."""

    pool: tuple[Traffic, ...]
    """Texts about the new topics."""

    def inject(self, window: Sequence[Traffic], strength: float, seed: int) -> list[Traffic]:
        """Put a text about a new topic in the place of each chosen one."""
        drawn = np.random.default_rng([seed, 12]).permutation(len(self.pool))
        rows = _places(range(len(window)), strength, seed)
        return _with_texts(
            window,
            {int(row): self.pool[drawn[at % len(drawn)]] for at, row in enumerate(rows)},
        )


@dataclass(frozen=True)
class NewWords:
    """Cause 3, vocabulary: new words take the place of usual ones, and the tokenizer splits them.

    A usual word always becomes the same new word.
    """

    coined: tuple[str, ...] = COINED
    """The new words."""

    def inject(self, window: Sequence[Traffic], strength: float, seed: int) -> list[Traffic]:
        """Put new words in the place of the two longest words of each chosen text."""
        rows = _places(range(len(window)), strength, seed)
        return _with_texts(window, {int(row): self._renamed(window[row].text) for row in rows})

    def _renamed(self, text: str) -> str:
        words = dict.fromkeys(re.findall(r"[^\W\d_]{4,}", text))
        longest = sorted(words, key=lambda word: (-len(word), word))[:2]
        if not longest:
            return f"{text} {self._coined_for(text)}"
        for word in longest:
            text = re.sub(rf"\b{re.escape(word)}\b", self._coined_for(word), text)
        return text

    def _coined_for(self, word: str) -> str:
        return self.coined[sum(map(ord, word.casefold())) % len(self.coined)]


@dataclass(frozen=True)
class NewParser:
    """Cause 4, pipeline: another parser breaks lines, adds page headers and loses capitals.

    What the texts ask for stays.
    """

    header: str = "| Page {page} |"
    """What it writes above each text."""

    def inject(self, window: Sequence[Traffic], strength: float, seed: int) -> list[Traffic]:
        """Parse the chosen texts badly."""
        rows = _places(range(len(window)), strength, seed)
        return _with_texts(window, {int(row): self._parsed(window[row].text) for row in rows})

    def _parsed(self, text: str) -> str:
        head = self.header.format(page=1 + len(text) % 40)
        # Textwrap drops what is only blanks; such a text keeps its header alone.
        return "\n".join([head, *textwrap.wrap(text.lower(), _LINE)])


@dataclass(frozen=True)
class OtherSense:
    """Cause 5, temporal decay: a word is used for something else, as "server" came to mean.

    The word takes the place of words of another field, and one of those takes its own place.
    """

    term: str
    """The word whose meaning changes."""
    others: tuple[str, ...]
    """Words of the field in which it is used from now on."""

    def inject(self, window: Sequence[Traffic], strength: float, seed: int) -> list[Traffic]:
        """Exchange the words in the chosen texts that have one of them."""
        words = "|".join(map(re.escape, (self.term, *self.others)))
        either = re.compile(rf"\b({words})\b", flags=re.IGNORECASE)
        having = [row for row, each in enumerate(window) if either.search(each.text)]
        rows = _places(having, strength, seed)
        twice = re.compile(rf"\b({re.escape(self.term)})(?:\s+{re.escape(self.term)}\b)+")
        changed = {int(row): either.sub(self._exchanged, window[row].text) for row in rows}
        return _with_texts(window, {row: twice.sub(r"\1", text) for row, text in changed.items()})

    def _exchanged(self, found: re.Match[str]) -> str:
        return self.others[0] if found[0].casefold() == self.term.casefold() else self.term


@dataclass(frozen=True)
class OwnOutput:
    """Cause 6, feedback loop: what the system answered comes back as what people ask.

    The same few answers come back again and again.
    """

    answers: tuple[str, ...]
    """What the system answered."""
    source: str = ""
    """Source that marks own output, where the records have such a mark."""

    def inject(self, window: Sequence[Traffic], strength: float, seed: int) -> list[Traffic]:
        """Put an own answer in the place of each chosen text."""
        rows = _places(range(len(window)), strength, seed)
        drawn = np.random.default_rng([seed, 13]).permutation(len(self.answers))[:_NARROW]
        return _with_texts(
            window,
            {
                int(row): Traffic(self.answers[drawn[at % len(drawn)]], source=self.source)
                for at, row in enumerate(rows)
            },
        )


def turned(vectors: NDArray[np.float32], strength: float, seed: int) -> NDArray[np.float32]:
    """Return unit vectors as another model would give them: cause 2, a model update.

    Parameters
    ----------
    vectors
        Unit vectors, shape ``(n, dimensions)``.
    strength
        How far they turn, 0 to 1: 0 leaves them, 1 gives vectors of an unrelated space.
    seed
        Which other space it is.
    """
    size = vectors.shape[1]
    # The orthogonal matrix of a Gaussian one is uniform over all turns.
    turn = np.linalg.qr(np.random.default_rng([seed, 14]).normal(size=(size, size)))[0]
    mixed = (1.0 - strength) * vectors + strength * (vectors @ turn)
    lengths = np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)
    return np.asarray(mixed / lengths, dtype=np.float32)


def other_sense(
    terms: Sequence[str], texts: Sequence[str], vectors: NDArray[np.float32], fewest: float
) -> OtherSense | None:
    """Return a word and the words of the field farthest from its own; None if none is frequent.

    Parameters
    ----------
    terms
        Which words may get another meaning; empty: any.
    vectors
        Unit vectors of the texts, shape ``(texts, dimensions)``.
    fewest
        Share of the texts that must have the word, before and after.
    """
    words = [set(content_words(text)) for text in texts]
    counts = Counter(word for each in words for word in each)
    having = {
        word: np.array([word in each for each in words])
        for word, count in counts.most_common(80)
        if count >= max(10, 0.015 * len(texts))
    }
    centres = {word: vectors[rows].mean(axis=0) for word, rows in having.items()}
    allowed = {each.casefold() for each in terms} or set(having)
    frequent = [word for word in having if word in allowed and counts[word] >= fewest * len(texts)]
    apart = [
        (_distance(centres, term, other), term, other)
        for term in frequent
        for other in having
        if other != term
        and (having[term] & having[other]).sum() < 0.2 * min(counts[term], counts[other])
    ]
    for _, term, first in sorted(apart, reverse=True):
        near = [
            word
            for word in sorted(having, key=partial(_distance, centres, first))
            if (having[term] & having[word]).sum() < 0.2 * counts[word]
        ]
        covered = np.zeros(len(texts), dtype=bool)
        field: list[str] = []
        for word in near[:_FIELD]:
            field.append(word)
            covered |= having[word] & ~having[term]
            if covered.sum() >= counts[term]:
                break  # It stays about as frequent as it was.
        if covered.mean() >= fewest:
            return OtherSense(term, tuple(field))
    return None


def _distance(centres: Mapping[str, NDArray[np.float32]], left: str, right: str) -> float:
    return float(np.linalg.norm(centres[left] - centres[right]))


def content_words(text: str) -> list[str]:
    """Return the words of a text that say what it is about, without case."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    found = re.findall(r"[^\W\d_]{4,}", text.casefold())
    return [word for word in found if word not in ENGLISH_STOP_WORDS]
