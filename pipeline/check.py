"""Is training called for: the window to look at, the champion's view of it, and the decision."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from drift_triggers.policy import Decision, Look
from drift_triggers.signal import Observation, Signal, Space
from pipeline.observe import queries_as_traffic
from pipeline.registry import Version
from pipeline.store import Store, Traffic
from pipeline.wheel import Wheel
from training.pairs import DataFault, Pair


@dataclass(frozen=True)
class Window:
    """Which part of the stored data one look is about, by sequence numbers.

    Attributes
    ----------
    champion
        Number of the version that the data is held against.
    after
        The champion's cut: what came before is learned.
    since
        What came before was part of an earlier look.
    until
        What comes later belongs to the next look.
    settings
        Digest of the settings.
    """

    champion: int
    after: int
    since: int
    until: int
    settings: str


def window_now(wheel: Wheel, champion: Version) -> Window:
    """Return the window from the champion's cut up to what is stored now."""
    after = wheel.folder(champion).facts().cut
    looks = [row.result["window"] for row in wheel.store.cycles() if row.result.get("window")]
    since = max([after, *(look["until"] for look in looks)])
    return Window(
        champion=champion.number,
        after=after,
        since=since,
        until=wheel.store.last_sequence(),
        settings=wheel.settings.digest,
    )


@dataclass(frozen=True)
class Gathered:
    """The stored data of one window.

    Attributes
    ----------
    idle
        Why there is nothing to look at; empty when there is.
    recent
        The texts to look at.
    since_learned
        All texts that arrived since the champion learned, oldest first.
    pairs
        The labelled pairs that arrived since then.
    refused
        Which cycle trained on exactly these pairs and was not promoted; empty when none did.
    fresh
        Whether no text of `recent` was part of an earlier look.
    """

    idle: str
    recent: Sequence[Traffic] = ()
    since_learned: Sequence[Traffic] = ()
    pairs: Sequence[Pair] = ()
    refused: str = ""
    fresh: bool = True


def gather(wheel: Wheel, window: Window) -> Gathered:
    """Read what the window holds; the same data is not looked at, or learned, twice."""
    store = wheel.store
    before = _same_data_before(store, window)
    if before:
        return Gathered(idle=before)
    pairs = store.pairs(role="recent", after=window.after, until=window.until)
    texts = store.traffic(role="recent", after=window.after, until=window.until)
    fresh = store.count_traffic(role="recent", after=window.since, until=window.until)
    if not texts:
        texts = queries_as_traffic(pairs)
        fresh = store.count_pairs(role="recent", after=window.since, until=window.until)
    if not texts:
        return Gathered(idle="nothing has arrived since the champion learned")
    recent = wheel.settings.tables.observe.recent(texts, fresh)
    return Gathered(
        idle="",
        recent=recent,
        since_learned=texts,
        pairs=pairs,
        refused=_pairs_refused_before(store, window),
        fresh=fresh >= len(recent),
    )


def decide_on(wheel: Wheel, champion: int, gathered: Gathered, now: datetime) -> Decision:
    """Decide on what was gathered."""
    if gathered.idle:
        return Decision(train=False, reasons=(gathered.idle,), blocked_by=(), signals=())
    decision = decide(wheel, champion, gathered, now)
    if decision.train and gathered.refused:
        return replace(decision, train=False, reasons=(gathered.refused, *decision.reasons))
    return decision


def check_now(wheel: Wheel, *, traffic: Path | None, pairs: Path | None, now: datetime) -> Decision:
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
    champion = wheel.champion()
    if traffic is None and pairs is None:
        with wheel.store.rehearsal():
            wheel.take_in(now)
            gathered = gather(wheel, window_now(wheel, champion))
        return decide_on(wheel, champion.number, gathered, now)
    intake = wheel.settings.tables.intake
    labelled = intake.parse(pairs, "pair", now)[0] if pairs else []
    texts = intake.parse(traffic, "traffic", now)[0] if traffic else queries_as_traffic(labelled)
    for path, found in ((traffic, texts), (pairs, labelled)):
        if path is not None and not found:
            raise DataFault(f"{path}: holds no record; at least one is needed to look at")
    window = wheel.settings.tables.observe.window
    gathered = Gathered(idle="", recent=texts[-window:], pairs=labelled)
    return decide(wheel, champion.number, gathered, now)


def decide(wheel: Wheel, champion: int, gathered: Gathered, now: datetime) -> Decision:
    """Hold texts and pairs against the champion and let the policy decide.

    Raises
    ------
    DataFault
        A trigger cannot read its input; the message names the trigger.
    """
    observation = observe(wheel, champion, gathered, now)
    signals = []
    for trigger in wheel.settings.triggers:
        try:
            signals.append(trigger.check(observation))
        except ValueError as fault:
            raise DataFault(f"trigger {trigger.name}: {fault}") from fault
    return wheel.settings.tables.policy.decide(
        signals,
        past_looks(wheel.store, champion),
        hours=now.timestamp() / 3600,
        fresh=gathered.fresh,
    )


def observe(wheel: Wheel, champion: int, gathered: Gathered, now: datetime) -> Observation:
    """Return what the champion's triggers may see of what was gathered."""
    folder = wheel.folder(wheel.registry.version(champion))
    facts = folder.facts()
    probe_texts, probes = folder.probes()
    return wheel.settings.tables.observe.look(
        wheel.encoder(folder.model),
        reference=folder.reference(),
        recent=gathered.recent,
        since_learned=gathered.since_learned,
        new_pairs=gathered.pairs,
        known_pairs=folder.memory(),
        champion_age_days=max(0.0, (now.timestamp() - facts.learned_at) / 86400),
        accepted_space=Space(fingerprint=facts.fingerprint, probes=probes),
        probe_texts=probe_texts,
        progress=wheel.progress,
    )


def decision_json(decision: Decision) -> dict[str, Any]:
    """Return the decision as the `check` command prints it."""
    return {
        "train": decision.train,
        "reasons": list(decision.reasons),
        "blocked_by": list(decision.blocked_by),
        "signals": [
            {**asdict(signal), "examples": list(signal.examples)} for signal in decision.signals
        ],
    }


def decision_from_json(values: dict[str, Any]) -> Decision:
    """Return the decision that `decision_json` wrote."""
    return Decision(
        train=values["train"],
        reasons=tuple(values["reasons"]),
        blocked_by=tuple(values["blocked_by"]),
        signals=tuple(
            Signal(**{**signal, "examples": tuple(signal["examples"])})
            for signal in values["signals"]
        ),
    )


def past_looks(store: Store, champion: int) -> list[Look]:
    """Return the earlier decisions about the data that one champion met, oldest first."""
    looks = []
    for row in reversed(store.cycles()):
        looked = row.result.get("window")
        if looked and looked["champion"] == champion and row.result["decision"]["signals"]:
            decision = decision_from_json(row.result["decision"])
            looks.append(
                Look(
                    hours=row.started.timestamp() / 3600,
                    signals=decision.signals,
                    launched=row.outcome in ("promoted", "rejected", "inconclusive"),
                    fresh=row.result["fresh"],
                )
            )
    return looks


def _same_data_before(store: Store, window: Window) -> str:
    """Say which cycle looked at exactly this, empty when none did."""
    for row in store.cycles():
        earlier = row.result.get("window")
        if earlier and _of_window(earlier) == _of_window(asdict(window)):
            return f"nothing new since cycle {row.id}, whose outcome was {row.outcome}"
    return ""


def _pairs_refused_before(store: Store, window: Window) -> str:
    """Say which cycle trained on exactly these pairs and was not promoted."""
    for row in store.cycles():
        earlier = row.result.get("window")
        if (
            earlier
            and row.outcome in ("rejected", "inconclusive")
            and (earlier["champion"], earlier["settings"]) == (window.champion, window.settings)
            and store.count_pairs(role="recent", after=earlier["until"], until=window.until) == 0
        ):
            return (
                f"no new pairs since cycle {row.id}, which trained on these and was {row.outcome}; "
                "training on them again would end the same way"
            )
    return ""


def _of_window(values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(values[name] for name in ("champion", "after", "until", "settings"))
