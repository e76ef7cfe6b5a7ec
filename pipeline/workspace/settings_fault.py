"""The fault of a settings file, and the word that somebody may have meant."""

import difflib
from collections.abc import Iterable, Sequence

from training.faults import AnchorholdError


class SettingsFault(AnchorholdError, ValueError):
    """A settings file that cannot be used; the message names file, key and what is allowed.

    Attributes
    ----------
    keys
        The keys that are wrong, such as `gate.max_drop`; empty where no key is to blame.
    """

    def __init__(self, message: str, keys: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.keys = tuple(keys)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return " (did you mean …?)" where one of the words is close, else nothing.

    Examples
    --------
    >>> nearest("gaet", ["gate", "mix"])
    ' (did you mean gate?)'
    """
    close = close_to(word, words)
    return f" (did you mean {close[0]}?)" if close else ""


def close_to(word: str, words: Iterable[str]) -> list[str]:
    """Return the one of the words that is closest, in a list; an empty one where none is close."""
    return difflib.get_close_matches(word, list(words), n=1)
