"""Is training called for: the champion's view of a window, the decision, and the likely cause."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from drift_triggers.cause import explain
from drift_triggers.quality_drop import QualityDrop
from drift_triggers.signal import Observation, Signal, Space
from drift_triggers.statistics.clusters import new_clusters
from pipeline.cycle.canary import without_a_second
from pipeline.cycle.fine_tuned import came_with_training, fine_tuning_loss
from pipeline.cycle.fresh_quality import FRESH
from pipeline.cycle.headroom import headroom_now
from pipeline.cycle.held_out import HeldOutQueries
from pipeline.cycle.past_checks import lately, past_hit_rates, past_looks
from pipeline.cycle.provenance import provenance
from pipeline.cycle.quality_now import quality_now
from pipeline.cycle.reparsed import reparsed_now
from pipeline.cycle.window import (
    Gathered,
    answered_in,
    gather,
    known_until,
    later_reference,
    window_now,
)
from pipeline.observation import (
    Accepted,
    Answered,
    Arrived,
    KnownQuality,
    data_age,
    fields_of,
    measures_of,
    queries_as_traffic,
    served_as_traffic,
)
from pipeline.registry import Version, VersionFolder
from pipeline.results import DecisionResult, Measures, PastCycle, Window
from pipeline.store import Store
from pipeline.workspace import OpenWorkspace, Tables
from training.evaluation import EvaluationSet, Scorecard, left_out
from training.faults import DataFault
from training.pairs import Pair
from training.unlabelled import ServedQuery


def check_now(
    opened: OpenWorkspace,
    *,
    traffic: Path | None,
    pairs: Path | None,
    log: Path | None = None,
    now: datetime,
) -> DecisionResult:
    """Say what a run would decide now, or would decide on the files given; nothing is kept.

    Parameters
    ----------
    traffic, pairs, log
        Files that stand for the recent window instead of what is stored and what waits.

    Raises
    ------
    DataFault
        A file cannot be read, holds no record, or too many of its records are bad.
    """
    champion = opened.versions.champion()
    if traffic is None and pairs is None and log is None:
        with opened.store.rehearsal():
            taken_in = opened.take_in(now)
            window = window_of(opened, champion)
            gathered = gather(opened.store, window, opened.settings.tables.observe)
            shortage = shortage_of(opened.settings.tables, opened.store, window, gathered.pairs)
        refused = taken_in.pairs.quarantined
        decision = find(opened, champion.number, gathered, now, refused_pairs=refused)
        shortage = shortage if decision.train else ""
        return decision.changed(shortage=shortage, redacted=taken_in.redacted)
    intake, redaction = opened.settings.tables.intake, opened.settings.redaction
    labelled, refused_pairs = (
        intake.parse(pairs, "pair", now, opened.store, redaction) if pairs else ([], [])
    )
    lines = intake.parse(log, "served", now, redaction=redaction)[0] if log else []
    if traffic:
        texts = intake.parse(traffic, "traffic", now, redaction=redaction)[0]
    else:
        texts = queries_as_traffic(labelled)
    texts = served_as_traffic(lines) if lines and not traffic else texts
    for path, found in ((traffic, texts), (pairs, labelled), (log, lines)):
        if path is not None and not found:
            raise DataFault(f"{path}: holds no record; a check needs at least one")
    observing = opened.settings.tables.observe
    window = window_of(opened, champion)
    recent = texts[-observing.window :]
    gathered = Gathered(
        idle="",
        recent=recent,
        pairs=labelled,
        later_reference=later_reference(opened.store, opened.versions.folder(champion).facts().cut),
        answered=answered_in(opened.store, window, observing, lines),
        provenance=provenance(
            opened.store, window, "traffic", len(recent), intake.read_by("traffic")
        ),
    )
    return find(opened, champion.number, gathered, now, refused_pairs=len(refused_pairs))


def shortage_of(tables: Tables, store: Store, window: Window, labelled: Sequence[Pair]) -> str:
    """Say why a training would have nothing to learn from; empty where there may be enough.

    Pairs can be made of documents, and of clicks and ratings in the log; how many, a run finds out.
    """
    parting = HeldOutQueries.of(tables, store, window, [*labelled])
    split = parting.split([*labelled])
    too_few = tables.mix.shortage(split.training)
    if not too_few or store.count_documents(until=window.until):
        return ""
    served = store.served(after=window.after, until=window.until, amended=True)
    # The champion centred on a log needs no pairs, only queries that show whether it gains.
    if served and split.held_out:
        return ""
    if any(each.clicked or each.feedback or _shows_text(each) for each in served):
        return ""
    return f"{too_few}, and there are no documents, clicks or ratings to make pairs of"


def _shows_text(line: ServedQuery) -> bool:
    return any(each.text for each in line.shown)


def find(
    opened: OpenWorkspace,
    champion: int,
    gathered: Gathered,
    now: datetime,
    *,
    refused_pairs: int = 0,
) -> DecisionResult:
    """Compare what was gathered with the champion's reference and let the policy decide.

    While a canary runs, nothing is trained, whatever the policy says.

    Parameters
    ----------
    champion
        Number of the champion.
    gathered
        The data to check.
    refused_pairs
        Records of the last intake that were not valid pairs.

    Raises
    ------
    DataFault
        A trigger cannot read its input; the message names the trigger. Or the settings serve
        longer vectors than the champion's.
    """
    version = opened.registry.version(champion)
    warnings = opened.warnings(version)
    folder = opened.versions.folder(version)
    opened.scores.further_dimensions(folder)
    if gathered.idle:
        return DecisionResult(train=False, reasons=(gathered.idle,), warnings=warnings)
    anchors = opened.anchor_sets.of(folder)
    today = opened.scores.of(folder, anchors)
    past = lately(opened.store, opened.settings.tables.policy, now)
    observation = observe(opened, folder, gathered, now, anchors, today, past, refused_pairs)
    signals = []
    for trigger in opened.settings.triggers:
        try:
            signals.append(trigger.check(observation))
        except ValueError as fault:
            raise DataFault(f"trigger {trigger.name}: {fault}") from fault
    quality_drop = _quality_drop(opened)
    asked = ""
    if explain(signals).cause == "pipeline":
        signals, asked = _ask_quality(quality_drop, observation, signals)
    decision = opened.settings.tables.policy.decide(
        signals,
        past_looks(
            opened.store,
            past,
            champion,
            opened.settings.tables.mix.minimum_pairs,
            known=known_until(opened.store, folder.facts()),
        ),
        hours=now.timestamp() / 3600,
        fresh=gathered.fresh,
    )
    if decision.train and gathered.refused:
        decision = replace(decision, train=False, reasons=(gathered.refused, *decision.reasons))
    if decision.train and gathered.unused:
        decision = replace(decision, reasons=(*decision.reasons, gathered.unused))
    if asked and not decision.train:
        decision = replace(decision, reasons=(*decision.reasons, asked))
    moved = any(signal.fired and signal.p_value is not None for signal in signals)
    clusters = new_clusters(observation) if moved else ()
    hit_rates = {name: task.mean("recall_at_10") for name, task in today.tasks.items()}
    tuned = fine_tuning_loss(opened, folder, gathered.pairs, signals, quality_drop)
    found = DecisionResult(
        train=decision.train,
        reasons=decision.reasons,
        blocked_by=decision.blocked_by,
        signals=decision.signals,
        cause=explain(signals, fine_tuned=came_with_training(folder, tuned)),
        fine_tuning=tuned,
        clusters=clusters,
        hit_rates=hit_rates,
        headroom=headroom_now(opened, folder, [each.text for each in gathered.recent]),
        measures=_measures(opened, folder, observation, signals, gathered, now),
        warnings=(*warnings, *left_out(anchors)),
    )
    return without_a_second(opened.store, found)


def _measures(
    opened: OpenWorkspace,
    folder: VersionFolder,
    observation: Observation,
    signals: Sequence[Signal],
    gathered: Gathered,
    now: datetime,
) -> Measures:
    """Return the numbers of a window beside the triggers."""
    memory, known = folder.memory(), folder.reference()
    pairs = fields_of(((), ()), (memory, gathered.pairs), Answered(), None)
    found = measures_of(observation, signals, {**observation.fields, **pairs})
    return found.changed(
        data_age=data_age(memory, known, now.timestamp()),
        reparsed=tuple(reparsed_now(opened, folder)),
    )


def _quality_drop(opened: OpenWorkspace) -> QualityDrop:
    """Return the trigger of the settings, or that of the defaults where it is switched off."""
    chosen = (one for one in opened.settings.triggers if isinstance(one, QualityDrop))
    return next(chosen, QualityDrop())


def _ask_quality(
    asked: QualityDrop, observation: Observation, signals: Sequence[Signal]
) -> tuple[list[Signal], str]:
    """Ask whether the champion answers the new form as well: on the fresh labelled pairs.

    Returns
    -------
    The signals, with that of `quality_drop`, whether or not it is switched on; and what it says.
    """
    quality = observation.quality.get(FRESH)
    fewest = 0 if quality is None else min(len(quality.accepted), len(quality.now))
    if quality is None or fewest < asked.minimum_queries:
        told = (
            f"{fewest} labelled queries in the new form, at least {asked.minimum_queries} tell "
            "whether quality fell; if it did, label more of them"
        )
        return list(signals), told
    fresh = asked.check(replace(observation, quality={FRESH: quality}))
    others = [signal for signal in signals if signal.trigger != asked.name]
    return [*others, asked.check(observation)], f"quality in the new form: {fresh.reason}"


def observe(
    opened: OpenWorkspace,
    folder: VersionFolder,
    gathered: Gathered,
    now: datetime,
    anchors: Sequence[EvaluationSet],
    today: Scorecard,
    past: Sequence[PastCycle],
    refused_pairs: int = 0,
) -> Observation:
    """Return what the triggers read: what was gathered, and what the champion was accepted with.

    Parameters
    ----------
    anchors, today
        Today's anchor sets and the champion's scores on them.
    past
        The finished cycles, newest first.
    refused_pairs
        Number of records of pairs that intake refused.
    """
    facts = folder.facts()
    probe_texts, probes = folder.probes()
    tables = opened.settings.tables
    reference = tables.observe.extend(folder.reference(), gathered.later_reference)
    answered = comparable(gathered.answered, tables, trained=facts.parent is not None)
    seen = tables.observe.observation(
        opened.encoders.load(folder.model),
        Arrived(
            recent=gathered.recent,
            spread=gathered.spread,
            pairs=gathered.pairs,
            unused_pairs=gathered.unused_pairs,
            refused_pairs=refused_pairs,
            generated_sources=tables.memory.generated_sources,
        ),
        Accepted(
            reference=reference,
            pairs=folder.memory(),
            age_days=max(0.0, (now.timestamp() - facts.learned_at) / 86400),
            space=Space(fingerprint=facts.fingerprint, tokenizer=facts.tokenizer, probes=probes),
            probe_texts=probe_texts,
        ),
        KnownQuality(
            scores=quality_now(opened, folder, gathered, anchors, today),
            hit_rates=past_hit_rates(past, today),
            anchor_queries=[query for each in anchors for query in each.queries.values()],
        ),
        answered,
        progress=opened.progress,
    )
    return replace(
        seen,
        preprocessing=gathered.provenance.preprocessing,
        fields=fields_of(
            (reference, gathered.recent), ((), ()), answered, gathered.provenance.documents
        ),
    )


def comparable(answered: Answered, tables: Tables, *, trained: bool) -> Answered:
    """Return the log with the lines of the reference period that compare with recent ones.

    A champion matches the queries that it was trained on better than others, so that every later
    one would look worse. Held-out queries never give pairs.

    Parameters
    ----------
    trained
        Whether the champion was trained here; the first one was not.
    """
    before = answered.before
    if trained:
        before = [line for line in before if tables.holdout.holds(line.query)]
    return replace(answered, before=before[-tables.observe.reference :])


def window_of(opened: OpenWorkspace, champion: Version) -> Window:
    """Return the window from a champion's cut up to what is stored now."""
    return window_now(
        opened.store,
        champion=champion.number,
        facts=opened.versions.folder(champion).facts(),
        settings=opened.settings.digest,
        waiting=opened.settings.waiting,
    )
