"""Labelled pairs: what they are, which are kept for measuring, and which must not be trained on."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass as plain_dataclass

_PUNCTUATION = re.compile(r"[^\w\s]|_")


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
