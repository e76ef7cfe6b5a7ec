"""The window of one check: which stored data it is about, fixed by sequence numbers."""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from pipeline.cycle.kinds import excluded_kinds
from pipeline.cycle.provenance import Provenance, provenance
from pipeline.observation import Answered, Observe, answered, queries_as_traffic
from pipeline.registry import Facts
from pipeline.results import TRAINED, Outcome, PastCycle, Window, each_past_cycle
from pipeline.store import Kind, Store, Traffic
from training.pairs import Pair, Waiting, used_of
from training.unlabelled import ServedQuery

_REFERENCE_LINES = 5
"""Lines that are read per line of the reference period: most may be queries trained on."""

_QUIET: tuple[Outcome, ...] = ("quiet",)

Check = tuple[PastCycle, Window]
"""A cycle that checked data, and its window."""


@dataclass(frozen=True)
class Gathered:
    """The data of one window.

    Attributes
    ----------
    idle
        Why there is nothing to check; empty when there is something.
    recent
        The texts to check.
    spread
        Texts spread over all that arrived since the champion learned, oldest first.
    pairs
        The labelled pairs that arrived since then, as far as a cycle uses them.
    unused_pairs, unused
        How many more wait, and a sentence that says so; empty where none do.
    refused
        Which cycle trained on exactly these pairs and was not promoted; empty when none did.
    fresh
        Whether no text of `recent` was part of an earlier check.
    later_reference
        Texts of the quiet past that were added since the champion learned.
    answered
        What the service answered in the reference period and recently.
    provenance
        What read the records, and which fields documents lack.
    """

    idle: str
    recent: Sequence[Traffic] = ()
    spread: Sequence[Traffic] = ()
    pairs: Sequence[Pair] = ()
    unused_pairs: int = 0
    unused: str = ""
    refused: str = ""
    fresh: bool = True
    later_reference: Sequence[Traffic] = ()
    answered: Answered = field(default_factory=Answered)
    provenance: Provenance = field(default_factory=Provenance)


def known_until(store: Store, facts: Facts) -> int:
    """Return the sequence number up to which a version knows the texts that arrived.

    It learned them, they were its first reference, or a person accepted them.
    """
    return max(facts.cut, facts.known, store.accepted_until())


def window_now(
    store: Store, *, champion: int, facts: Facts, settings: str, waiting: Waiting
) -> Window:
    """Return the window from the champion's cut up to what is stored now.

    Parameters
    ----------
    champion, facts
        Number of the champion, and what it knows.
    settings
        Digest of the settings.
    waiting
        Bounds the labelled pairs that are used.
    """
    until, cut, known = store.last_sequence(), facts.cut, known_until(store, facts)
    sizes = store.pair_sources(role="recent", after=cut, until=until)
    most = waiting.per_source(sizes)
    return Window(
        champion=champion,
        after=cut,
        since=max([cut, *(window.until for _, window in itertools.islice(checks(store), 1))]),
        until=until,
        settings=settings,
        discards=_left_out(store, cut, until),
        accepted=known if known > cut else 0,
        pairs=sum(sizes.values()),
        used=used_of(sizes, most),
        most=most,
    )


def waiting_pairs(store: Store, window: Window) -> list[Pair]:
    """Return the labelled pairs of a window that its cycle uses, in the order of their arrival."""
    return store.pairs(role="recent", after=window.after, until=window.until, most=window.most)


def gather(store: Store, window: Window, observe: Observe) -> Gathered:
    """Read what the window holds; the same data is not checked, or learned, twice."""
    kind: Kind
    before = _same_data_before(checks(store), window)
    if before:
        return Gathered(idle=before)
    count, read, kind = store.count_traffic, store.traffic, "traffic"
    arrived = count(role="recent", after=window.known, until=window.until)
    if not arrived:
        count, read, kind = store.count_pairs, _queries(store), "pair"
        arrived = count(role="recent", after=window.known, until=window.until)
    if not arrived:
        taken = "the last texts were taken into the reference"
        since = taken if window.accepted else "the champion learned"
        return Gathered(idle=f"nothing has arrived since {since}")
    fresh = count(role="recent", after=max(window.since, window.known), until=window.until)
    # Only what is compared is read: years may lie between two trainings.
    texts = partial(read, role="recent", after=window.known, until=window.until)
    recent = texts(latest=observe.newest(fresh))
    spread = observe.spread(arrived, len(recent))
    return Gathered(
        idle="",
        recent=recent,
        spread=texts(spread=spread) if spread else (),
        pairs=waiting_pairs(store, window),
        unused_pairs=window.pairs - window.used,
        unused=window.unused,
        refused=_pairs_refused_before(store, checks(store, TRAINED, window.after), window),
        fresh=fresh >= len(recent),
        later_reference=later_reference(store, window.after, window.until, window.accepted),
        answered=answered_in(store, window, observe),
        provenance=provenance(store, window, kind, len(recent)),
    )


def answered_in(
    store: Store,
    window: Window,
    observe: Observe,
    lines: Sequence[ServedQuery] | None = None,
) -> Answered:
    """Read what the service answered before and recently; `lines` may stand for the recent ones.

    Lines that the champion knows are the reference period. Without any, those of its first check
    that found nothing are.
    """
    known = window.known
    if lines is None and not store.count_served(known, window.until):
        # Earlier checks, which may be many, say nothing about a log that is not there.
        return Answered()
    if not store.count_served(until=known):
        quiet = [
            checked.until
            for _, checked in checks(store, _QUIET, window.after)
            if checked.champion == window.champion
        ]
        known = min(quiet, default=known)
    if lines is None:
        fresh = store.count_served(max(window.since, known), window.until)
    else:
        fresh = len(lines)
    return answered(
        store,
        known=known,
        until=window.until,
        window=lambda since: observe.recent(since, fresh),
        newest=_REFERENCE_LINES * observe.reference,
        lines=lines,
    )


def _queries(store: Store) -> Callable[..., list[Traffic]]:
    """Return what reads the queries of pairs as if they were texts."""
    return lambda **asked: queries_as_traffic(store.pairs(**asked))


def texts_between(store: Store, after: int, until: int) -> list[Traffic]:
    """Return the texts that arrived behind a cut; without traffic, the queries of the pairs."""
    texts = store.traffic(role="recent", after=after, until=until)
    return texts or queries_as_traffic(store.pairs(role="recent", after=after, until=until))


def later_reference(
    store: Store, cut: int, until: int | None = None, accepted: int | None = None
) -> list[Traffic]:
    """Return the texts of the quiet past that were added behind a cut.

    As for the first version, these are the texts of `data.reference`, or the queries of
    `data.history` where there never was one. Texts that a person accepted are among them.

    Parameters
    ----------
    cut, until
        Sequence numbers; None: up to what is stored now.
    accepted
        Sequence number up to which texts are accepted; None: as the store says now.
    """
    known = store.accepted_until() if accepted is None else accepted
    by_word = texts_between(store, cut, known) if known > cut else []
    if store.count_traffic(role="reference", until=until):
        return [*store.traffic(role="reference", after=cut, until=until), *by_word]
    history = store.pairs(role="history", after=cut, until=until)
    return [*queries_as_traffic(history), *by_word]


def checks(
    store: Store, outcomes: Collection[Outcome] | None = None, after: int = 0
) -> Iterator[Check]:
    """Yield the cycles that checked data, with their windows, newest first.

    No more of them are read than are asked for.

    Parameters
    ----------
    store
        Where they are.
    outcomes
        How they ended; by default, anyhow.
    after
        Leaves out the windows that ended before a cut: they are of earlier champions.
    """
    for cycle in each_past_cycle(store, outcomes):
        window = cycle.result.window
        if window and window.until < after:
            return
        if window:
            yield cycle, window


def _same_data_before(earlier: Iterable[Check], window: Window) -> str:
    """Say which cycle settled exactly this; empty when none did.

    A guard that blocked may be satisfied now, and a cool-down may be over: such data is checked
    again.
    """
    for cycle, checked in earlier:
        if checked.until < window.until:
            # So do all that were earlier.
            return ""
        outcome = cycle.result.outcome
        settled = outcome != "blocked" and not (outcome == "quiet" and cycle.result.decision.fired)
        if settled and checked.same_data(window):
            return f"nothing new since cycle {cycle.id}, whose outcome was {outcome}"
    return ""


def _pairs_refused_before(store: Store, trained: Iterable[Check], window: Window) -> str:
    """Say which cycle trained on exactly these pairs and was not promoted."""
    for cycle, checked in trained:
        if store.count_pairs(role="recent", after=checked.until, until=window.until):
            # They are new to all earlier cycles too.
            return ""
        if (
            (checked.champion, checked.settings) == (window.champion, window.settings)
            and same_records_left(store, checked)
            and arrived_since(store, cycle, checked.until, window.until) == 0
        ):
            return (
                f"no new pairs since cycle {cycle.id}, which trained on these and was "
                f"{cycle.result.outcome}; training on them again would end the same way"
            )
    return ""


def same_records_left(store: Store, earlier: Window) -> bool:
    """Say whether no record of an earlier window was excluded, or brought back, since then."""
    return _left_out(store, earlier.after, earlier.until) == earlier.discards


def arrived_since(store: Store, cycle: PastCycle, after: int, until: int | None = None) -> int:
    """Return how much arrived behind a cut of what a cycle trained on.

    That is labelled pairs and, if it made pairs itself, served queries and new documents.
    """
    pairs = store.count_pairs(role="recent", after=after, until=until)
    lesson = cycle.result.lesson
    if lesson is None or lesson.derived is None or not lesson.derived.kinds:
        return pairs
    documents = store.count_documents(until=until) - store.count_documents(until=after)
    return pairs + store.count_served(after, until, amended=True) + max(0, documents)


def _left_out(store: Store, after: int, until: int) -> str:
    """Return which exclusions concern a part of the sequence."""
    return " ".join((store.discards_in_force(after, until), *sorted(excluded_kinds(store)))).strip()
