"""The three answers that a report opens with: what drifted, was it learned, may I trust it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.reports.drawing import Tone, shown
from pipeline.reports.words import comparison_name, said, task_name
from pipeline.results import CheckedTexts, Comparison, CycleResult, Verdict, metric_name

_LONGEST_NAME = 60  # characters
_CAUSES = {
    "concept": "New topics",
    "vocabulary": "New words",
    "pipeline": "The texts come in another form",
    "data_quality": "Broken records",
    "feedback_loop": "The system reads its own output",
    "model_version": "The same texts get other vectors",
    "temporal": "Slow change over time",
    "retrieval_loss": "Answers got worse",
    "fresh_data": "No drift, but new labelled pairs",
    "none": "No drift",
}
_SOURCES = {
    "concept": "the input: people write about other things",
    "vocabulary": "the input: people use other words",
    "pipeline": "the input: something on the way to the model changed",
    "data_quality": "the input: the records",
    "feedback_loop": "the input: text that the system wrote",
    "temporal": "time",
    "model_version": "the model: another encoder or tokenizer",
}
"""Where a cause comes from, in more words than its source."""
_LOST = {
    "fine-tuning": "the last training: the version before answers the same queries better",
    "input": "the input: the texts look as before, but no version answers them as well",
    "unknown": "quality alone: the input did not change; look at the last promotion",
}
"""Where a loss of quality comes from, by source."""


@dataclass(frozen=True)
class Answer:
    """One of the three answers.

    Attributes
    ----------
    question
        The question.
    short
        The answer in a few words.
    tone
        Whether that is good news.
    sentences
        What it rests on.
    """

    question: str
    short: str
    tone: Tone
    sentences: tuple[str, ...]


def answers(result: CycleResult, texts: CheckedTexts | None) -> list[Answer]:
    """Return the three answers.

    Parameters
    ----------
    result
        The cycle.
    texts
        What its check looked at; None where that was not recorded.
    """
    return [_drifted(result, texts), _learned(result), _trusted(result)]


def _sentences(reasons: Sequence[str]) -> tuple[str, ...]:
    """Return reasons as sentences of their own."""
    return tuple(f"{each[:1].upper()}{each[1:].removesuffix('.')}." for each in reasons)


def _drifted(result: CycleResult, texts: CheckedTexts | None) -> Answer:
    question, decision = "What drifted?", result.decision
    if not decision.signals:
        return Answer(question, "Nothing was checked", "plain", _sentences(decision.reasons[:1]))
    cause = decision.cause.cause if decision.cause else "none"
    found = [*_moved(result, texts)]
    told = _LOST.get(result.source) if cause == "retrieval_loss" else _SOURCES.get(cause)
    if told:
        found.append(f"Source: {told}.")
    if decision.blocked_by:
        found.append("Training waits until somebody has looked at the data.")
    elif decision.fired and not decision.train:
        found.append(f"No training yet: {decision.reasons[0]}.")
    if decision.shortage:
        found.append(f"Nothing to learn from: {decision.shortage}.")
    short = _CAUSES.get(cause, cause.replace("_", " ").capitalize())
    tone: Tone = "bad" if decision.blocked_by else "open" if decision.fired else "good"
    return Answer(question, short, tone, tuple(found))


def _moved(result: CycleResult, texts: CheckedTexts | None) -> Iterator[str]:
    """Yield what the texts show."""
    decision = result.decision
    if texts and texts.map:
        known, recent = texts.map.compared
        yield (
            f"{100 * texts.map.far_share:.0f} % of {recent:,} recent texts lie far from all "
            f"{known:,} known ones; 10 % would be usual."
        )
    if decision.clusters:
        terms = "; ".join(", ".join(each.terms[:3]) for each in decision.clusters[:2] if each.terms)
        if terms:
            yield f"They are about: {terms}."
    measured = [each for each in decision.signals if each.measured]
    if not decision.fired:
        yield f"None of the {len(measured)} triggers that had input exceeded its limit."


def _learned(result: CycleResult) -> Answer:
    question, verdict = "Was it learned?", result.verdict
    if verdict is None or not verdict.comparisons:
        return Answer(question, *_untrained(result))
    gains = [each for each in verdict.comparisons if each.rule in ("gain", "proxy")]
    gain = next((each for each in gains if each.rule == "gain"), gains[0] if gains else None)
    if gain is None:
        old = (_kept(verdict.comparisons),) if _old(verdict.comparisons) else ()
        return Answer(question, "No new task was measured", "open", old)
    word, tone = said(gain)
    short = {
        "good": "Yes, new queries are answered better",
        "bad": "No, new queries are not answered better",
    }.get(tone, "A gain is not shown yet")
    figures = (
        f"{metric_name(gain.metric)} on {gain.queries} new queries: {gain.champion:.3f} before, "
        f"{gain.candidate:.3f} now."
    )
    if tone == "good":
        figures += f" The gain is at least {gain.low:+.3f}{_confidence(verdict)}."
    else:
        figures += (
            f" A gain above {gain.margin:g} is required, and it lies between {gain.low:+.3f} and "
            f"{gain.high:+.3f}: {word}."
        )
    kept = (_kept(verdict.comparisons),) if _old(verdict.comparisons) else ()
    return Answer(question, short, tone, (figures, *kept))


def _untrained(result: CycleResult) -> tuple[str, Tone, tuple[str, ...]]:
    decision = result.decision
    if result.outcome == "bootstrapped":
        return "The first version", "plain", ("Its scores are what later versions must keep.",)
    if result.outcome == "insufficient_data":
        return "No, too little to learn from", "open", _sentences(decision.reasons[-1:])
    if result.verdict is not None:
        return "No candidate", "bad", _sentences(result.verdict.reasons[:2])
    rates = ", ".join(f"{task_name(task)} {rate:.3f}" for task, rate in decision.hit_rates.items())
    quality = (f"Retrieval today, recall@10: {rates}.",) if rates else ()
    return "Nothing was trained", "plain", quality


def _old(comparisons: Sequence[Comparison]) -> list[Comparison]:
    return [each for each in comparisons if each.judged and each.rule in ("no worse", "floor")]


def _name(made: Comparison) -> str:
    return shown(comparison_name(made), _LONGEST_NAME)


def _kept(comparisons: Sequence[Comparison]) -> str:
    old = _old(comparisons)
    lost = [each for each in old if each.fails]
    unsure = [each for each in old if not each.holds and not each.fails]
    if lost:
        worst = min(lost, key=lambda each: each.difference)
        return f"Forgotten: {_name(worst)} lost {-worst.difference:.3f}."
    if unsure:
        named = ", ".join(map(_name, unsure[:2]))
        return f"Whether old tasks are kept is not certain: {named}."
    count = len({each.task for each in old})
    return f"Nothing forgotten: {count} old {'task is' if count == 1 else 'tasks are'} kept."


def _confidence(verdict: Verdict) -> str:
    share = verdict.confidence
    return f", with {100 * share:g} % confidence (one-sided)" if share else " (one-sided bound)"


def _trusted(result: CycleResult) -> Answer:
    question, verdict = "May I trust it?", result.verdict
    if verdict is None:
        return Answer(question, *_unchanged(result))
    candidate = f"version {result.candidate.version}" if result.candidate else "the candidate"
    required = [each for each in verdict.comparisons if each.judged]
    passed = [each for each in required if each.holds]
    counts = f"{len(passed)} of {len(required)} required comparisons pass."
    sentences = [counts] if required else [*_sentences(verdict.reasons[:2])]
    tone: Tone = "good"
    if verdict.promote:
        short = {
            "": f"Yes, {candidate} serves",
            "awaiting_approval": "Passed, a person must approve",
            "awaiting_index": "Passed, waits for its index",
            "awaiting_canary": "Passed, tried on some users first",
        }[result.waits]
    elif verdict.outcome == "rejected":
        short, tone = f"No, {candidate} was refused", "bad"
        failed = [_name(each) for each in verdict.comparisons if each.fails]
        sentences += [f"Failed: {', '.join(failed[:3])}."] if failed else []
        sentences += [f"Version {result.champion.version} still serves."]
    else:
        short, tone = "Not yet, it is undecided", "open"
        decides = verdict.reasons[0].partition(": ")[2] if verdict.reasons else ""
        sentences = [*_sentences([decides])] if decides else [counts]
        sentences += [f"Version {result.champion.version} still serves."]
    return Answer(question, short, tone, (*sentences, *_caveats(result, verdict)))


def _unchanged(result: CycleResult) -> tuple[str, Tone, tuple[str, ...]]:
    version = f"Version {result.champion.version}"
    if result.outcome == "bootstrapped":
        return f"{version} serves", "plain", ("It is the base model; nothing was compared yet.",)
    signals = result.decision.signals
    without = sum(not each.measured for each in signals)
    told = f"{len(signals) - without} of {len(signals)} triggers had the input they need."
    return f"{version} serves, unchanged", "plain", (told,) if signals else ()


def _caveats(result: CycleResult, verdict: Verdict) -> Iterator[str]:
    """Yield what limits the trust in a verdict."""
    if verdict.without_labels:
        yield "Judged without labels: the gain was measured by proxies."
    small = sum(not each.judged and each.rule != "proxy" for each in verdict.comparisons)
    if small:
        parts = "part of the queries is" if small == 1 else "parts of the queries are"
        yield f"{small} {parts} too small to prove anything alone."
    leaked = result.lesson.leaked.exact + result.lesson.leaked.near if result.lesson else 0
    if leaked:
        yield f"{leaked} training pairs that repeat a test query were removed."
    suspects = [each.name for each in verdict.suspects if each.suspected]
    if suspects:
        yield f"Suspect: {', '.join(suspects[:3])}{' and more' if len(suspects) > 3 else ''}."
