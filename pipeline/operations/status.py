"""Status: which version serves, what waits, what happened last, and what is unfinished."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pipeline.cycle import (
    Champions,
    Indexing,
    approvals,
    awaits_index,
    canary_now,
    known_until,
    rolled_back,
    verify_history,
)
from pipeline.erasure import erased_sentences
from pipeline.gate import (
    Earlier,
    SetSize,
    anchor_powers,
    outlook_of,
    overuse_warning,
    queries_for_gain,
)
from pipeline.intake import missing_files, unread_files
from pipeline.operations.quarantine import read_ever
from pipeline.registry import Facts, Version
from pipeline.results import (
    TRAINED,
    AcceptanceStatus,
    AnchorPower,
    ChampionStatus,
    CycleStatus,
    DocumentCounts,
    GateOutlook,
    GateStatus,
    HistoryStatus,
    IndexStatus,
    LogCounts,
    MessagesStatus,
    PassedVersion,
    PastCycle,
    PromotionStatus,
    RecordCounts,
    RolledBackVersion,
    StatusResult,
    StoredRecords,
    WaitingCounts,
    past_cycles,
)
from pipeline.store import Kind, Store, StoreCounts
from pipeline.workspace import OpenWorkspace, Settings, Tables
from training.evaluation import left_out
from training.faults import DataFault
from training.pairs import used_of

_SHOWN = 10
"""The last cycles and promotions that are listed."""


def status_now(opened: OpenWorkspace, now: datetime) -> StatusResult:
    """Return the state of a workspace; nothing is changed."""
    store = opened.store
    champion = opened.versions.champion()
    facts = opened.versions.folder(champion).facts()
    waiting = _waiting(opened, facts)
    counts = store.counts()
    anchors, gate, outlook = gate_now(opened, champion, log=bool(counts.served))
    unfinished = store.unfinished_cycle()
    index, unreadable = _index(opened, champion)
    history = verify_history(store, opened.registry)
    champions = Champions.of(opened)
    # One more is read: the newest may be unfinished.
    past = past_cycles(store, limit=_SHOWN + 1)
    canary = canary_now(champions, now)
    return StatusResult(
        model=opened.settings.tables.model.name,
        champion=ChampionStatus(
            version=champion.number,
            cycle=facts.cycle,
            fingerprint=facts.fingerprint,
            age_days=round(max(0.0, now.timestamp() - facts.learned_at) / 86400, 2),
        ),
        waiting=waiting,
        records=StoredRecords(
            pairs=_split(
                counts.pairs,
                counts.discarded.pairs,
                waiting.pairs,
                facts.passed_over,
                len(store.pairs_numbered(facts.held_back)),
            ),
            traffic=_split(counts.traffic, counts.discarded.traffic, waiting.traffic),
            served=_split(counts.served, counts.discarded.served, waiting.served),
            documents=DocumentCounts(
                documents=store.count_documents(),
                versions=sum(counts.documents.values()),
                discarded=counts.discarded.documents,
            ),
        ),
        log=_log(store, counts),
        read=read_ever(counts),
        quarantined=counts.quarantined,
        redacted=sum(each.became.get("redacted", 0) for each in counts.files),
        anchors=anchors,
        gate=gate,
        outlook=outlook,
        awaiting_approval=tuple(
            PassedVersion(version=each.number, cycle=each.cycle)
            for each in champions.awaiting_approval()
            if not awaits_index(each) and (canary is None or each.number != canary.candidate)
        ),
        approvals=tuple(approvals(champions)),
        canary=canary,
        rolled_back=tuple(
            RolledBackVersion(version=version, reason=reason)
            for version, reason in rolled_back(store.promotions()).items()
        ),
        cycles=tuple(map(_cycle, past)),
        computing=past[0].result.computing if past else None,
        history=HistoryStatus(rows=history.rows, verified=history.verified),
        unfinished=unfinished.id if unfinished else None,
        promotions=_promotions(store),
        acceptances=tuple(
            AcceptanceStatus.model_validate(each, from_attributes=True)
            for each in store.acceptances()[-_SHOWN:]
        ),
        messages=MessagesStatus.model_validate(store.outbox_counts(), from_attributes=True),
        index=index,
        erased=erased_sentences(store),
        unfinished_erasure=store.unfinished_erasure() is not None,
        warnings=(
            *opened.warnings(champion),
            *_misnamed(opened.settings),
            *_given(opened, counts),
            *unreadable,
        ),
    )


def _given(opened: OpenWorkspace, counts: StoreCounts) -> Iterator[str]:
    """Say how many records were stored before the settings said what is taken out of them."""
    intake, store = opened.settings.tables.intake, opened.store
    if intake.redact == "off" and not intake.redactor:
        return
    last = store.last_sequence()
    stored: dict[Kind, int] = {
        "pair": sum(counts.pairs.values()),
        "traffic": sum(counts.traffic.values()),
        "document": sum(counts.documents.values()),
    }
    told_as = {"pair": "pairs", "traffic": "texts", "document": "versions of documents"}
    for kind, counted in stored.items():
        now = intake.read_by(kind)
        same = sum(
            each.records
            for each in store.read_alike(kind, until=last)
            if all(each.parts.get(name) == now.get(name) for name in ("redact", "redactor"))
        )
        if same < counted:
            yield (
                f"{counted - same} {told_as[kind]} were stored under other settings of "
                "intake.redact and stay as they are; `anchorhold erase` removes records"
            )


def _misnamed(settings: Settings) -> Iterator[str]:
    """Say which files the settings name in vain, and which they pass over."""
    places = settings.tables.data.places
    yield from missing_files(places, settings.root)
    yield from unread_files(places, settings.root)


def _index(opened: OpenWorkspace, champion: Version) -> tuple[IndexStatus | None, tuple[str, ...]]:
    """Return the state of the champion's index, and why it cannot be read."""
    try:
        index = Indexing(opened).status(champion)
    except DataFault as fault:
        return None, (str(fault),)
    if index is None and Indexing(opened).builds and opened.store.last_document():
        return None, (f"version {champion.number} serves and has no index; the next run builds it",)
    return index, ()


def _waiting(opened: OpenWorkspace, facts: Facts) -> WaitingCounts:
    """Count what arrived since the champion was trained."""
    store = opened.store
    sizes = store.pair_sources(role="recent", after=facts.cut)
    return WaitingCounts(
        pairs=sum(sizes.values()),
        used_pairs=used_of(sizes, opened.settings.waiting.per_source(sizes)),
        traffic=store.count_traffic(role="recent", after=known_until(store, facts)),
        served=store.count_served(after=facts.cut),
    )


def gate_now(
    opened: OpenWorkspace, champion: Version, *, log: bool
) -> tuple[tuple[AnchorPower, ...], GateStatus, GateOutlook | None]:
    """Say what the anchor sets can support, and what keeps the gate from being meaningful.

    Parameters
    ----------
    champion
        The version that candidates are compared with.
    log
        Whether a served log is stored.
    """
    anchor_sets, tables = opened.anchor_sets, opened.settings.tables
    gate, margins = tables.gate, anchor_sets.margins
    try:
        folder = opened.versions.folder(champion)
        sets = anchor_sets.of(folder)
    except DataFault as fault:
        return (), GateStatus(meaningful=False, warnings=(str(fault),)), None
    past = past_cycles(opened.store, outcomes=TRAINED)
    found = anchor_powers(sets, gate, margins, past)
    outlook = outlook_of(
        [SetSize.of(each) for each in sets],
        gate,
        margins,
        Earlier(past, champion.number),
        held_out=_held_out(tables, past, _waiting(opened, folder.facts()).used_pairs),
        log=log,
    )
    warnings = [each.reason for each in found if not (each.can_vouch and each.meaningful)]
    warnings += [overuse_warning(each.anchor, each.judged, gate) for each in found if each.worn]
    warnings += outlook.warnings if outlook else ()
    warnings += left_out(sets)
    if not found:
        warnings = ["there is no anchor set: no candidate can ever be promoted"]
    meaningful = bool(found) and all(each.can_vouch and each.meaningful for each in found)
    return tuple(found), GateStatus(meaningful=meaningful, warnings=tuple(warnings)), outlook


def _held_out(tables: Tables, past: Sequence[PastCycle], waiting: int) -> int:
    """Return about how many queries are held out of so many pairs; the most where none wait."""
    holdout = tables.holdout
    if not waiting:
        return holdout.maximum
    counted = holdout.share is None
    return holdout.about(waiting, queries_for_gain(tables.gate, past).queries if counted else None)


def _log(store: Store, counts: StoreCounts) -> LogCounts:
    """Return what the lines of all served logs became."""
    total = LogCounts()
    for each in counts.files:
        if each.kind == "served":
            total += LogCounts.model_validate({"files": 1, **each.model_dump(), **each.became})
    return total.changed(**store.log_counts())


def _split(
    per_role: Mapping[str, int],
    discarded: int,
    waiting: int,
    passed_over: int = 0,
    held_back: int = 0,
) -> RecordCounts:
    stored = sum(per_role.values())
    # What was passed over may have been excluded since.
    passed_over = min(passed_over, stored - discarded - waiting - held_back)
    return RecordCounts(
        stored=stored,
        learned=stored - discarded - waiting - passed_over - held_back,
        waiting=waiting,
        discarded=discarded,
        passed_over=passed_over,
        held_back=held_back,
    )


def _cycle(past: PastCycle) -> CycleStatus:
    result = past.result
    return CycleStatus(
        cycle=past.id,
        outcome=result.outcome,
        started=past.started,
        champion=result.champion.version,
        source=result.source,
    )


def _promotions(store: Store) -> tuple[PromotionStatus, ...]:
    return tuple(
        PromotionStatus.model_validate(each, from_attributes=True)
        for each in store.promotions()[-_SHOWN:]
    )
