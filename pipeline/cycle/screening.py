"""The screens of a cycle: which new labelled pairs are held back, and which come in again."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from drift_triggers.feedback_loop import repeats_of
from pipeline.cycle.window import answered_in, checks, waiting_pairs
from pipeline.registry import VersionFolder
from pipeline.results import TRAINED, NoiseOfSource, ScreenedResult, ScreenFinding, Window
from pipeline.store import Store
from pipeline.workspace import Encoders, Settings
from training.pairs import Pair, in_short
from training.screening import LabelledScreens, Past

_PARTS = 20
"""Trained cycles whose windows are compared with: each has as many pairs as a new one."""


@dataclass(frozen=True)
class Screening:
    """What the screens of one cycle let pass.

    Attributes
    ----------
    pairs
        Labelled pairs that may be learned or measured on, in the order of their arrival.
    held
        Pairs that are held back.
    written
        Ids of pairs that repeat what the product answered.
    facts
        What is recorded.
    """

    pairs: list[Pair]
    held: tuple[Pair, ...]
    written: frozenset[str]
    facts: ScreenedResult

    def capped(self, before: Sequence[Pair], after: Sequence[Pair]) -> Self:
        """Return the screening with the pairs that exceed a cap held back, too."""
        stay = {id(pair) for pair in after}
        gone = tuple(pair for pair in before if id(pair) not in stay)
        if not gone:
            return self
        finding = ScreenFinding(
            screen="caps",
            pairs=len(gone),
            held=len(gone),
            reason=f"{len(gone)} pairs exceed the share of their source or of own output (caps)",
            examples=(in_short(gone[0]),),
        )
        facts = self.facts.changed(
            held=self.facts.held + len(gone), findings=(*self.facts.findings, finding)
        )
        return replace(self, held=(*self.held, *gone), facts=facts)


def screen_labels(
    settings: Settings, store: Store, encoders: Encoders, champion: VersionFolder, window: Window
) -> Screening:
    """Screen the labelled pairs of a window, and those that are let in again.

    The same window gives the same pairs whenever it is asked for.

    Parameters
    ----------
    settings, store, encoders
        Parts of the workspace.
    champion
        What they are compared with, and what it holds back from before.
    window
        Where they arrived.
    """
    screens = settings.tables.labelled
    earlier = store.pairs_numbered(champion.facts().held_back)
    again = [pair for pair in earlier if screens.admits(pair)]
    pairs = [*again, *waiting_pairs(store, window)]

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return encoders.load(champion.model).unit_vectors(texts)

    found = screens.screen(pairs, encode, Past(champion.memory(), [*_parts(store, window)]))
    answers = answered_in(store, window, settings.tables.observe).answers
    written = _written(found.pairs, answers)
    facts = ScreenedResult(
        pairs=len(pairs),
        held=len(found.held),
        let_in=len(again),
        waiting=len(earlier) - len(again),
        own=len(written),
        findings=tuple(
            ScreenFinding(
                screen=each.screen,
                pairs=each.pairs,
                held=each.held,
                reason=each.reason,
                examples=each.examples,
            )
            for each in found.findings
        ),
        noise=tuple(
            NoiseOfSource(
                source=each.source,
                pairs=each.estimate.pairs,
                share=each.estimate.share,
                low=each.estimate.low,
                high=each.estimate.high,
            )
            for each in found.noise
        ),
    )
    return Screening(found.pairs, tuple(found.held), written, facts)


def held_back_by(
    store: Store, champion: VersionFolder, held: Sequence[Pair], screens: LabelledScreens
) -> tuple[int, ...]:
    """Return the sequence numbers that a version holds back which learned the others.

    Parameters
    ----------
    store, champion
        Where the pairs are, and what was held back before.
    held
        Pairs that its cycle held back.
    screens
        Say which of the earlier ones were let in.
    """
    before = champion.facts().held_back
    learned = [pair.id for pair in store.pairs_numbered(before) if screens.admits(pair)]
    left = {*before}.difference(store.sequences_of_pairs(learned).values())
    return tuple(sorted(left.union(store.sequences_of_pairs([p.id for p in held]).values())))


def _parts(store: Store, window: Window) -> Iterator[Mapping[str, int]]:
    """Yield source -> pairs of the history, and of what arrived between trained cycles."""
    yield store.pair_sources(role="history", until=window.until)
    # What a refused cycle trained on still waits: it is no past.
    past = (each.until for _, each in checks(store, TRAINED) if each.until <= window.after)
    cuts = sorted({0, window.after, *itertools.islice(past, _PARTS)})
    for after, until in itertools.pairwise(cuts):
        yield store.pair_sources(role="recent", after=after, until=until)


def _written(pairs: Sequence[Pair], answers: Sequence[str]) -> frozenset[str]:
    """Return the ids of the pairs with a text that the product wrote itself."""
    if not answers:
        return frozenset()
    repeats = (repeats_of([pair.positive for pair in pairs], answers),
               repeats_of([pair.query for pair in pairs], answers))  # fmt: skip
    return frozenset(pair.id for pair, *own in zip(pairs, *repeats, strict=True) if any(own))
