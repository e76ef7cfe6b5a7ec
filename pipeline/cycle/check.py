"""Is training called for: the champion's view of a window, the decision, and the likely cause."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from drift_triggers.cause import Explanation, explain
from drift_triggers.policy import Decision, Look
from drift_triggers.signal import Observation, Quality, Signal, Space
from drift_triggers.statistics.clusters import Cluster, new_clusters
from pipeline.cycle.window import TRAINED, Gathered, gather, same_records_left, window_now
from pipeline.observation import queries_as_traffic
from pipeline.registry import VersionFolder
from pipeline.store import Store
from pipeline.workspace import OpenWorkspace
from training.evaluation import EvaluationSet, Scorecard
from training.faults import DataFault


@dataclass(frozen=True)
class Finding:
    """A decision with what may have caused it.

    Attributes
    ----------
    decision
        Train or not, with all signals.
    explanation
        The cause that the signals point to; None when nothing was looked at.
    clusters
        Groups of recent texts that open new ground, when a trigger fired.
    hit_rates
        Anchor set -> the champion's recall at 10 on it today.
    """

    decision: Decision
    explanation: Explanation | None = None
    clusters: tuple[Cluster, ...] = ()
    hit_rates: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what the `check` command prints."""
        return {
            "train": self.decision.train,
            "reasons": list(self.decision.reasons),
            "blocked_by": list(self.decision.blocked_by),
            "signals": [asdict(signal) for signal in self.decision.signals],
            "cause": asdict(self.explanation) if self.explanation else None,
            "clusters": [asdict(cluster) for cluster in self.clusters],
            "hit_rates": dict(self.hit_rates),
        }


def check_now(
    opened: OpenWorkspace, *, traffic: Path | None, pairs: Path | None, now: datetime
) -> Finding:
    """Say what a run would decide now, or would on the files given; nothing is kept.

    Parameters
    ----------
    traffic, pairs
        Files that stand for the recent window instead of what is stored and what waits.

    Raises
    ------
    DataFault
        A file cannot be read, holds no record, or too many of its records are bad.
    """
    champion = opened.versions.champion()
    if traffic is None and pairs is None:
        with opened.store.rehearsal():
            refused = opened.take_in(now)["pairs"]["quarantined"]
            gathered = gather(opened, window_now(opened, champion))
        return find(opened, champion.number, gathered, now, refused_pairs=refused)
    intake = opened.settings.tables.intake
    labelled = intake.parse(pairs, "pair", now)[0] if pairs else []
    texts = intake.parse(traffic, "traffic", now)[0] if traffic else queries_as_traffic(labelled)
    for path, found in ((traffic, texts), (pairs, labelled)):
        if path is not None and not found:
            raise DataFault(f"{path}: holds no record; at least one is needed to look at")
    window = opened.settings.tables.observe.window
    gathered = Gathered(idle="", recent=texts[-window:], pairs=labelled)
    return find(opened, champion.number, gathered, now)


def find(
    opened: OpenWorkspace,
    champion: int,
    gathered: Gathered,
    now: datetime,
    *,
    refused_pairs: int = 0,
) -> Finding:
    """Hold what was gathered against the champion and let the policy decide.

    Raises
    ------
    DataFault
        A trigger cannot read its input; the message names the trigger.
    """
    if gathered.idle:
        return Finding(Decision(False, (gathered.idle,), (), ()))
    folder = opened.versions.folder(opened.registry.version(champion))
    anchors = opened.anchor_sets.of(folder)
    today = opened.scores.of(folder, anchors)
    observation = observe(opened, folder, gathered, now, anchors, today, refused_pairs)
    signals = []
    for trigger in opened.settings.triggers:
        try:
            signals.append(trigger.check(observation))
        except ValueError as fault:
            raise DataFault(f"trigger {trigger.name}: {fault}") from fault
    decision = opened.settings.tables.policy.decide(
        signals,
        past_looks(opened, champion),
        hours=now.timestamp() / 3600,
        fresh=gathered.fresh,
    )
    if decision.train and gathered.refused:
        decision = replace(decision, train=False, reasons=(gathered.refused, *decision.reasons))
    moved = any(signal.fired and signal.p_value is not None for signal in signals)
    clusters = new_clusters(observation) if moved else ()
    hit_rates = {name: task.mean("recall_at_10") for name, task in today.tasks.items()}
    return Finding(decision, explain(signals), clusters, hit_rates)


def observe(
    opened: OpenWorkspace,
    folder: VersionFolder,
    gathered: Gathered,
    now: datetime,
    anchors: Sequence[EvaluationSet],
    today: Scorecard,
    refused_pairs: int = 0,
) -> Observation:
    """Return what the triggers of a champion may see of what was gathered.

    Parameters
    ----------
    anchors, today
        Today's anchor sets and the champion's scores on them.
    """
    facts = folder.facts()
    probe_texts, probes = folder.probes()
    accepted = Space(fingerprint=facts.fingerprint, tokenizer=facts.tokenizer, probes=probes)
    tables = opened.settings.tables
    return tables.observe.look(
        opened.encoders.load(folder.model),
        reference=folder.reference(),
        recent=gathered.recent,
        since_learned=gathered.since_learned,
        new_pairs=gathered.pairs,
        known_pairs=folder.memory(),
        champion_age_days=max(0.0, (now.timestamp() - facts.learned_at) / 86400),
        accepted_space=accepted,
        probe_texts=probe_texts,
        quality=_quality(opened, folder, anchors, today),
        hit_rates=_past_hit_rates(opened.store, today),
        anchor_queries=[query for each in anchors for query in each.queries.values()],
        refused_pairs=refused_pairs,
        generated_sources=tables.memory.generated_sources,
        progress=opened.progress,
    )


def _past_hit_rates(store: Store, today: Scorecard) -> Mapping[str, tuple[float, ...]]:
    """Return each anchor set's hit rate at the looks so far and now, oldest first."""
    past: dict[str, list[float]] = {}
    for row in reversed(store.cycles()):
        for name, rate in (row.result.get("decision") or {}).get("hit_rates", {}).items():
            past.setdefault(name, []).append(rate)
    return {
        name: (*past.get(name, ()), task.mean("recall_at_10")) for name, task in today.tasks.items()
    }


def _quality(
    opened: OpenWorkspace, folder: VersionFolder, anchors: Sequence[EvaluationSet], today: Scorecard
) -> Mapping[str, Quality]:
    """Return the champion's scores on today's anchor sets beside those it was accepted with."""
    accepted = folder.scorecard()
    metric = opened.settings.tables.gate.metric
    found = {}
    for each in anchors:
        then, now = accepted.tasks.get(each.name), today.tasks[each.name]
        place = {query: row for row, query in enumerate(then.query_ids)} if then else {}
        common = [row for row, query in enumerate(now.query_ids) if query in place]
        if then is not None and common:
            earlier = [place[now.query_ids[row]] for row in common]
            found[each.name] = Quality(
                accepted=then.metrics[metric][earlier],
                now=now.metrics[metric][common],
                queries=tuple(each.queries[now.query_ids[row]] for row in common),
            )
    return found


def past_looks(opened: OpenWorkspace, champion: int) -> list[Look]:
    """Return the earlier decisions about the data that one champion met, oldest first.

    A launch counts, for the cool-down, until enough labelled pairs for another one have arrived, or
    some of those it trained on were discarded.
    """
    store, enough = opened.store, opened.settings.tables.mix.minimum_pairs
    looks = []
    for row in reversed(store.cycles()):
        window, decision = row.result.get("window"), row.result.get("decision")
        if window and window["champion"] == champion and decision and decision["signals"]:
            signals = tuple(
                Signal(**{**signal, "examples": tuple(signal["examples"])})
                for signal in decision["signals"]
            )
            looks.append(
                Look(
                    hours=row.started.timestamp() / 3600,
                    signals=signals,
                    launched=row.outcome in TRAINED
                    and same_records_left(store, window)
                    and store.count_pairs(role="recent", after=window["until"]) < enough,
                    fresh=row.result["fresh"],
                )
            )
    return looks
