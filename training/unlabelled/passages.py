"""Passages: the sentences of a document, what many documents repeat, and queries made of one."""

import hashlib
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.pairs import hash_share, normalised
from training.unlabelled.corpus import Corpus
from training.unlabelled.document import Document
from training.unlabelled.lexical import words_of

# A sign that ends sentences, with the quotes and brackets that close after it. Where a script has
# blanks, one follows; the point of "e.g." and of initials ends nothing. Empty lines end a sentence.
_END = re.compile(
    r"(?<=[.!?…؟۔।॥])(?<!\W\w\.)([\"'”’»)\]]*)\s+"
    r"|(?<=[。！？｡])([\"'”’」』）]*)\s*"
    r"|()\s*\n\s*\n\s*"
)
_SHORTEST = 3  # words; shorter pieces join the next one
_COUNTED = 50_000  # documents
_KEY = 8  # bytes of a hash: of a billion sentences, one in forty clashes at most


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text.

    Examples
    --------
    >>> sentences_of("Call us at once. We block your card, e.g. at night. A new one comes by post.")
    ['Call us at once.', 'We block your card, e.g. at night.', 'A new one comes by post.']
    """
    sentences: list[str] = []
    start = 0
    for end in _END.finditer(text):
        piece = text[start : end.end(end.lastindex or 0)].strip()
        if len(words_of(piece)) >= _SHORTEST:
            sentences.append(piece)
            start = end.end()
    if rest := text[start:].strip():
        sentences.append(rest)
    return sentences


def beginning(text: str, reach: int) -> list[str]:
    """Return the sentences that begin within so many words from the start of a text.

    Examples
    --------
    >>> beginning("Call us at once. We block your card. A new one comes by post.", 5)
    ['Call us at once.', 'We block your card.']
    """
    taken: list[str] = []
    words = 0
    for sentence in sentences_of(text):
        if words >= reach:
            break
        taken.append(sentence)
        words += len(words_of(sentence))
    return taken


def without(document: Document, sentences: Sequence[str]) -> str:
    """Return title and text of a document without some of its sentences."""
    text = document.text
    for sentence in sentences:
        text = text.replace(sentence, " ", 1)
    return " ".join(f"{document.title} {text}".split())


def shortened(sentence: str, kept: float, seed: str, most: int | None = None) -> str:
    """Return some words of a sentence in their order, chosen by a hash of the seed.

    Scripts without blanks lose runs of characters instead.

    Parameters
    ----------
    sentence
        The sentence.
    kept
        Share of the words that are kept.
    seed
        Decides which.
    most
        Words, one after the other, out of which they are chosen; None: all.

    Examples
    --------
    >>> shortened("we block the card at once and send a new one", 0.5, "document 7")
    'the card once send a one'
    """
    parts = sentence.split()
    if len(parts) * 2 < len(words_of(sentence)):
        parts = re.findall(r"\w{1,4}|\W+", sentence)
    joint = " " if len(sentence.split()) == len(parts) else ""
    generator = random.Random(seed)
    if most is not None and len(parts) > most:
        start = generator.randrange(len(parts) - most + 1)
        parts = parts[start : start + most]
    count = max(1, round(kept * len(parts)))
    places = sorted(generator.sample(range(len(parts)), count))
    return joint.join(parts[place] for place in places).strip()


def by_hash(corpus: Corpus, rows: Iterable[int], seed: str, most: int) -> list[int]:
    """Return at most so many rows of a corpus, chosen and ordered by a hash of the document's id.

    Which ones are chosen depends on no other document as long as there are few enough.
    """
    place = {row: hash_share(0, seed, corpus.documents[row].id) for row in rows}
    return sorted(place, key=lambda row: (place[row], row))[:most]


@dataclass(frozen=True)
class Repeats:
    """How many documents of a corpus hold a title or a sentence.

    Examples
    --------
    >>> texts = ("All rights reserved.", "We open at nine. All rights reserved.")
    >>> repeats = Repeats.of(Corpus([Document(text, text) for text in texts]))
    >>> repeats.count("all rights reserved")
    2
    """

    keys: NDArray[np.uint64]
    """Hashes of sentences and titles, ascending."""
    counts: NDArray[np.integer]
    """In how many documents each occurs."""

    @classmethod
    def of(cls, corpus: Corpus) -> "Repeats":
        """Count the sentences and titles of a corpus; of a large one, those of a sample."""
        held = [
            np.fromiter({_hash(part) for part in _parts(corpus.documents[row])}, np.uint64)
            for row in by_hash(corpus, range(len(corpus)), "repeats", _COUNTED)
        ]
        if not held:
            return cls(np.array([], np.uint64), np.array([], np.int64))
        return cls(*np.unique(np.concatenate(held), return_counts=True))

    def count(self, part: str) -> int:
        """Return in how many documents a title or a sentence occurs."""
        key = _hash(part)
        place = int(np.searchsorted(self.keys, key))
        found = place < len(self.keys) and self.keys[place] == key
        return int(self.counts[place]) if found else 0


def _parts(document: Document) -> list[str]:
    return [*sentences_of(document.text), *([document.title] if document.title else [])]


def _hash(part: str) -> np.uint64:
    key = normalised(part).encode("utf-8", "surrogatepass")
    return np.uint64(int.from_bytes(hashlib.blake2b(key, digest_size=_KEY).digest(), "big"))
