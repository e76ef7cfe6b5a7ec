"""What people read in MLflow: names of runs, descriptions of runs and versions, in Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pipeline.results import Comparison, CycleResult, Verdict, metric_name, threshold_of

WITHOUT_LABELS = "anchorhold.without_labels"
"""Tag of the run and the version of a candidate that was judged by proxies."""

_WAITS = "It waits for a person."
_ON_TRIAL = "It is on trial as canary."
_STAMP = "Judged without labels: the gain was measured by proxies, not by labelled queries."

_LONGEST_DESCRIPTION = 4800
"""MLflow keeps 5,000 characters of the description of a version."""


def run_name(result: CycleResult) -> str:
    """Return the name of a finished cycle's run: number, outcome and version, if it made one.

    MLflow's list of runs cuts names after about 16 letters.
    """
    waiting = result.awaiting_approval or result.awaiting_canary
    outcome = "waiting" if waiting else result.outcome.replace("_", " ")
    return f"{result.cycle} {outcome}" + (f" v{result.made.version}" if result.made else "")


def cycle_note(result: CycleResult) -> str:
    """Say in two sentences what happened in a cycle, with the verdict as a table."""
    lines = [f"{_headline(result)} Version {result.champion.version} serves."]
    if result.approved:
        lines[0] += f" Version {result.approved.version} was approved in MLflow and promoted first."
    if result.canary:
        told = f"Version {result.canary.candidate} as canary: {result.canary.state}"
        lines[0] += f" {told}: {plain(result.canary.reason)}."
    if result.rolled_back:
        left = result.rolled_back
        lines[0] += f" Version {left.version} was rolled back: {plain(left.reason)}."
    lines += [f"\nWarning: {plain(warning)}." for warning in result.decision.warnings]
    if result.lesson and result.window and result.window.unused:
        lines += ["", f"{plain(result.window.unused)}."]
    if result.verdict:
        lines += ["", _STAMP] if result.verdict.without_labels else []
        lines += _table(result.verdict.comparisons)
    changes = result.regressions.changes if result.regressions else ()
    if changes:
        worse, lost = sum(each.worse for each in changes), sum(each.dark for each in changes)
        lines += ["", f"{worse} queries got worse; {lost} relevant documents are no longer found."]
    return "\n".join(lines)


def version_note(result: CycleResult) -> str:
    """Describe the version that a cycle made: the verdict in words, and its table."""
    verdict, training, lesson = result.verdict, result.training, result.lesson
    # Without Markdown: the list of versions shows its beginning as it is.
    lines = [f"{_headline(result).replace('**', '')} Cycle {result.cycle}."]
    if training and not training.pairs:
        made = plain(training.merge)
        lines[0] += f" {made[:1].upper()}{made[1:]}."
    elif training and lesson:
        share = replayed_share(lesson.recent, lesson.replayed)
        lines[0] += (
            f" Trained with the strategy {plain(training.strategy)} on {training.pairs} pairs, "
            f"{share * 100:.0f} % of them replayed; triggers: "
            f"{plain(', '.join(result.decision.fired)) or 'none'}."
        )
    if result.awaiting_approval:
        lines += [
            "",
            f"{_WAITS} To approve it, set the tag `anchorhold.approval` to `approved` (and "
            "`anchorhold.approved_by` to your name); the next `anchorhold run` promotes it. "
            "`rejected` ends the wait.",
        ]
    if result.awaiting_canary:
        lines += [
            "",
            f"{_ON_TRIAL} A share of the users gets its answers; the next runs of `anchorhold run` "
            "promote it or end the trial. `anchorhold promote` does so at once.",
        ]
    if verdict:
        lines += ["", _STAMP] if verdict.without_labels else []
        lines += _table(verdict.comparisons)
        # The first reason is in the headline.
        # The last one says that it waits, as the paragraph above does.
        waiting = result.awaiting_approval or result.awaiting_canary
        others = verdict.reasons[1:-1] if waiting else verdict.reasons[1:]
        lines += ["", *(f"- {plain(reason)}" for reason in others)]
    elif result.scores:
        lines += _means(result.scores)
    return _shortened(lines)


def verdict_tags(verdict: Verdict) -> dict[str, str]:
    """Return the tags by which a version shows what the gate said.

    Examples
    --------
    >>> verdict_tags(Verdict(promote=False, outcome="rejected", reasons=()))
    {'anchorhold.verdict': 'rejected'}
    """
    stamp = {WITHOUT_LABELS: "true"} if verdict.without_labels else {}
    return {"anchorhold.verdict": verdict.outcome, **stamp}


def waits(description: str) -> bool:
    """Return whether the description of a version says that it waits for a person or a canary."""
    return _WAITS in description or _ON_TRIAL in description


def decided_note(description: str, decision: str, now: datetime) -> str:
    r"""Return the description of a version with what a person decided about it in front.

    Examples
    --------
    >>> when = datetime(2026, 3, 1)
    >>> told = "passed, awaiting approval: all pass.\n\nIt waits for a person. To approve …"
    >>> decided_note(told, "promoted: approved in MLflow by Ann", when).split("\n\n")
    ['2026-03-01, promoted: approved in MLflow by Ann.', 'passed: all pass.']
    """
    line = f"{now:%Y-%m-%d}, {plain(decision)}."
    kept = [
        part.replace("passed, awaiting approval:", "passed:").replace(
            "passed, on trial as canary:", "passed:"
        )
        for part in description.split("\n\n")
        if part != line and not part.startswith((_WAITS, _ON_TRIAL))
    ]
    return _shortened("\n\n".join([line, *kept]).splitlines())


def plain(text: str) -> str:
    r"""Return a text that Markdown shows as it is: user text may be part of a reason.

    Examples
    --------
    >>> print(plain("a *bold* claim."))
    a \*bold\* claim
    """
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]<>|#!" else letter for letter in text)
    return " ".join(escaped.split()).rstrip(".")


def replayed_share(recent: int, replayed: int) -> float:
    """Return which part of the training pairs was replayed; 0 where there are none.

    Examples
    --------
    >>> replayed_share(300, 100), replayed_share(0, 0)
    (0.25, 0.0)
    """
    return replayed / (recent + replayed) if recent + replayed else 0.0


def _headline(result: CycleResult) -> str:
    """Say how the cycle ended and why, in one sentence."""
    reasons = (result.verdict or result.decision).reasons
    said = result.verdict.outcome if result.verdict else result.outcome
    why = plain(reasons[0].removeprefix(f"{said}: ")) if reasons else "no reason"
    outcome: str = result.outcome
    if result.awaiting_approval:
        outcome = "passed, awaiting approval"
    elif result.awaiting_canary:
        outcome = "passed, on trial as canary"
    return f"**{outcome.replace('_', ' ')}**: {why}."


def _table(comparisons: Sequence[Comparison]) -> list[str]:
    if not comparisons:
        return []
    lines = [
        "",
        "| task | champion | candidate | difference | bound | required | passes |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for each in comparisons:
        versus = " (against the first champion)" if each.rule == "floor" else ""
        lines.append(
            f"| {plain(each.task)}{versus} | {each.champion:.4f} | {each.candidate:.4f} | "
            f"{each.difference:+.4f} | {each.low:+.4f} | > "
            f"{threshold_of(each.rule, each.margin):+.4f} | {'yes' if each.holds else '**no**'} |"
        )
    metric = plain(metric_name(comparisons[0].metric))
    return [*lines, "", f"Metric: {metric}; the bound is the lower one of the difference."]


def _means(scores: Mapping[str, float]) -> Iterator[str]:
    yield from ("", "| task | metric | mean |", "|---|---|--:|")
    for name, mean in scores.items():
        task, _, metric = name.rpartition("/")
        yield f"| {plain(task)} | {plain(metric)} | {mean:.4f} |"


def _shortened(lines: Sequence[str]) -> str:
    """Return as many whole lines as MLflow keeps."""
    kept: list[str] = []
    length = 0
    for line in lines:
        length += len(line) + 1
        if length > _LONGEST_DESCRIPTION:
            return "\n".join([*kept, "", "The rest is in the report of the cycle's run."])
        kept.append(line)
    return "\n".join(kept)
