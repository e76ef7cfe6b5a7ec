"""Learning without labels: pairs and proxies that a cycle makes of documents and served logs."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

from pipeline.cycle.centring import centred_by
from pipeline.cycle.first_anchors import FIRST_ANCHOR
from pipeline.cycle.headroom import headroom_now
from pipeline.cycle.journal import Journal
from pipeline.cycle.kinds import Material, excluded_kinds, kinds_of, served_after, table_of
from pipeline.cycle.lesson import Lesson
from pipeline.cycle.proxies import SELECTION, Proxies, proxies_of
from pipeline.cycle.stages import WorkLost
from pipeline.registry import VersionFolder
from pipeline.results import DerivedKind, DerivedResult, Window
from pipeline.workspace import OpenWorkspace, Settings
from training.evaluation import EvaluationSet, Selection
from training.pairs import Pair, normalised, read_memory, write_memory
from training.unlabelled import Derived
from training.whole_files import folder_written

_FOLDER = "derived"
_ASKED = "queries.json"


def with_unlabelled(
    opened: OpenWorkspace,
    journal: Journal,
    champion: VersionFolder,
    window: Window,
    lesson: Lesson,
) -> Lesson:
    """Return the lesson with what documents and served logs give: proxies and, if needed, pairs.

    Pairs are made only where labelled ones are too few. What is made is written into the folder of
    the cycle once, and read from there when the cycle is resumed.

    Parameters
    ----------
    champion, window, lesson
        What serves, what the cycle is about, and what labelled pairs teach.

    Raises
    ------
    WorkLost
        The files of a stage that is done are gone.
    """
    store = opened.store
    after = served_after(champion, window)
    served = store.count_served(after, window.until, amended=True)
    if not (served or store.count_documents(until=window.until)):
        return lesson
    folder = journal.folder / _FOLDER
    made = journal.once(
        "derive", partial(_derive, opened, folder, champion, window, lesson), DerivedResult
    )
    written = _Written.read(folder)
    if written.anchor is not None:
        lesson = replace(lesson, anchors=[written.anchor], frozen=[written.anchor])
    if not made.kinds:
        return replace(lesson, proxies=written.proxies, derived=made)
    return _taught(opened.settings, lesson, made, written)


@dataclass(frozen=True)
class _Written:
    """Derived pairs and evaluation sets in the folder of a cycle."""

    pairs: list[Pair]
    proxies: list[EvaluationSet]
    selection: EvaluationSet | None
    anchor: EvaluationSet | None
    asked: list[str]

    @classmethod
    def read(cls, folder: Path) -> Self:
        if not folder.is_dir():
            raise WorkLost(f"{folder} is gone")
        chosen, held = folder / "selection", folder / "anchor"
        return cls(
            read_memory(folder / "pairs"),
            [
                EvaluationSet.from_folder(f"proxy/{each.name}", each)
                for each in sorted((folder / "proxies").glob("*"))
            ],
            EvaluationSet.from_folder(SELECTION, chosen) if chosen.is_dir() else None,
            EvaluationSet.from_folder(FIRST_ANCHOR, held) if held.is_dir() else None,
            json.loads((folder / _ASKED).read_text(encoding="utf-8")),
        )

    def write(self, folder: Path) -> None:
        with folder_written(folder) as unfinished:
            write_memory(unfinished / "pairs", self.pairs)
            (unfinished / _ASKED).write_text(json.dumps(self.asked), encoding="utf-8")
            for each in self.proxies:
                each.save(unfinished / "proxies" / each.name.removeprefix("proxy/"))
            for name, one in (("selection", self.selection), ("anchor", self.anchor)):
                if one is not None:
                    one.save(unfinished / name)


def _derive(
    opened: OpenWorkspace, folder: Path, champion: VersionFolder, window: Window, lesson: Lesson
) -> DerivedResult:
    """Make proxies and pairs, write them into a folder and return the counts."""
    settings = opened.settings
    material = Material.gather(opened, champion, window)
    learns = bool(lesson.shortage)
    chooses = learns and bool(lesson.memory) and _chooses(settings)
    proxies = proxies_of(material, lesson, chooses=chooses)
    pairs: list[Pair] = []
    kinds: tuple[DerivedKind, ...] = ()
    notes = proxies.notes
    if learns:
        found = list(kinds_of(material, proxies.reserved, excluded_kinds(opened.store)))
        pairs, taken_out = _sound(found, material, lesson, proxies)
        kinds = _counted(found, pairs)
        notes += taken_out
    asked = centred_by(settings.tables.centre, champion.model, material.queries) if learns else []
    if learns and len(material.searched) < len(material.corpus):
        notes += (f"{len(material.searched)} of {len(material.corpus)} documents were searched",)
    _Written(pairs, proxies.sets, proxies.selection, proxies.anchor, asked).write(folder)
    return DerivedResult(
        queries=len(material.served),
        documents=len(material.corpus),
        kinds=kinds,
        proxies={each.name: len(each.queries) for each in proxies.sets},
        headroom=headroom_now(opened, champion, material.queries) if learns else None,
        notes=notes,
    )


def _chooses(settings: Settings) -> bool:
    return bool(settings.tables.merge.shares) or len(settings.strategies) > 1


def _sound(
    found: Sequence[Derived], material: Material, lesson: Lesson, proxies: Proxies
) -> tuple[list[Pair], tuple[str, ...]]:
    """Return the pairs that are trained on, and sentences on what was taken out.

    Nothing that is measured on stays, each pair is there once, and no kind exceeds its share.
    """
    tables = material.opened.settings.tables
    free = [
        pair
        for each in found
        for pair in each.pairs
        if not {normalised(pair.query), normalised(pair.positive)} & proxies.texts
    ]
    measured = [text for each in lesson.labelled for text in each.queries.values()]
    clean, _ = tables.leakage.clean(free, [*measured, *proxies.queries])
    if not clean:
        return [], ()
    screened = tables.screens.clean(
        clean, material.encoder.unit_vectors, material.searched.texts, material.queries
    )
    shares = {each.kind: table_of(tables, each.kind).share for each in found}
    kept = within_shares(screened.pairs, shares, tables.mix.minimum_pairs)
    cut = Counter(pair.source for pair in screened.pairs) - Counter(pair.source for pair in kept)
    beyond = (
        f"{count} pairs of {kind} exceed its share of {shares[kind]:.0%} ({kind}.share)"
        for kind, count in sorted(cut.items())
    )
    return kept, tuple(filter(None, (screened.reason, *beyond)))


def within_shares(pairs: Sequence[Pair], shares: dict[str, float], minimum: int) -> list[Pair]:
    """Return the pairs without those that exceed the share of their source, the first ones first.

    A source is never cut so far that fewer than a minimum of pairs are left in all.

    Parameters
    ----------
    pairs
        Best first within each source.
    shares
        Source -> largest share of the pairs, in (0, 1].
    minimum
        Pairs that a training needs.

    Examples
    --------
    >>> pairs = [Pair(f"{kind}{n}", "q", "p", source=kind) for kind in "ab" for n in range(40)]
    >>> kept = within_shares(pairs, {"a": 1.0, "b": 0.2}, minimum=2)
    >>> Counter(pair.source for pair in kept)
    Counter({'a': 40, 'b': 10})
    """
    counts = Counter(pair.source for pair in pairs)
    for source, share in shares.items():
        if share < 1:
            others = counts.total() - counts[source]
            most = max(int(others * share / (1 - share) + 1e-9), minimum - others)
            counts[source] = min(counts[source], most)
    kept: list[Pair] = []
    taken: Counter[str] = Counter()
    for pair in pairs:
        taken[pair.source] += 1
        if taken[pair.source] <= counts[pair.source]:
            kept.append(pair)
    return kept


def _counted(found: Sequence[Derived], pairs: Sequence[Pair]) -> tuple[DerivedKind, ...]:
    used = Counter(pair.source for pair in pairs)
    return tuple(
        DerivedKind(
            kind=each.kind,
            considered=each.considered,
            made=len(each.pairs),
            screened=len(each.pairs) - used[each.kind],
            used=used[each.kind],
            reason=each.reason,
        )
        for each in found
    )


def _taught(settings: Settings, lesson: Lesson, made: DerivedResult, written: _Written) -> Lesson:
    """Return the lesson that labelled and derived pairs teach together."""
    tables = settings.tables
    sets = [*written.proxies, *filter(None, (written.selection, written.anchor))]
    queries = [text for each in sets for text in each.queries.values()]
    labelled, _ = tables.leakage.clean(lesson.learned, queries)
    memory, _ = tables.leakage.clean(lesson.memory, queries)
    learned = [*labelled, *written.pairs]
    replayed = [pair for pair in memory if pair not in lesson.apart]
    selection = Selection(tuple(learned), tuple(replayed), ())
    if written.selection is not None:
        kept, old = tables.select.remembered(replayed, tables.holdout.by)
        if old is not None:
            selection = Selection(tuple(learned), tuple(kept), (written.selection, old))
    shortage = tables.mix.shortage(learned)
    if shortage:
        shortage += f" ({len(labelled)} labelled; without labels: {made.told()})"
    elif not written.proxies and lesson.new_task is None:
        shortage = "; ".join(("nothing measures what would be learned", *made.notes))
    return replace(
        lesson,
        mixture=tables.mix.draw(selection.recent, selection.memory),
        shortage=shortage,
        learned=learned,
        memory=memory,
        selection=selection,
        proxies=written.proxies,
        derived=made,
        asked=tuple(written.asked),
    )
