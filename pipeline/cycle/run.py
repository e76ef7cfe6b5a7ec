"""One turn of the opened: from intake to a recorded outcome, continued where it was interrupted."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from pipeline.cycle.attempts import attempt
from pipeline.cycle.check import find
from pipeline.cycle.journal import Journal
from pipeline.cycle.judge import find_suspects, judge
from pipeline.cycle.lesson import Lesson, prepare_lesson
from pipeline.cycle.new_version import bootstrap_version, candidate_version
from pipeline.cycle.promotion import barred, finish_interrupted_move, install
from pipeline.cycle.record import close_record, open_record
from pipeline.cycle.window import Window, gather, window_now
from pipeline.machine import peak_memory_megabytes
from pipeline.registry import ChampionMoved, Version, VersionFolder
from pipeline.workspace import OpenWorkspace
from training.encoding import prune_cache
from training.faults import DataFault, NonFiniteLoss

STAGES = {
    "intake": ("intake",),
    "check": ("window", "decision"),
    "train": ("prepare", "train/*", "champion"),
    "evaluate": ("bootstrap", "evaluate", "verdict", "suspects", "regressions"),
    "promote": ("promote",),
}
"""How the times of the stages are grouped in the result."""


def run_cycle(opened: OpenWorkspace, now: datetime) -> dict[str, Any]:
    """Run one cycle and return what `anchorhold run` prints.

    Everything before the promotion only adds; the promotion moves one pointer, last. A cycle that
    was killed is continued from its journal and ends as if it had not been.

    Parameters
    ----------
    opened
        The open workspace, held exclusively.
    now
        The present; a continued cycle keeps the present it began with.
    """
    store, state = opened.store, opened.settings.state
    finish_interrupted_move(opened)
    row = store.unfinished_cycle() or store.begin_cycle(now)
    journal = Journal(store, row, state / "cycles" / row.id)
    intake = journal.once("intake", lambda: opened.take_in(row.started))
    run = open_record(opened, journal)
    champion = opened.registry.champion()
    _refuse_a_lost_champion(opened, champion)
    if champion is None or (champion.cycle == row.id and not journal.known("window")):
        result = _bootstrap(opened, journal, run)
    else:
        result = _turn(opened, journal, run, champion, intake["pairs"]["quarantined"])
    result = {
        "cycle": row.id,
        **result,
        "intake": intake,
        "seconds": journal.seconds(STAGES),
        "peak_memory_megabytes": peak_memory_megabytes(),
        "run_id": run,
    }
    close_record(opened, journal, run, result)
    store.finish_cycle(row.id, result["outcome"], result)
    _tidy(opened)
    return result


def _refuse_a_lost_champion(opened: OpenWorkspace, champion: Version | None) -> None:
    """Never begin again from the base because somebody deleted the champion in MLflow."""
    moves = opened.store.promotions()
    if champion is None and moves:
        raise DataFault(
            f"version {moves[-1].version} was the champion, but no version has the alias champion "
            "any more; name one with `anchorhold promote VERSION --reason …`"
        )


def _bootstrap(opened: OpenWorkspace, journal: Journal, run: str) -> dict[str, Any]:
    """Register the base model as the first version and champion."""

    def make() -> dict[str, Any]:
        path = journal.folder / "version"
        folder = bootstrap_version(opened, journal.cycle, journal.started, path)
        version = _register(opened, journal, run, folder, parent=None)
        install(
            opened,
            version,
            expected=None,
            action="bootstrap",
            reason="the base model",
            now=journal.started,
            cycle=journal.cycle,
        )
        return {"version": version.number, "scores": folder.scorecard().means()}

    made = journal.once("bootstrap", make)
    reason = f"the base model is registered as version {made['version']} and serves"
    return _result(
        "bootstrapped",
        decision={"train": False, "reasons": [reason], "blocked_by": [], "signals": []},
        champion=made["version"],
        scores=made["scores"],
    )


def _turn(
    opened: OpenWorkspace, journal: Journal, run: str, champion: Version, refused_pairs: int
) -> dict[str, Any]:
    """Look, and if it is called for, learn, measure, judge and promote."""
    window = Window(**journal.once("window", lambda: asdict(window_now(opened, champion))))
    champion = opened.registry.version(window.champion)
    looked = journal.once("decision", lambda: _decide(opened, journal, window, refused_pairs))
    decision = looked["decision"]
    seen: dict[str, Any] = {**looked, "champion": champion.number, "window": asdict(window)}
    if decision["blocked_by"]:
        return _result("blocked", **seen)
    if not decision["train"]:
        return _result("quiet", **seen)

    opened = _as_begun(opened, journal)
    old = opened.versions.folder(champion)
    lesson = prepare_lesson(opened, old, window)
    facts = journal.once("prepare", lesson.facts)
    if lesson.shortage:
        seen["decision"] = {**decision, "reasons": [*decision["reasons"], lesson.shortage]}
        return _result("insufficient_data", **seen, lesson=facts)
    try:
        training = attempt(opened, journal, run, old, lesson)
    except NonFiniteLoss as fault:
        reason = f"rejected: there is no candidate: {fault}"
        refusal = {"promote": False, "outcome": "rejected", "reasons": [reason], "comparisons": []}
        return _result("rejected", **seen, lesson=facts, verdict=refusal)
    facts = lesson.following(opened.settings.following(training["strategy"])).facts()
    learned: dict[str, Any] = {"lesson": facts, "training": training}
    fired = [signal["trigger"] for signal in decision["signals"] if signal["fired"]]
    candidate = _candidate(opened, journal, window, champion, lesson, training, fired)
    verdict = journal.once("verdict", lambda: judge(opened, champion, candidate, lesson))
    if not verdict["promote"]:
        found = journal.once(
            "suspects",
            lambda: find_suspects(opened, journal.cycle, champion, candidate, lesson, window),
        )
        verdict = {
            **verdict,
            "suspects": found["suspects"],
            "reasons": [*verdict["reasons"], *found["reasons"]],
        }
    worse = journal.once("regressions", lambda: _regressions(opened, champion, candidate, lesson))
    # The texts stay in the report: results are read again at every look.
    learned["regressions"] = {"changes": worse["changes"]}
    outcome = journal.once(
        "promote", lambda: _promote(opened, journal, champion, candidate, verdict)
    )
    seen["champion"] = outcome["champion"]
    seen["awaiting_approval"] = outcome.get("awaiting_approval", False)
    verdict = {**verdict, "reasons": [*verdict["reasons"], *outcome["reasons"]]}
    return _result(
        outcome["outcome"], **seen, **learned, candidate=candidate.number, verdict=verdict
    )


def _as_begun(opened: OpenWorkspace, journal: Journal) -> OpenWorkspace:
    """Rerun cycles with the strategies that the cycle began with, whoever continues it."""
    begun = journal.once("strategies", lambda: {"names": list(opened.settings.strategies)})
    return replace(opened, settings=replace(opened.settings, strategies=tuple(begun["names"])))


def _decide(
    opened: OpenWorkspace, journal: Journal, window: Window, refused_pairs: int
) -> dict[str, Any]:
    gathered = gather(opened, window)
    finding = find(opened, window.champion, gathered, journal.started, refused_pairs=refused_pairs)
    return {"decision": finding.to_json(), "fresh": gathered.fresh}


def _candidate(
    opened: OpenWorkspace,
    journal: Journal,
    window: Window,
    champion: Version,
    lesson: Lesson,
    training: dict[str, Any],
    fired: Sequence[str],
) -> Version:
    """Measure the candidate and register it with all that would be true if it were promoted."""

    def make() -> dict[str, Any]:
        folder = candidate_version(
            opened,
            champion,
            window,
            lesson,
            journal.folder / training["folder"],
            journal.cycle,
            journal.started,
            journal.folder / "version",
        )
        version = _register(
            opened, journal, training["run_id"], folder, parent=champion, fired=fired
        )
        opened.registry.set_candidate(version)
        return {"version": version.number}

    return opened.registry.version(journal.once("evaluate", make)["version"])


def _register(
    opened: OpenWorkspace,
    journal: Journal,
    run: str,
    folder: VersionFolder,
    parent: Version | None,
    fired: Sequence[str] = (),
) -> Version:
    facts = folder.facts()
    return opened.registry.register(
        run,
        journal.cycle,
        folder.path,
        tags={
            "anchorhold.parent": str(parent.number) if parent else "none",
            "anchorhold.fingerprint": facts.fingerprint,
            "anchorhold.cut": str(facts.cut),
            "anchorhold.trigger": ", ".join(fired) or "none",
        },
    )


def _regressions(
    opened: OpenWorkspace, champion: Version, candidate: Version, lesson: Lesson
) -> dict[str, Any]:
    """Return what the candidate answers worse than the champion, and the documents it lost."""
    return opened.scores.regressions(
        opened.versions.folder(champion), opened.versions.folder(candidate), lesson.measured_on
    ).to_json()


def _promote(
    opened: OpenWorkspace,
    journal: Journal,
    champion: Version,
    candidate: Version,
    verdict: dict[str, Any],
) -> dict[str, Any]:
    """Move the champion if the gate says so and it has not moved meanwhile."""
    if not verdict["promote"]:
        return {"outcome": verdict["outcome"], "champion": champion.number, "reasons": []}
    waits = f"version {candidate.number} passed the gate and was not promoted"
    mark = barred(opened, candidate)
    if mark:
        said = f"{waits}: {mark}; only `anchorhold promote --force` lets it serve"
        return {"outcome": "inconclusive", "champion": champion.number, "reasons": [said]}
    if opened.settings.tables.gate.approval:
        said = f"{waits}: it awaits approval: anchorhold promote {candidate.number} --reason …"
        return {
            "outcome": "inconclusive",
            "champion": champion.number,
            "reasons": [said],
            "awaiting_approval": True,
        }
    try:
        install(
            opened,
            candidate,
            expected=champion.number,
            action="promote",
            reason=f"cycle {journal.cycle}: {verdict['reasons'][0]}",
            now=journal.started,
            cycle=journal.cycle,
        )
    except ChampionMoved as moved:
        serving = opened.versions.champion().number
        return {"outcome": "inconclusive", "champion": serving, "reasons": [str(moved)]}
    return {"outcome": "promoted", "champion": candidate.number, "reasons": []}


def _result(outcome: str, *, champion: int, **rest: Any) -> dict[str, Any]:
    candidate = rest.pop("candidate", None)
    return {
        "outcome": outcome,
        "decision": rest.pop("decision"),
        "champion": {"version": champion},
        "candidate": {"version": candidate} if candidate is not None else None,
        "verdict": rest.pop("verdict", None),
        **rest,
    }


def _tidy(opened: OpenWorkspace) -> None:
    """Remove what the registry holds now, after kills too; the reports stay.

    Vectors stay of the versions that are asked for every day; others would be encoded again.
    """
    versions = [
        opened.versions.named("origin"),
        *(v for v in opened.registry.versions() if v.aliases),
    ]
    prune_cache(opened.encoders.cache, [each.tags["anchorhold.fingerprint"] for each in versions])
    for folder in (opened.settings.state / "cycles").iterdir():
        for name in ("base", "attempts", "version", "version.partial"):
            shutil.rmtree(folder / name, ignore_errors=True)
