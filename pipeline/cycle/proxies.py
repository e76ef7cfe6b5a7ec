"""The proxies of a cycle: evaluation sets made without labels, and what no pair may be made of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.cycle.first_anchors import FIRST_ANCHOR
from pipeline.cycle.kinds import Material
from pipeline.cycle.lesson import KNOWN_ITEMS, Lesson
from training.evaluation import EvaluationSet
from training.pairs import hash_share, normalised
from training.unlabelled import Reserved, distinct_queries

SELECTION = "selection/new"
_SELECTING = 1 / 3
"""Share of the queries of each proxy that chooses a model, where one is to be chosen."""


@dataclass(frozen=True)
class Proxies:
    """What a cycle measures on without labels.

    Attributes
    ----------
    sets
        One evaluation set per proxy, named "proxy/...".
    selection
        Queries that choose between models and are part of no proxy; None where nothing is chosen.
    anchor
        Known items that become an anchor set, where there is no other; None where there is one.
    reserved
        What no pair may be made of.
    texts
        Normalised texts of the documents that no pair may hold.
    notes
        Why a proxy could not be made, in a sentence each.
    """

    sets: list[EvaluationSet]
    selection: EvaluationSet | None
    anchor: EvaluationSet | None
    reserved: Reserved
    texts: frozenset[str]
    notes: tuple[str, ...]

    @property
    def queries(self) -> list[str]:
        """All queries that are measured on, or chosen by."""
        sets = [*self.sets, *filter(None, (self.selection, self.anchor))]
        return [text for each in sets for text in each.queries.values()]


def proxies_of(material: Material, lesson: Lesson, *, chooses: bool) -> Proxies:
    """Make the proxies of a window.

    Parameters
    ----------
    material
        What they are made of.
    lesson
        What labelled pairs teach; no query that is trained on is measured on.
    chooses
        Whether a model is chosen among several.
    """
    tables = material.opened.settings.tables
    trained = {normalised(pair.query) for pair in lesson.learned}
    made: list[EvaluationSet] = []
    notes: list[str] = []
    for name, task, reason in _made(material):
        asked = task.queries.items() if task else ()
        kept = [key for key, text in asked if normalised(text) not in trained]
        if task is None or not kept:
            notes.append(f"proxy/{name} could not be made: {reason}")
        else:
            made.append(task.of_queries(kept))
    selection = anchor = None
    if lesson.shortage and not lesson.anchors and made and made[0].name == KNOWN_ITEMS:
        made[0], anchor = _parted(made[0], 1 / 2)
        anchor = replace(anchor, name=FIRST_ANCHOR)
        notes.append(
            f"there is no anchor set: {len(anchor.queries)} known items are held as {FIRST_ANCHOR}"
        )
    if chooses and made:
        parts = [_parted(each, _SELECTING) for each in made]
        made = [judging for judging, _ in parts]
        selection = EvaluationSet.joined(SELECTION, [each for _, each in parts])
    protected = tables.known_items.protected(material.documents)
    texts = frozenset(normalised(each.whole) for each in material.documents if each.id in protected)
    reserved = Reserved(documents=protected, hold_out=tables.holdout)
    return Proxies(made, selection, anchor, reserved, texts, tuple(notes))


def _made(material: Material) -> Iterator[tuple[str, EvaluationSet | None, str]]:
    """Yield (name, evaluation set or None, how it was made or why not) of each proxy."""
    tables = material.opened.settings.tables
    known = tables.known_items.make(material.corpus, material.queries)
    yield "known-items", known.task, known.reason
    lexical = tables.lexical_truth.make(distinct_queries(material.held_out), material.corpus)
    yield "lexical", lexical.task, lexical.reason
    task = tables.feedback.task(material.served, material.documents, tables.holdout)
    if task is not None:
        yield "feedback", task, ""


def _parted(task: EvaluationSet, share: float) -> tuple[EvaluationSet, EvaluationSet]:
    """Return (what is left, a share of the queries) of a set; hashes of the queries decide."""
    order = sorted(task.queries, key=lambda key: hash_share(0, "part", task.queries[key]))
    taken = set(order[: round(share * len(order))])
    return (
        task.of_queries(key for key in task.queries if key not in taken),
        task.of_queries(key for key in task.queries if key in taken),
    )
