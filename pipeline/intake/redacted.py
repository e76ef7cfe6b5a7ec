"""Records without what names or reaches a person, before anything is made or kept of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar, cast

from pipeline.intake.bad_record import BadRecord
from pipeline.intake.batches import Batch
from pipeline.intake.pages import Page
from pipeline.intake.read_by import REDACT, REDACTOR, ReadBy
from pipeline.intake.redaction import Mode, Redaction
from pipeline.intake.served_lines import Done, Line, Pick
from pipeline.store import Fault, Record, Traffic
from training.pairs import Pair
from training.unlabelled import Document, ServedQuery, Shown

_Content = TypeVar("_Content", bound=Pair | Traffic | Document | ServedQuery)
_TEXTS: Mapping[type, tuple[str, ...]] = {
    Pair: ("query", "positive", "negative"),
    Traffic: ("text",),
    Document: ("text", "title", "url"),
    ServedQuery: ("query", "answer"),
}
_NAMES = ("source", "group", "session", "user")


@dataclass(frozen=True)
class Redacted:
    """Takes personal data out of what was read, and tells how the store may hold it already.

    A record that was stored under another setting, and is read again, is known by its other forms;
    otherwise each change of the setting would store it once more.

    Parameters
    ----------
    redaction
        What is taken out.
    before
        What was taken out of records that are stored.
    """

    redaction: Redaction
    before: tuple[Redaction, ...] = ()

    @classmethod
    def as_before(
        cls, redaction: Redaction, way: ReadBy, ways: Iterable[Mapping[str, str | int]]
    ) -> Self:
        """Return what takes personal data out of records of a store that has others already.

        Parameters
        ----------
        redaction
            What is taken out.
        way
            How the settings say so, as `read_by.redacted` tells.
        ways
            What read the stored records. A function of the user that is no longer named is not
            known any more.
        """
        own = str(way.get(REDACTOR, ""))
        told = {(str(each.get(REDACT, "off")), str(each.get(REDACTOR, ""))) for each in ways}
        # What an earlier release stored is as it was given, and nothing is noted of it.
        told = {each for each in {*told, ("off", "")} if each[1] in ("", own)}
        before = sorted(told - {(str(way.get(REDACT, "off")), own)})
        others = (redaction.other(cast(Mode, mode), own=bool(by)) for mode, by in before)
        return cls(redaction, tuple(others))

    @property
    def is_off(self) -> bool:
        """Whether records stay what they were, now and before."""
        return self.redaction.is_off and not self.before

    def batch(self, batch: Batch, label: str) -> Batch:
        """Return what was read as it may be kept; what may not is a fault.

        Parameters
        ----------
        batch
            Some records of one file.
        label
            Name of the file.
        """
        if self.is_off:
            return batch
        faults = [*batch.faults]
        records = self._records(batch.records, label, faults)
        return Batch(records, self._records(batch.others, label, faults), faults)

    def _records(self, records: Sequence[Record], label: str, faults: list[Fault]) -> list[Record]:
        kept = []
        for each in records:
            try:
                kept.append(self.record(each))
            except BadRecord as bad:
                faults.append(Fault(label, each.line, str(bad)))
        return kept

    def record(self, record: Record) -> Record:
        """Return a record as it may be kept, with its other forms.

        Raises
        ------
        BadRecord
            Nothing of it may be kept, or the function of the user failed.
        """
        if self.is_off:
            return record
        left = _applied(self.redaction, record)
        others = [_applied(each, record) for each in self.before]
        forms = tuple(each for each in others if each != left)
        return replace(left, redacted=left != record, forms=forms)

    def later(self, line: Line) -> Line:
        """Return a line without a query, which adds to one that is stored, in the names of that.

        Raises
        ------
        BadRecord
            The function of the user failed.
        """
        if self.redaction.is_off:
            return line
        done = Done(
            tuple(map(self._pick, line.done.clicked)),
            tuple((self._pick(pick), rating) for pick, rating in line.done.rated),
            tuple(map(self._pick, line.done.seen)),
            line.done.whole,
        )
        return replace(line, id=self.redaction.id(line.id), done=done)

    def answer(self, text: str) -> str:
        """Return an answer that came after its query, as it may be kept.

        Raises
        ------
        BadRecord
            The function of the user failed.
        """
        return _text(self.redaction, "answer", text)

    def result(self, name: str) -> str:
        """Return what names a result, as it may be kept.

        Raises
        ------
        BadRecord
            The function of the user failed.
        """
        return _result(self.redaction, name)

    def page(self, page: Page) -> Page:
        """Return a page as it may be kept; sections are named by its headings, so it comes first.

        Raises
        ------
        BadRecord
            The function of the user failed.
        """
        if self.redaction.is_off:
            return page
        blocks = [
            replace(
                block,
                text=text,
                anchor=block.anchor if text == block.text else "",
            )
            for block in page.blocks
            if (text := _text(self.redaction, "text", block.text)) or block.level
        ]
        title = _text(self.redaction, "title", page.title)
        return replace(page, blocks=blocks, title=title, url=_text(self.redaction, "url", page.url))

    def _pick(self, pick: Pick) -> Pick:
        return pick._replace(name=self.result(pick.name))


AS_THEY_ARE = Redacted(Redaction("off"))
"""Takes out nothing."""


def _applied(redaction: Redaction, record: Record) -> Record:
    more = tuple(_content(redaction, each) for each in record.more)
    return replace(record, content=_content(redaction, record.content), more=more)


def _content(redaction: Redaction, content: _Content) -> _Content:
    """Return what a record holds, as it may be kept."""
    if redaction.is_off:
        return content
    changed: dict[str, Any] = {
        name: left for name, value, left in _left(redaction, content) if left != value
    }
    if isinstance(content, ServedQuery):
        changed |= _done(redaction, content)
    return replace(content, **changed) if changed else content


def _done(redaction: Redaction, line: ServedQuery) -> dict[str, Any]:
    """Return what was shown, clicked and rated, in the same names."""
    shown = tuple(_shown(redaction, each) for each in line.shown)
    names = {
        before.id or before.text: after.id or after.text
        for before, after in zip(line.shown, shown, strict=True)
    }

    def named(name: str) -> str:
        return names[name] if name in names else _result(redaction, name)

    return {
        "shown": shown,
        "clicked": tuple(map(named, line.clicked)),
        "feedback": tuple((named(name), rating) for name, rating in line.feedback),
    }


def _result(redaction: Redaction, name: str) -> str:
    """Return what names a result: its text if it has no id, and ids hold no spaces as a rule."""
    return _text(redaction, "a click", name) if " " in name else redaction.id(name)


def _left(
    redaction: Redaction, content: Pair | Traffic | Document | ServedQuery
) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each field, its value, and what is left of it."""
    required = _TEXTS[type(content)]
    for name in required:
        value = getattr(content, name)
        left = _text(redaction, name, value)
        if value and not left and name in ("query", "positive", "text"):
            raise BadRecord(f"nothing is left of {name} (intake.redactor); the record is not kept")
        yield name, value, left
    for name in _NAMES:
        value = getattr(content, name, "")
        yield name, value, redaction.name(value)
    yield "id", content.id, redaction.id(content.id)


def _shown(redaction: Redaction, shown: Shown) -> Shown:
    text, id = _text(redaction, "a result", shown.text), redaction.id(shown.id)
    return shown if (text, id) == (shown.text, shown.id) else replace(shown, text=text, id=id)


def _text(redaction: Callable[[str], str], name: str, text: str) -> str:
    if not text:
        return text
    try:
        return redaction(text)
    except Exception as fault:
        # Its message may hold the text.
        raise BadRecord(
            f"{name} cannot be kept: intake.redactor failed on it ({type(fault).__name__})"
        ) from None
