"""Identity of the rows of an index: of an id, of a text, and of all of them together."""

import hashlib

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.bytes_]
"""Digests, 16 bytes each."""


def key_of(id: str) -> str:
    """Return what names the row of an id: 32 hexadecimal digits, safe in a condition."""
    return _digest(f"id {id}")


def digest_of(text: str) -> str:
    """Return the identity of an encoded text: 32 hexadecimal digits."""
    return _digest(f"text {text}")


def packed(digests: list[str]) -> Keys:
    """Return digests as an array.

    Examples
    --------
    >>> packed([key_of("a"), key_of("b")]).dtype
    dtype('S16')
    """
    return np.frombuffer(bytes.fromhex("".join(digests)), dtype="S16")


def digest_of_all(keys: Keys, digests: Keys) -> str:
    """Return the identity of an index: sha256 of its sorted keys and digests.

    Examples
    --------
    >>> keys, texts = packed([key_of("a"), key_of("b")]), packed([digest_of("x"), digest_of("y")])
    >>> digest_of_all(keys, texts) == digest_of_all(keys[::-1], texts[::-1])
    True
    """
    order = np.argsort(keys, kind="stable")
    rows = np.empty(len(keys), dtype=[("key", "S16"), ("digest", "S16")])
    rows["key"], rows["digest"] = keys[order], digests[order]
    return hashlib.sha256(rows.tobytes()).hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
