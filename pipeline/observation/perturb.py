"""Small changes of a text that mean nothing, to see how far they move its embedding."""

import hashlib


def perturbed(text: str) -> tuple[str, str, str]:
    """Return copies of a text: one word dropped, one doubled, and small letters spaced wide.

    Which words is decided by a hash of the text, so that a text always gets the same copies. A
    text of one word cannot lose it and keeps it.

    Examples
    --------
    >>> perturbed("Where is my Card")
    ('Where is my', 'Where is is my Card', 'where  is  my  card')
    """
    words = text.split()
    if not words:
        return text, text, text
    chosen = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
    drop, double = chosen % len(words), (chosen // len(words)) % len(words)
    dropped = [*words[:drop], *words[drop + 1 :]] or words
    doubled = [*words[: double + 1], *words[double:]]
    return " ".join(dropped), " ".join(doubled), "  ".join(word.lower() for word in words)
