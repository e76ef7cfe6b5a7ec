"""Taking erased texts out of sentences and results, also where these quote only their beginning."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from pipeline.store import ERASED, Erasable, words_of
from training.evaluation import content_id
from training.pairs import normalised

TEXT_KEYS = frozenset(
    [
        "answer",
        "documents",
        "examples",
        "leaked_examples",
        "old",
        "new",
        "queries",
        "query",
        "results",
        "shown",
        "snippet",
        "terms",
        "text",
        "texts",
        "title",
    ]
)
"""Keys whose values are texts of users, not sentences of ours."""
_LOOSE = "term_meaning"
"""The trigger whose reason lists words of texts without marks around them."""
_FEW = 3
"""Words below which a text may be part of a sentence by chance."""
_SHORT = 16
"""Characters of a text in few words from which it is none by chance; judged, not measured."""
_LED = 3
"""Words by which the beginning of a quoted text is found."""
_WORD = re.compile(r"\w+")
_CUT = re.compile(r"\s*(…|\.\.\.|\[\.\.\.\]|['\"”’]?\s*$)")
_NAMED = re.compile(r"(['\"])(.+?)\1")
_OPENS, _CLOSES = "'\"“‘`(", "'\"”’`)"


@dataclass(frozen=True)
class Scrubber:
    """Replaces erased texts by a mark.

    Attributes
    ----------
    texts
        The texts that are gone.
    words
        Words that only these held.
    names
        Ids of the records.
    needles
        Parts of a text that must be nowhere, normalised.
    """

    texts: Sequence[str] = ()
    words: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    needles: tuple[str, ...] = ()

    @classmethod
    def of(cls, plan: Erasable) -> Self:
        """Return what takes out what an erasure erases."""
        digests = {
            content_id(letter, normalised(text)) for text in plan.texts for letter in ("q", "d")
        }
        names = frozenset(plan.names | digests)
        return cls(tuple(plan.texts), frozenset(plan.words), names, plan.needles)

    def json(self, value: Any, key: str = "", *, loose: bool = False) -> Any:
        """Return a JSON value without the texts; numbers, ids of others and keys stay."""
        if isinstance(value, dict):
            loose = loose or value.get("trigger") == _LOOSE
            # What people judged is named by version: both hold texts.
            shown = key == "results"
            return {
                name: self.json(each, key if shown else name, loose=loose)
                for name, each in value.items()
            }
        if isinstance(value, list):
            return [self.json(each, key, loose=loose) for each in value]
        if not isinstance(value, str):
            return value
        if key in TEXT_KEYS:
            return self.text(value)
        if key in ("id", "document", "source", "name", "subject"):
            return ERASED if value in self.names else value
        return self.sentence(value, loose=loose or _LOOSE in value)

    def text(self, text: str) -> str:
        """Return a quoted text of a user, without what is erased."""
        if text in self.names or normalised(text) in self._whole:
            return ERASED
        return self._without_needle(self._replaced(text, short=False, words=True))

    def sentence(self, sentence: str, *, loose: bool = False) -> str:
        """Return a sentence of ours without the texts that it quotes."""
        if not _spaced(sentence):
            # One word is no sentence: an outcome, a version, the name of a trigger.
            return sentence
        named = _NAMED.sub(self._without_name, sentence) if self.names else sentence
        return self._without_needle(self._replaced(named, short=True, words=loose))

    def is_erased(self, text: str) -> bool:
        """Say whether a whole text is one of those, or holds what must be nowhere."""
        key = normalised(text)
        return key in self._whole or any(needle in key for needle in self.needles)

    @cached_property
    def _whole(self) -> frozenset[str]:
        return frozenset(normalised(text) for text in self.texts)

    @cached_property
    def _led(self) -> dict[tuple[str, ...], list[list[str]]]:
        """Return first words -> the texts that begin with them, the longest first."""
        found: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
        for text in self.texts:
            if words := words_of(text):
                found[tuple(words[:_LED])].append(words)
        for each in found.values():
            each.sort(key=len, reverse=True)
        return found

    def _replaced(self, text: str, *, short: bool, words: bool) -> str:
        spans = list(self._spans(text, guard_short=short, words=words))
        for start, end in reversed(spans):
            text = f"{text[:start]}{ERASED}{text[end:]}"
        return text

    def _spans(self, text: str, *, guard_short: bool, words: bool) -> Iterator[tuple[int, int]]:
        found = list(_WORD.finditer(text))
        # A word may be several in Unicode's compatible form; then only the first counts.
        keys = [(words_of(each[0]) or [""])[0] for each in found]
        place = 0
        while place < len(found):
            taken = self._length(text, found, keys, place, guard_short)
            if not taken and self._is_word(text, found[place], keys[place], words):
                taken = 1
            if taken:
                yield found[place].start(), found[place + taken - 1].end()
            place += max(1, taken)

    def _length(
        self,
        text: str,
        found: Sequence[re.Match[str]],
        keys: Sequence[str],
        place: int,
        guard_short: bool,
    ) -> int:
        """Return how many words from a place on are an erased text, or the beginning of one."""
        for led in range(_LED, 0, -1):
            for words in self._led.get(tuple(keys[place : place + led]), ()):
                same = 0
                for ours, theirs in zip(words, keys[place:], strict=False):
                    if ours != theirs:
                        break
                    same += 1
                first, last = found[place].start(), found[place + same - 1].end()
                quoted = _is_quoted(text, first, last)
                if same == len(words):
                    if quoted or not guard_short or same >= _FEW or last - first >= _SHORT:
                        return same
                    continue
                cut = place + same < len(keys) and words[same].startswith(keys[place + same])
                whole = same + cut
                last = found[place + whole - 1].end()
                if last - first >= _SHORT and _CUT.match(text, last):
                    return whole
        # Of a text without spaces, only a part of its one word is quoted.
        cut_word = found[place]
        if cut_word.end() - cut_word.start() >= _SHORT and _CUT.match(text, cut_word.end()):
            return int(any(led[0].startswith(keys[place]) for led in self._led))
        return 0

    def _is_word(self, text: str, found: re.Match[str], key: str, words: bool) -> bool:
        known = key in self.words or found[0] in self.names
        return known and (words or _is_quoted(text, found.start(), found.end()))

    def _without_name(self, quoted: re.Match[str]) -> str:
        mark, name = quoted[1], quoted[2]
        return f"{mark}{ERASED}{mark}" if name in self.names else quoted[0]

    def _without_needle(self, text: str) -> str:
        """Return a text without what must be nowhere, whatever stands around it."""
        for needle in self.needles:
            if needle in normalised(text):
                words = r"[\W_]+".join(re.escape(word) for word in needle.split())
                text = re.sub(rf"\w*{words}\w*", ERASED, text, flags=re.IGNORECASE)
                text = ERASED if needle in normalised(text) else text
        return text


def _is_quoted(text: str, start: int, end: int) -> bool:
    whole = not text[:start].strip() and not text[end:].strip()
    return whole or (
        text[start - 1 : start] in tuple(_OPENS) and text[end : end + 1] in tuple(_CLOSES)
    )


def _spaced(text: str) -> bool:
    return any(letter.isspace() for letter in text.strip())
