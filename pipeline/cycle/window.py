"""The window of one look: which stored data it is about, fixed by sequence numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.observation import queries_as_traffic
from pipeline.registry import Version
from pipeline.store import CycleRow, Store, Traffic
from pipeline.workspace import OpenWorkspace
from training.pairs import Pair

TRAINED = ("promoted", "rejected", "inconclusive")
"""Outcomes of cycles that trained."""


@dataclass(frozen=True)
class Window:
    """Which part of the stored data one look is about.

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
        Digest of the settings: changed settings are a reason to look at old data again.
    discards
        Which discards concern the data: what is left is another body of data.
    """

    champion: int
    after: int
    since: int
    until: int
    settings: str
    discards: str = ""


@dataclass(frozen=True)
class Gathered:
    """The data of one window.

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


def window_now(opened: OpenWorkspace, champion: Version) -> Window:
    """Return the window from the champion's cut up to what is stored now."""
    after = opened.versions.folder(champion).facts().cut
    looked = [row.result["window"]["until"] for row in looks(opened.store)]
    until = opened.store.last_sequence()
    return Window(
        champion=champion.number,
        after=after,
        since=max([after, *looked]),
        until=until,
        settings=opened.settings.digest,
        discards=opened.store.discards_in_force(after, until),
    )


def gather(opened: OpenWorkspace, window: Window) -> Gathered:
    """Read what the window holds; the same data is not looked at, or learned, twice."""
    store = opened.store
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
    recent = opened.settings.tables.observe.recent(texts, fresh)
    return Gathered(
        idle="",
        recent=recent,
        since_learned=texts,
        pairs=pairs,
        refused=_pairs_refused_before(store, window),
        fresh=fresh >= len(recent),
    )


def looks(store: Store) -> list[CycleRow]:
    """Return the cycles that looked at data, newest first."""
    return [row for row in store.cycles() if row.result.get("window")]


def _same_data_before(store: Store, window: Window) -> str:
    """Say which cycle settled exactly this, empty when none did.

    A guard that blocked may be satisfied now, and a cool-down may be over: such data is looked at
    again.
    """
    for row in looks(store):
        fired = any(signal["fired"] for signal in row.result["decision"]["signals"])
        settled = row.outcome != "blocked" and not (row.outcome == "quiet" and fired)
        if settled and _identity(row.result["window"]) == _identity(asdict(window)):
            return f"nothing new since cycle {row.id}, whose outcome was {row.outcome}"
    return ""


def _pairs_refused_before(store: Store, window: Window) -> str:
    """Say which cycle trained on exactly these pairs and was not promoted."""
    for row in looks(store):
        earlier = row.result["window"]
        same = (earlier["champion"], earlier["settings"]) == (window.champion, window.settings)
        if (
            same
            and row.outcome in TRAINED
            and same_records_left(store, earlier)
            and store.count_pairs(role="recent", after=earlier["until"], until=window.until) == 0
        ):
            return (
                f"no new pairs since cycle {row.id}, which trained on these and was {row.outcome}; "
                "training on them again would end the same way"
            )
    return ""


def same_records_left(store: Store, earlier: Mapping[str, Any]) -> bool:
    """Say whether no record of an earlier window was discarded, or brought back, since then."""
    discards: str = earlier.get("discards", "")
    return store.discards_in_force(earlier["after"], earlier["until"]) == discards


def _identity(values: Mapping[str, Any]) -> tuple[Any, ...]:
    named = tuple(values[name] for name in ("champion", "after", "until", "settings"))
    return (*named, values.get("discards", ""))
