"""What learning from drift keeps and costs: whole cycles in workspaces made for them."""

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.cycle import run_cycle
from pipeline.results import CycleResult, SimulatedCause, SimulatedTraining
from pipeline.simulation.corpus import Corpus, held_back
from pipeline.simulation.injections import NewWords
from pipeline.store import Traffic
from pipeline.workspace import STATE_FOLDER, Anchor, Data, Settings, open_workspace
from training.encoding import Encoder
from training.evaluation import EvaluationSet
from training.pairs import Pair, normalised
from training.progress import Progress

_BEGINS = datetime(2024, 1, 1, tzinfo=UTC)
_ANCHORS = "known"


@dataclass(frozen=True)
class Amounts:
    """How many pairs each part of a training takes, at most."""

    anchors: int = 150
    """Queries of the anchor set, and as many further documents."""
    history: int = 250
    """Pairs that the first model is accepted with."""
    window: int = 300
    """Texts of the reference, and of the window with drift."""
    arriving: int = 420
    """Labelled pairs that arrive with the drift."""

    @property
    def known(self) -> int:
        """Pairs of the quiet past that are needed."""
        return 2 * self.anchors + self.history + 2 * self.window + self.arriving


def trained(
    settings: Settings,
    corpus: Corpus,
    encoder: Encoder,
    places: tuple[Path, Path],
    progress: Progress,
    amounts: Amounts | None = None,
) -> tuple[tuple[SimulatedTraining, ...], str]:
    """Learn from new topics, new words and wrong answers, each in a workspace of its own.

    Parameters
    ----------
    settings
        The settings that are tried.
    corpus
        Where the labelled pairs are from.
    encoder
        The encoder of the model, by which topics are held back where the corpus has no new ones.
    places
        Folder of the model that serves, and a folder for the workspaces.
    progress
        Shows how far each step is.
    amounts
        How many pairs each part takes; None: as many as a training of minutes.

    Returns
    -------
    What became of each; or why nothing was trained.
    """
    model, folder = places
    amounts = amounts or Amounts()
    known, new = _distinct(corpus.pairs), _distinct(corpus.new_pairs)
    if known and not new:
        known, new = _parted(known, encoder, settings.tables.observe.seed)
    fewest = amounts.window // 2 + amounts.arriving // 2
    if len(known) < amounts.known or len(new) < fewest:
        return (), (
            f"there are {len(known)} labelled pairs about known topics and {len(new)} about "
            f"others; {amounts.known} and {fewest} are needed"
        )
    made = _learned(settings, (known, new), (model, folder), amounts, progress)
    return tuple(made), ""


def _learned(
    settings: Settings,
    pairs: tuple[list[Pair], list[Pair]],
    places: tuple[Path, Path],
    amounts: Amounts,
    progress: Progress,
) -> Iterator[SimulatedTraining]:
    known, new = pairs
    stock = _Stock(known, amounts)
    half = min(amounts.window, len(new) // 2)
    topics, labelled = new[:half], new[half : half + amounts.arriving]
    answers = [pair.positive for pair in labelled]
    random.Random(3).shuffle(answers)
    wrong = [replace(pair, positive=answer) for pair, answer in zip(labelled, answers, strict=True)]
    lessons: tuple[tuple[SimulatedCause, bool, list[Pair], list[Pair]], ...] = (
        ("concept", False, topics, labelled),
        ("vocabulary", False, _renamed(stock.later), _renamed(stock.arriving)),
        ("concept", True, topics, wrong),
    )
    for cause, poisoned, texts, arriving in lessons:
        root = places[1] / f"{cause}{'-wrong' if poisoned else ''}"
        made_for = _laid_out(settings, root, places[0], stock)
        _cycle(made_for, 0, progress)
        _write(root / "traffic" / "new.jsonl", ({"text": pair.query} for pair in texts))
        _write(root / "pairs" / "new.jsonl", map(_row, arriving))
        yield _told(cause, poisoned, len(arriving), _cycle(made_for, 1, progress))
        shutil.rmtree(root)


class _Stock:
    """The pairs of the quiet past, none in two roles."""

    def __init__(self, known: Sequence[Pair], amounts: Amounts) -> None:
        rest = list(known)

        def take(count: int) -> list[Pair]:
            taken, rest[:count] = rest[:count], []
            return taken

        self.anchors, self.further = take(amounts.anchors), take(amounts.anchors)
        self.history, self.reference = take(amounts.history), take(amounts.window)
        self.later, self.arriving = take(amounts.window), take(amounts.arriving)


def _laid_out(settings: Settings, root: Path, model: Path, stock: _Stock) -> Settings:
    """Write the files of a workspace that knows the quiet past, and return its settings."""
    EvaluationSet.from_pairs(f"anchor/{_ANCHORS}", stock.anchors, stock.further).save(
        root / "anchors" / _ANCHORS
    )
    _write(root / "history" / "before.jsonl", map(_row, stock.history))
    _write(root / "reference" / "before.jsonl", ({"text": each.query} for each in stock.reference))
    (root / STATE_FOLDER).mkdir()
    tables = settings.tables
    return Settings(
        root=root,
        digest="simulated",
        strategies=settings.strategies,
        tables=replace(
            tables,
            model=replace(tables.model, name="simulation", base=str(model)),
            data=Data(
                history=["history/*.jsonl"],
                reference=["reference/*.jsonl"],
                pairs=["pairs/*.jsonl"],
                traffic=["traffic/*.jsonl"],
            ),
            anchors={_ANCHORS: Anchor(path=f"anchors/{_ANCHORS}")},
            # Nobody is there to approve, and nobody must be told.
            gate=replace(tables.gate, approval=False),
            canary=type(tables.canary)(),
            index=type(tables.index)(),
            promotion=type(tables.promotion)(),
            alerts=type(tables.alerts)(),
            generate=type(tables.generate)(),
            store=type(tables.store)(),
            tracking=type(tables.tracking)(),
        ),
    )


def _cycle(settings: Settings, week: int, progress: Progress) -> CycleResult:
    now = _BEGINS + timedelta(weeks=week)
    with open_workspace(settings, doing="simulate", now=now, progress=progress) as opened:
        return run_cycle(opened, now)


def _told(
    cause: SimulatedCause, poisoned: bool, pairs: int, result: CycleResult
) -> SimulatedTraining:
    compared = result.verdict.comparisons if result.verdict else ()
    gains = [each.difference for each in compared if each.rule == "gain"]
    kept = [each.difference for each in compared if each.task.startswith("anchor/")]
    why = result.verdict.reasons if result.verdict else result.decision.reasons
    return SimulatedTraining(
        cause=cause,
        poisoned=poisoned,
        outcome=result.outcome,
        right=(result.outcome == "promoted") != poisoned,
        pairs=pairs,
        gain=gains[0] if gains else None,
        kept=min(kept, default=None),
        seconds=result.seconds.get("total", 0.0),
        why=why[min(1, len(why) - 1)],
    )


def _renamed(pairs: Sequence[Pair]) -> list[Pair]:
    """Return pairs whose queries use the new words; the documents keep the usual ones."""
    queries = NewWords().inject([Traffic(pair.query) for pair in pairs], 1.0, 0)
    return [replace(pair, query=new.text) for pair, new in zip(pairs, queries, strict=True)]


def _distinct(pairs: Sequence[Pair]) -> list[Pair]:
    return list({normalised(pair.query): pair for pair in reversed(pairs)}.values())[::-1]


def _parted(pairs: list[Pair], encoder: Encoder, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Return the pairs of known topics, and those of topics that are held back as new."""
    queries = [Traffic(pair.query, id=str(row)) for row, pair in enumerate(pairs)]
    vectors = encoder.unit_vectors([each.text for each in queries])
    known, new = held_back(queries, vectors, seed)
    return [pairs[int(each.id)] for each in known], [pairs[int(each.id)] for each in new]


def _row(pair: Pair) -> dict[str, object]:
    return {key: value for key, value in asdict(pair).items() if value}


def _write(path: Path, rows: Iterator[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
