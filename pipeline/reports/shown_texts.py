"""What reports show of texts: all of it, names that nobody without the key can guess, or nothing.

This is the one place that decides. Whatever leaves the store for people to read, as a page, as JSON
in MLflow or as a message, passes through `ShownTexts` first.
"""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Signal
from drift_triggers.statistics.clusters import Cluster
from pipeline.machine import key_from
from pipeline.results import (
    DecisionResult,
    HistoryCycle,
    LessonResult,
    RegionMeasure,
    ScreenFinding,
    TextGroup,
)
from training.evaluation import DarkDocument, Hit, WorstQuery
from training.pairs import normalised
from training.settings import SETTINGS

Policy = Literal["all", "hashed", "none"]
_Result = TypeVar("_Result")

TEXTS: Mapping[type, tuple[str, ...]] = {
    Signal: ("examples",),
    Cluster: ("examples", "terms", "nearest", "anchor_queries"),
    RegionMeasure: ("text",),
    LessonResult: ("leaked_examples",),
    ScreenFinding: ("examples",),
    WorstQuery: ("text",),
    Hit: ("text",),
    DarkDocument: ("text", "query"),
    TextGroup: ("terms", "examples"),
    HistoryCycle: ("terms",),
}
"""Part of a result -> its fields that hold texts or words of users; others hold our sentences."""
OURS: Mapping[type, tuple[str, ...]] = {DecisionResult: ("warnings",)}
"""Fields with sentences that quote settings, and no text."""

_QUOTED = re.compile(r"""(?<!\w)(["'])((?:\\.|(?!\1)[^\\])*)\1(?!\w)""")
_NAME_BEFORE = re.compile(r"\b(?:source|column|strategy|version|field) $")
"""What is quoted behind one of these is a name, not a text."""
_COUNTED = re.compile(r"(.+)( \(\d+ pieces, \d+ texts\))", re.DOTALL)
"""A term with its counts, as the trigger `vocabulary` shows it."""
_NOTHING = "[not shown]"


@dataclass(frozen=True, config=SETTINGS)
class Report:
    """What reports, their JSON, the history page and messages show."""

    texts: Policy = "all"
    """What they show of texts and words of users.

    "hashed" shows a short name in the place of each, the same one for the same text; only who has
    the key of the workspace can try out what it stands for. "none" shows ids and places only.
    """
    key_variable: str = Field(
        default="ANCHORHOLD_SIGNING_KEY", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$"
    )
    """Environment variable with the key that reports are signed with; not set: none is signed."""

    @property
    def key(self) -> bytes | None:
        """The key that the environment holds now."""
        return key_from(self.key_variable)


class ShownTexts:
    """Gives results as reports may show them.

    Parameters
    ----------
    policy
        `report.texts`.
    key
        Makes names of texts that nobody without it can guess.
    redact
        What is taken out of texts that are shown, from text to text: those of anchor sets are shown
        as their files have them. None: nothing.

    Examples
    --------
    >>> signal = Signal("vocabulary", True, "new terms, such as 'visa'", examples=("visa",))
    >>> ShownTexts("none")(signal).reason, ShownTexts("none")(signal).examples
    ("new terms, such as '[not shown]'", ('[not shown]',))
    >>> ShownTexts("hashed", b"a key")(signal).examples
    ('[text:dimngobamk]',)
    """

    def __init__(
        self,
        policy: Policy = "all",
        key: bytes = b"",
        redact: Callable[[str], str] | None = None,
    ) -> None:
        self._policy, self._key, self._redact = policy, key, redact

    @property
    def is_off(self) -> bool:
        """Whether everything is shown as it is."""
        return self._policy == "all" and self._redact is None

    def __call__(self, result: _Result) -> _Result:
        """Return a result, or a JSON value without texts of its own, as it may be shown."""
        if self.is_off:
            return result
        return cast(_Result, self._shown(result, self.sentence))

    def text(self, text: str) -> str:
        """Return what is shown of a text of a user; an empty one stays empty.

        Texts that differ in case or spaces only have the same name; a text that is cut has another.
        """
        if self._redact is not None:
            text = self._redact(text)
        if self._policy == "all" or not text.strip():
            return text
        if self._policy == "none":
            return _NOTHING
        counted = _COUNTED.fullmatch(text)
        term, counts = (counted[1], counted[2]) if counted else (text, "")
        digest = hashlib.blake2b(
            normalised(term).encode("utf-8", "backslashreplace"), key=self._key[:64], digest_size=5
        )
        # Letters only: digits would look like a number of something.
        return f"[text:{digest.hexdigest().translate(_LETTERS)}]{counts}"

    def sentence(self, sentence: str) -> str:
        """Return a sentence of ours without the texts that it quotes; one word is no sentence."""
        if self.is_off or not any(map(str.isspace, sentence)):
            return sentence
        return _QUOTED.sub(self._unquoted, sentence)

    def _unquoted(self, quoted: re.Match[str]) -> str:
        if _NAME_BEFORE.search(quoted.string, 0, quoted.start()):
            return quoted[0]
        return f"{quoted[1]}{self.text(quoted[2])}{quoted[1]}"

    def _shown(self, value: Any, show: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return show(value)
        if isinstance(value, BaseModel):
            fields = type(value).model_fields
            changed = self._fields(value, tuple(fields))
            return value.model_copy(update=changed) if changed else value
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changed = self._fields(value, tuple(each.name for each in dataclasses.fields(value)))
            return dataclasses.replace(value, **changed) if changed else value
        if isinstance(value, tuple | list):
            return type(value)(self._shown(each, show) for each in value)
        if isinstance(value, Mapping):
            return {name: self._shown(each, show) for name, each in value.items()}
        return value

    def _fields(self, value: Any, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the fields of a part of a result that are shown otherwise than they are."""
        texts, ours = TEXTS.get(type(value), ()), OURS.get(type(value), ())
        changed = {}
        for name in names:
            before = getattr(value, name)
            if name in ours:
                continue
            after = self._shown(before, self.text if name in texts else self.sentence)
            if after != before:
                changed[name] = after
        return changed


_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
