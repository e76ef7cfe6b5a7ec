"""The labelled pair, and when two texts or two pairs count as the same."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass as plain_dataclass

_PUNCTUATION = re.compile(r"[^\w\s]|_")
_SHOWN = 80
"""Characters of each text that an example shows."""


@plain_dataclass(frozen=True)
class Pair:
    """One labelled row: a query and a text that answers it."""

    id: str
    """Id of the record."""
    query: str
    """The query."""
    positive: str
    """A text that answers the query."""
    negative: str = ""
    """A text that does not answer it; empty: none."""
    source: str = ""
    """Domain that the pair comes from."""
    timestamp: float | None = None
    """Seconds since the epoch; None: unknown."""
    group: str = ""
    """Conversation, customer or the like, which a split keeps together; empty: unknown."""


def normalised(text: str) -> str:
    r"""Return the key under which two texts count as the same.

    The key is in Unicode's NFKC form and lower case, without punctuation and with single spaces.
    A text that is only punctuation keeps it.

    Examples
    --------
    >>> normalised("  Où est\tma CARTE ?")
    'où est ma carte'
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    words = _PUNCTUATION.sub(" ", folded).split()
    return " ".join(words) if words else " ".join(folded.split())


def in_short(pair: Pair) -> str:
    """Return the beginning of both texts of a pair, for an example that people read."""
    return f"{pair.query[:_SHOWN]} -> {pair.positive[:_SHOWN]}"


def pair_key(pair: Pair) -> str:
    """Return the identity of a pair by content: its normalised query and positive."""
    return f"{normalised(pair.query)}\x1f{normalised(pair.positive)}"


def hash_share(seed: int, *parts: str) -> float:
    """Return a number in [0, 1) that depends only on the seed and the parts."""
    content = "\x1f".join((str(seed), *parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") / 2**64
