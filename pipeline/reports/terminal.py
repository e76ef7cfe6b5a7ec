"""Results for a person at a terminal."""

from collections.abc import Iterator, Sequence
from functools import singledispatch

from rich.table import Table

from drift_triggers.signal import Signal
from pipeline.reports.counted import in_quarantine, messages, stored, unfinished
from pipeline.reports.gate_lines import about_gate
from pipeline.reports.index_lines import about_index, indexed
from pipeline.reports.lines import lines_of
from pipeline.reports.measure_lines import explained, measure_lines
from pipeline.reports.screen import Part, show_parts
from pipeline.reports.screen_lines import screen_lines
from pipeline.reports.summaries import summary_of
from pipeline.reports.terminal_simulation import simulated
from pipeline.reports.terminal_versions import SHOWN, compared, number, planned, short
from pipeline.reports.trials import before_cycle, canary_lines, left_lines
from pipeline.results import (
    AcceptanceStatus,
    AnchorPower,
    AttemptResult,
    BacktestResult,
    CompareResult,
    Comparison,
    CycleResult,
    DecisionResult,
    DemoPart,
    DemoResult,
    DerivedKind,
    EvaluateResult,
    Freed,
    GcResult,
    JudgeResult,
    Result,
    SimulationResult,
    StatusResult,
    metric_name,
    redacted_sentences,
    size,
)


def show(result: Result) -> None:
    """Print a result as text and tables, and at the end what it comes down to."""
    summary = summary_of(result)
    show_parts((*parts_of(result), *([summary] if summary else [])))


@singledispatch
def parts_of(result: Result) -> Iterator[Part]:
    """Yield the lines and tables that show a result."""
    yield from lines_of(result)


@parts_of.register
def _(result: DecisionResult) -> Iterator[Part]:
    yield from _called_for(result)
    yield from (*redacted_sentences(result.redacted), *_warnings(result.warnings))
    if result.signals:
        yield _signals([signal for signal in result.signals if signal.measured])
    for signal in result.signals:
        if not signal.measured:
            yield f"  {signal.trigger}: {signal.reason}"
    yield from explained(result)
    if result.headroom:
        yield f"headroom: {result.headroom.reason}"
    yield from (f"  {line}" for line in measure_lines(result.measures))
    for cluster in result.clusters:
        yield (
            f"  {cluster.share:.0%} of the texts: {', '.join(cluster.terms)}, "
            f"such as {short(cluster.examples[0])!r}"
        )
        if cluster.anchor_queries:
            yield f"    nearest anchor query: {short(cluster.anchor_queries[0])!r}"
    for signal in result.signals:
        if signal.fired and signal.examples:
            yield f"examples for {signal.trigger}:"
            yield from (f"  {short(example)}" for example in signal.examples[:SHOWN])


def _called_for(result: DecisionResult) -> Iterator[str]:
    if result.blocked_by:
        yield f"training is blocked by {', '.join(result.blocked_by)}"
    else:
        yield "training is called for" if result.train else "no training is called for"
    yield from (f"  {reason}" for reason in result.reasons)
    if result.shortage:
        yield f"there is nothing to learn from: {result.shortage}"


def _warnings(warnings: Sequence[str]) -> Iterator[str]:
    yield from (f"warning: {warning}" for warning in warnings)


def _signals(signals: Sequence[Signal]) -> Table:
    table = Table("trigger", "fired", "p", "effect", "threshold", "cause", "reason")
    for each in signals:
        table.add_row(
            each.trigger,
            _yes(each.fired),
            *(number(value) for value in (each.p_value, each.effect, each.threshold)),
            each.cause or "",
            each.reason,
        )
    return table


@parts_of.register
def _(result: SimulationResult) -> Iterator[Part]:
    yield from simulated(result)


@parts_of.register
def _(result: BacktestResult) -> Iterator[Part]:
    windows = Table("window", "drifted", "would train", "fired")
    for window in result.windows:
        truth = "unknown" if window.drifted is None else _yes(window.drifted)
        windows.add_row(window.name, truth, _yes(window.train), ", ".join(window.fired))
    yield windows
    before = ["windows before the loss"] if result.losses else []
    scores = Table("trigger", "false alarms", "misses", "hours to the first alarm", *before)
    for each in result.scores:
        scores.add_row(
            each.name,
            f"{each.false_alarms} of {each.quiet}",
            f"{each.misses} of {each.drifted}",
            ", ".join("never" if hours is None else f"{hours:g}" for hours in each.delays),
            *([", ".join(map(_lead, each.leads))] if before else []),
        )
    yield scores
    for loss in result.losses:
        yield f"quality fell from {loss.window} on: {loss.reason}"
    if not result.losses:
        yield (
            f"no loss of quality seen in {result.quality_measured} windows, so no lead is told"
            if result.quality_measured
            else "quality was measured in no window: it takes labelled pairs or clicks of a window"
        )


def _lead(windows: int | None) -> str:
    return "no alarm" if windows is None else f"{windows:d}"


@parts_of.register
def _(result: CycleResult) -> Iterator[Part]:
    yield (
        f"dry run: the candidate would be {result.outcome}; nothing was stored"
        if result.dry_run
        else f"cycle {result.cycle}: {result.outcome}; version {result.champion.version} serves "
        f"({result.seconds['total']:.0f} s)"
    )
    if result.computing:
        yield f"  computed on {result.computing}"
    yield from before_cycle(result)
    yield from (f"  {reason}" for reason in result.decision.reasons)
    yield from (f"  {said}" for said in redacted_sentences(result.intake.redacted))
    yield from _warnings((*result.decision.warnings, *result.intake.warnings))
    yield from screen_lines(result.lesson.screened if result.lesson else None)
    derived = result.lesson.derived if result.lesson else None
    if derived and derived.kinds:
        yield _derived(derived.kinds)
    yield from (f"  {note}" for note in (derived.notes if derived else ()))
    if result.training and result.lesson:
        lesson, attempts = result.lesson, result.training.attempts
        removed = lesson.leaked.exact + lesson.leaked.near
        if len(attempts) > 1:
            yield _attempts(attempts)
        yield (
            f"  {result.training.merge}"
            if not result.training.pairs
            else (
                f"  trained on {lesson.recent} recent and {lesson.replayed} replayed pairs; "
                f"removed as repeats of evaluation queries: {removed}"
            )
        )
    if result.verdict:
        yield _comparisons(result.verdict.comparisons)
        yield from (f"  {reason}" for reason in result.verdict.reasons)
    if result.index:
        yield from indexed(result.index)
    for each in result.regressions.changes if result.regressions else ():
        yield (
            f"  {each.task}: queries worse: {each.worse}, better: {each.better}; "
            f"relevant documents no longer found: {each.dark}, newly found: {each.found}"
        )
    if result.plan:
        yield from planned(result.plan)
    yield from _freed(result.freed)


def _freed(freed: Freed | None) -> Iterator[str]:
    """Say what was deleted after a cycle."""
    if freed is not None:
        yield from [f"  no longer needed and deleted: {freed.told}"] if freed.deleted else []
        yield from _warnings(freed.warnings)


@parts_of.register
def _(result: GcResult) -> Iterator[Part]:
    table = Table("kind", "", "which", "size", "why")
    for each in result.parts:
        table.add_row(
            each.kind,
            "goes" if each.goes else "stays",
            _named(each.names),
            "" if each.bytes is None else size(each.bytes),
            each.why,
        )
    yield table
    yield f"{'would delete' if result.dry_run else 'deleted'} {result.told}"
    if result.database_bytes:
        yield f"the databases shrank by {size(result.database_bytes)}"
    yield from _warnings(result.warnings)


def _named(names: Sequence[str]) -> str:
    """Name a few, or the first and the last of many."""
    if len(names) <= SHOWN:
        return ", ".join(each[:12] for each in names)
    return f"{names[0][:12]} … {names[-1][:12]} ({len(names)})"


def _derived(kinds: Sequence[DerivedKind]) -> Table:
    table = Table("pairs without labels", "considered", "made", "screened out", "used", "why")
    for each in kinds:
        counts = (each.considered, each.made, each.screened, each.used)
        table.add_row(each.kind, *map(str, counts), each.reason)
    return table


def _attempts(attempts: Sequence[AttemptResult]) -> Table:
    scores = ("score, new pairs", "score, old pairs", "chance to pass")
    table = Table("strategy", "pairs", "seconds", *scores, "")
    for each in attempts:
        table.add_row(
            each.strategy,
            str(each.pairs or ""),
            "" if each.seconds is None else f"{each.seconds:.0f}",
            *(number(score) for score in each.selection or (None, None)),
            "" if each.chance is None else f"{each.chance:.2f}",
            each.fault or ("sent to the gate" if each.chosen else ""),
        )
    return table


def _comparisons(comparisons: Sequence[Comparison]) -> Table:
    table = Table("task", "queries", "champion", "candidate", "difference", "bounds", "passes")
    for each in comparisons:
        against = " (against the origin)" if each.rule == "floor" else ""
        table.add_row(
            each.task + against,
            str(each.queries),
            *(number(value) for value in (each.champion, each.candidate, each.difference)),
            f"{number(each.low)} … {number(each.high)}",
            _passes(each),
        )
    return table


def _passes(each: Comparison) -> str:
    if each.rule == "proxy":
        return "gains" if each.holds else _yes(False)
    return _yes(each.holds) if each.judged or not each.holds else "no harm shown"


@parts_of.register
def _(result: StatusResult) -> Iterator[Part]:
    champion, waiting = result.champion, result.waiting
    yield (
        f"{result.model}: version {champion.version} of cycle {champion.cycle} serves; it was "
        f"trained {champion.age_days:g} days ago"
    )
    used = ""
    if waiting.used_pairs < waiting.pairs:
        used = f" (the next cycle uses {waiting.used_pairs} of them: waiting.pairs)"
    yield (
        f"waiting: {waiting.pairs} pairs{used}, {waiting.traffic} texts; "
        f"{in_quarantine(result.read)}"
    )
    yield from (*redacted_sentences(result.redacted), *stored(result.records, result.log))
    if result.index:
        yield about_index(result.index)
    for passed in result.awaiting_approval:
        yield (
            f"version {passed.version} of cycle {passed.cycle} passed the gate and needs approval: "
            f"anchorhold promote {passed.version} --reason …"
        )
    yield from result.approvals
    if result.canary:
        yield from canary_lines(result.canary)
    yield from left_lines(result.rolled_back)
    if result.acceptances:
        yield _acceptance(result.acceptances[-1])
    yield from result.erased[-SHOWN:]
    if not result.history.verified:
        yield "MLflow does not confirm the promotion history yet; the next cycle or move will"
    yield from messages(result.messages)
    yield from unfinished(result)
    if result.anchors:
        yield _anchors(result.anchors)
    if result.outlook:
        yield from about_gate(result.outlook)
    yield from _warnings((*result.warnings, *result.gate.warnings))
    yield from _last_cycles(result)


def _last_cycles(result: StatusResult) -> Iterator[Part]:
    if result.computing:
        yield f"the last cycle computed on {result.computing}"
    table = Table("cycle", "outcome", "started", "champion", "drift from")
    for row in result.cycles:
        started = row.started.isoformat(timespec="seconds")
        source = "" if row.source == "none" else row.source
        table.add_row(row.cycle, row.outcome, started, str(row.champion), source)
    yield table


def _acceptance(last: AcceptanceStatus) -> str:
    done = "accepted" if last.action == "accept" else "no longer accepted"
    return (
        f"texts up to cycle {last.cycle} are {done} as known "
        f"({last.who}, {last.at.isoformat(timespec='seconds')}: {last.reason})"
    )


def _anchors(anchors: Sequence[AnchorPower]) -> Table:
    table = Table(
        "anchor set", "queries", "max drop", "detectable drop", "queries needed", "judged"
    )
    for each in anchors:
        table.add_row(
            each.anchor.removeprefix("anchor/"),
            str(each.queries),
            number(each.max_drop),
            f"{number(each.visible)} ({each.spread_from})",
            str(each.needs or "never enough"),
            f"{each.judged} of {each.budget}",
        )
    return table


@parts_of.register
def _(result: CompareResult) -> Iterator[Part]:
    yield from compared(result)


@parts_of.register
def _(result: JudgeResult) -> Iterator[Part]:
    yield f"judging {result.judging}: {result.summary}"
    yield (
        f"  answers: {result.second_better} for version {result.second.title}, "
        f"{result.first_better} for version {result.first.title}, {result.same} for both alike, "
        f"{result.none} for none; {result.differing} of {result.lines} lines of the log differ"
    )
    if result.finding == "undecided":
        more = "more than the log holds" if result.expected is None else f"{result.expected} more"
        yield f"  {result.certainty:.0%} sure that one is better; answers expected: {more}"
    yield from (f"  {each}" for each in result.next)


@parts_of.register
def _(result: EvaluateResult) -> Iterator[Part]:
    titles = ", ".join((str(result.version), *result.aliases))
    yield f"version {titles}, {metric_name(result.metric)}"
    table = Table("task", "queries", "at acceptance", "now", "difference", "bounds", "note")
    for row in result.tasks:
        compared = row.low is not None and row.high is not None
        table.add_row(
            row.task,
            str(row.queries),
            *(number(value) for value in (row.accepted, row.now, row.difference)),
            f"{row.low:+.3f} … {row.high:+.3f}" if compared else "",
            f"fell by more than {row.margin:g}" if row.fell else "",
        )
    yield table
    yield from result.notes


@parts_of.register
def _(result: DemoResult) -> Iterator[Part]:
    yield "with labelled pairs"
    yield from _story(result)
    yield "from documents and a log alone, without labels"
    yield from _story(result.without_labels)


def _story(result: DemoPart) -> Iterator[Part]:
    table = Table("step", "cycle", "outcome", "champion", "why")
    for step in result.story:
        table.add_row(step.step, step.cycle, step.outcome, str(step.champion), step.why)
    yield table
    yield f"report: {result.report}"
    yield f"MLflow: {result.mlflow}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
