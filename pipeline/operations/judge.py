"""Judging: two versions' results for queries of the log, shown to people who answer blind."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.judging import (
    Choice,
    Questions,
    Session,
    Shown,
    anchor_set,
    certainty,
    read_sheet,
    serve,
    summary,
    write_sheet,
)
from pipeline.operations.judge_search import documents_of, draw_questions
from pipeline.registry import Version
from pipeline.results import JudgeResult, NamedVersion
from pipeline.store import ERASED
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault

Ask = Callable[[Shown, str], Choice | str | None]
"""Asks one question, given how sure the verdict is; None stops."""

_JUDGED = "anchorhold.judged"
"""Tag of the second version in MLflow: what people's answers say about it."""


@dataclass(frozen=True)
class Answering:
    """Who answers, and a clock; both are kept with each answer."""

    who: str
    clock: Callable[[], datetime]


@dataclass(frozen=True)
class Asking:
    """How questions are asked; by default nothing is asked.

    Attributes
    ----------
    ask
        Called for each question, with how sure the verdict is; returns "left", "right", "same" or
        "none", "undo" to take back the answer before, or None to stop.
    page
        Is given the address of a local page, which is served until the person stops there.
    port
        Where the page is served; 0: any free port.
    sheet
        CSV file: written with questions where it does not exist; otherwise its answers are stored.
    """

    ask: Ask | None = None
    page: Callable[[str], None] | None = None
    port: int = 0
    sheet: Path | None = None

    def through(self, session: Session) -> tuple[str, ...]:
        """Ask until the person stops, and return sentences on what a person should know."""
        if self.sheet is not None:
            return (self._sheet(session, self.sheet),)
        try:
            if self.page is not None:
                serve(session, self.page, self.port)
            if self.ask is not None:
                _ask_each(session, self.ask)
        except KeyboardInterrupt:
            return ("interrupted: each answer before is stored; the same command continues",)
        return ()

    def _sheet(self, session: Session, sheet: Path) -> str:
        if not sheet.exists():
            count = write_sheet(session, sheet)
            return (
                f"{sheet}: {count} questions; fill in the column answer with 1 (left), 2 (right), "
                "= (both alike) or 0 (none is good), then run the same command again"
            )
        stored, waits = read_sheet(session, sheet)
        return f"{sheet}: {stored} answers stored" + (f"; {waits}" if waits else "")


def _ask_each(session: Session, ask: Ask) -> None:
    while (shown := session.next()) is not None:
        said = ask(shown, certainty(session.standing(), session.margin))
        match said:
            case None:
                return
            case "undo":
                session.undo()
            case "left" | "right" | "same" | "none":
                session.answer(shown.turn, said)
            case _:
                raise DataFault(
                    f"an answer is {said!r}; it must be 'left', 'right', 'same', 'none', 'undo' or "
                    "None"
                )


def judge_versions(
    opened: OpenWorkspace,
    references: Sequence[str],
    asking: Asking,
    answering: Answering,
    *,
    new: bool = False,
    anchors: Path | None = None,
) -> JudgeResult:
    """Let a person compare two versions, and return what all answers about them say.

    Parameters
    ----------
    opened
        The open workspace.
    references
        Numbers or aliases of two versions; of one, which is compared with the champion; or none:
        the newest version that never served is compared with the champion.
    asking
        How questions are asked.
    answering
        Who answers, and when.
    new
        Whether to draw new questions where these versions were compared before.
    anchors
        Folder to make, with an evaluation set of all answers about all versions.

    Raises
    ------
    DataFault
        There are no two versions, or no queries or documents to ask about.
    """
    versions = _two(opened, references)
    session = _session(opened, versions, answering, new=new)
    try:
        notes = asking.through(session)
    finally:
        settings = opened.settings.tables.judge
        told = summary(session.standing(), session.questions, settings.confidence, settings.margin)
        if session.answers():
            number = session.judging.number
            opened.store.summarise_judging(number, told)
            judged = opened.versions.named(session.judging.second)
            opened.registry.tag(judged, {_JUDGED: f"judging {number}: {told}"})
    if anchors is not None:
        _write_anchors(opened, anchors)
    return _result(opened, session, told, notes, asking.sheet, anchors)


def _two(opened: OpenWorkspace, references: Sequence[str]) -> tuple[Version, Version]:
    """Return the two versions to compare, the baseline first."""
    if len(references) > 2:
        raise DataFault(f"judge compares two versions, got {len(references)}")
    champion = opened.versions.champion()
    if len(references) == 2:
        first, second = map(opened.versions.named, references)
    elif references:
        first, second = champion, opened.versions.named(references[0])
    else:
        first, second = champion, _challenger(opened, champion)
    if first.number == second.number:
        raise DataFault(
            f"version {first.number} cannot be compared with itself; name two versions or aliases, "
            "such as 1 and champion"
        )
    return first, second


def _challenger(opened: OpenWorkspace, champion: Version) -> Version:
    served = {move.version for move in opened.store.promotions()}
    waiting = [each for each in opened.registry.versions() if each.number not in served]
    if not waiting:
        raise DataFault(
            f"no version but version {champion.number} was made that did not serve yet; name two "
            "versions to compare, such as origin and champion"
        )
    return waiting[-1]


def _session(
    opened: OpenWorkspace,
    versions: tuple[Version, Version],
    answering: Answering,
    *,
    new: bool,
) -> Session:
    """Continue the last comparison of two versions, or begin one."""
    store, settings = opened.store, opened.settings.tables.judge
    numbers = {each.number for each in versions}
    earlier = [each for each in store.judgings() if {each.first, each.second} == numbers]
    folder = opened.settings.state / "judgings"
    if earlier and not new:
        judging = earlier[-1]
        questions = Questions.load(folder, judging.digest)
    else:
        questions = draw_questions(opened, versions)
        digest = questions.save(folder)
        judging = store.begin_judging(
            questions.first, questions.second, digest, answering.who, answering.clock()
        )
    return Session(
        store,
        judging,
        questions,
        settings.margin,
        settings.confidence,
        who=answering.who,
        clock=answering.clock,
    )


def _write_anchors(opened: OpenWorkspace, folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataFault(f"{folder} exists already; --anchors needs a new or empty folder")
    judged = [each for each in opened.store.judgements() if each.query != ERASED]
    champion = opened.versions.folder(opened.versions.champion())
    documents = documents_of(opened, [champion])
    try:
        anchor_set(f"anchor/{folder.name}", judged, documents).save(folder)
    except OSError as fault:
        raise DataFault(f"{folder}: cannot be written: {fault.strerror or fault}") from None


def _result(
    opened: OpenWorkspace,
    session: Session,
    told: str,
    notes: tuple[str, ...],
    sheet: Path | None,
    anchors: Path | None,
) -> JudgeResult:
    settings, now, counts = opened.settings.tables.judge, session.standing(), session.counts()
    versions = {each.number: each for each in opened.registry.versions()}
    questions, number = session.questions, session.judging.number
    first, second = (
        NamedVersion(version=each, aliases=versions[each].aliases if each in versions else ())
        for each in (questions.first, questions.second)
    )
    return JudgeResult(
        judging=number,
        first=first,
        second=second,
        finding=now.finding,
        summary=told,
        preference=now.preference,
        low=now.low,
        high=now.high,
        confidence=settings.confidence,
        margin=settings.margin,
        certainty=now.certainty,
        expected=now.expected,
        answers=now.answers,
        second_better=counts["second"],
        first_better=counts["first"],
        same=counts["same"],
        none=counts["none"],
        lines=questions.count,
        differing=questions.differing,
        questions=len(questions.asked),
        anchors=None if anchors is None else str(anchors),
        sheet=None if sheet is None else str(sheet),
        next=(
            *notes,
            *_next(
                now.finding, f"judging {number}: {told}", first, second, anchors, bool(now.answers)
            ),
        ),
    )


def _next(
    finding: str,
    cited: str,
    first: NamedVersion,
    second: NamedVersion,
    anchors: Path | None,
    answered: bool,
) -> Iterator[str]:
    """Yield what can be done with the answers, a sentence each."""
    better = {"first is better": first, "second is better": second}.get(finding)
    if better is not None and "champion" not in better.aliases:
        yield (
            f'`anchorhold promote {better.version} --force --reason "{cited}"` makes '
            f"version {better.version} the champion by hand"
        )
    if anchors is not None:
        yield (
            f"{anchors} holds an evaluation set of the answers about all versions; name it in "
            f"[anchors.{anchors.name}] (anchorhold.toml) and later versions must hold it"
        )
    elif answered:
        yield "`--anchors DIR` writes all answers as an evaluation set"
