"""Erasing records on request: what is meant, what would go, and doing it."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.cycle import finish_erasing
from pipeline.erasure import (
    ALL_REMEMBER,
    REMEMBERS,
    Affected,
    Scrubber,
    affected,
    input_places,
    with_lines,
)
from pipeline.operations.named import only_named
from pipeline.registry import lies_in
from pipeline.results import EraseResult, InputPlace
from pipeline.store import Erasable, ErasedBy, Erasure
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault
from training.pairs import normalised

_SHORTEST = 4
"""Letters of a part of a text at least; fewer would be in half of all texts."""


_MOST_INPUTS = 1000
"""Lines that are named at most; a person who has more deletes whole files."""


@dataclass(frozen=True)
class Meant:
    """The records that a person names; exactly one of the fields must be set.

    Attributes
    ----------
    id
        The pair, text, document or line of a log with this id.
    source
        All records of this source.
    text
        All records whose normalised text contains this.
    """

    id: str | None = None
    source: str | None = None
    text: str | None = None

    def named(self) -> tuple[ErasedBy, str]:
        """Return what is named, and the name.

        Raises
        ------
        DataFault
            Not exactly one is named, or too little of a text.
        """
        fields: dict[ErasedBy, str | None] = {
            "id": self.id,
            "source": self.source,
            "text": self.text,
        }
        kind, name = only_named(fields, "id, source and text")
        if kind == "text" and len(normalised(name).replace(" ", "")) < _SHORTEST:
            raise DataFault(
                f"--text-like {name!r} has fewer than {_SHORTEST} letters or digits; so little "
                "would be in texts of others, too"
            )
        if not name:
            raise DataFault(f"the {kind} is empty; it must name records")
        return kind, name


def erase_records(
    opened: OpenWorkspace,
    meant: Meant,
    *,
    reason: str,
    who: str,
    now: datetime,
    dry_run: bool,
) -> EraseResult:
    """Erase records from all places that the workspace keeps, for good.

    Parameters
    ----------
    opened
        The open workspace, held exclusively unless it is a dry run.
    meant
        Which records.
    reason, who, now
        What the log keeps; the reason must not repeat what is erased.
    dry_run
        Whether only to tell what would go.

    Raises
    ------
    DataFault
        There are no such records, the reason is empty or repeats what is erased, or a cycle is
        unfinished, which must end with the records that it began with.
    """
    kind, name = meant.named()
    store = opened.store
    unfinished = store.unfinished_cycle()
    if unfinished:
        raise DataFault(
            f"cycle {unfinished.id} is unfinished and uses these records; finish it with "
            "`anchorhold run`, then erase"
        )
    begun = None if dry_run else store.unfinished_erasure()
    plan = begun.plan if begun is not None else None
    if begun is not None and plan is not None and (plan.kind, plan.name) == (kind, name):
        return _finished(opened, begun.number, plan, now)
    left = [] if dry_run else finish_erasing(opened, now)
    plan = with_lines(opened, store.find_erasable(kind, name, _also(opened, kind, name)))
    _must_say_why(reason, plan)
    found = affected(opened, plan)
    inputs = input_places(opened, plan)
    if not plan.rows and not found.removed:
        where = f"; {len(inputs)} lines of your files hold it" if inputs else ""
        if kind == "text" and opened.settings.redaction.without(name) != name:
            where += (
                "; what intake.redact takes out of texts is not stored: name the records by their "
                "id or source, or by other words of their texts"
            )
        raise DataFault(f"nothing that is kept has this {kind}{where}")
    if dry_run:
        with store.rehearsal():
            begun = store.begin_erasure(plan, reason, who, now)
            store.erase_rows(begun.number, Scrubber.of(plan).json)
            done = store.erasure(begun.number)
    else:
        begun = store.begin_erasure(plan, reason, who, now)
        left += finish_erasing(opened, now)
        done = store.erasure(begun.number)
    return _result(opened, done, found, inputs, (*found.left, *left), dry_run=dry_run)


def _finished(opened: OpenWorkspace, number: int, plan: Erasable, now: datetime) -> EraseResult:
    """Finish an erasure that was interrupted, for the same command once more."""
    found, inputs = affected(opened, plan), input_places(opened, plan)
    left = finish_erasing(opened, now)
    done = opened.store.erasure(number)
    return _result(opened, done, found, inputs, (*found.left, *left), dry_run=False)


def _also(opened: OpenWorkspace, kind: ErasedBy, name: str) -> tuple[str, ...]:
    """Return how records hold a name out of which something was taken when they arrived.

    A mark that stands for any address or number is no name: it would mean records of others.
    """
    redaction = opened.settings.redaction
    found = [redaction.id(name) if kind == "id" else redaction.name(name)]
    if kind == "text" and redaction.tells(name):
        found.append(redaction.without(name))
    return tuple(dict.fromkeys(each for each in found if each != name))


def _must_say_why(reason: str, plan: Erasable) -> None:
    if not reason.strip():
        raise DataFault("the reason is empty; it must say why, the log keeps it")
    scrubber = Scrubber.of(plan)
    repeated = any(each in reason for each in (plan.name, *plan.also))
    if scrubber.is_erased(reason) or (plan.kind != "source" and repeated):
        raise DataFault("the reason repeats what is to be erased, and the log would keep it")


def _result(
    opened: OpenWorkspace,
    done: Erasure,
    found: Affected,
    inputs: tuple[InputPlace, ...],
    left: tuple[str, ...],
    *,
    dry_run: bool,
) -> EraseResult:
    served = {move.version for move in opened.store.promotions()}
    earlier = served - {*found.trained}
    remembers = (REMEMBERS if earlier else ALL_REMEMBER) if found.trained else ""
    return EraseResult(
        number=None if dry_run else done.number,
        kind=done.kind,
        reason=done.reason,
        who=done.who,
        at=done.at,
        dry_run=dry_run,
        records=done.records,
        removed={**found.removed, **done.removed},
        versions=tuple(found.versions),
        trained=found.trained,
        remembers=remembers,
        inputs=inputs[:_MOST_INPUTS],
        more_inputs=max(0, len(inputs) - _MOST_INPUTS),
        left=tuple(dict.fromkeys((*left, *_elsewhere(opened)))),
    )


def _elsewhere(opened: OpenWorkspace) -> list[str]:
    """Say what other machines and servers may still hold."""
    settings, told = opened.settings, []
    if not settings.store_url.startswith("sqlite"):
        told.append(
            "the database server may hold deleted rows in its logs and backups; other machines of "
            "this workspace hold copies: remove versions, cycles and cache in their .anchorhold"
        )
    if not lies_in(settings.tracking_uri, settings.root, settings.state):
        told.append("backups and logs of the MLflow server are its owner's to erase from")
    if any(each.startswith("mlflow:") for each in settings.tables.data.places.get("log", ())):
        told.append("traces in MLflow that were read as a log are not changed; delete them there")
    return told
