"""The whole story on real text: the documentation of the installed Python packages."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pipeline.demo.docstrings import documentation_pairs
from pipeline.demo.material import (
    MARKER,
    NEW_PACKAGES,
    OLD_PACKAGES,
    THIRD_PACKAGES,
    bundled_model,
    clear,
    shuffled,
    take,
    write_rows,
)
from pipeline.demo.telling import Telling, told
from pipeline.demo.without_labels import UnlabelledSizes, UnlabelledStage
from pipeline.operations import Workspace
from pipeline.results import DemoPart, DemoResult, StoryStep
from pipeline.workspace import SETTINGS_FILE, STATE_FOLDER
from training.evaluation import EvaluationSet
from training.pairs import Pair
from training.progress import Progress

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
    unlabelled: UnlabelledSizes


FULL = Sizes(
    history=500,
    reference=400,
    anchor_queries=250,
    window=200,
    new_pairs=640,
    poisoned_pairs=320,
    unlabelled=UnlabelledSizes(known=700, first_log=300, window=150, new=640, poisoned=300),
)
FAST = Sizes(
    history=250,
    reference=300,
    anchor_queries=150,
    window=150,
    new_pairs=420,
    poisoned_pairs=240,
    unlabelled=UnlabelledSizes(known=600, first_log=250, window=120, new=500, poisoned=240),
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
    base = bundled_model()
    clear(workspace)
    return Stage(workspace, sizes, base)


def run_demo(
    stage: "Stage",
    *,
    progress: Progress,
    say: Callable[[str], None],
    now: Callable[[], datetime] | None = None,
) -> DemoResult:
    """Tell both stories: with labelled pairs, and from documents and a log alone.

    Parameters
    ----------
    stage
        What `lay_out` returned.
    progress, say
        Progress bars, and what prints a line of narration.
    now
        The clock; by default the system's.
    """
    say("with labelled pairs")
    labelled = with_labels(stage, Telling(stage.workspace, progress, say, now))
    say("from documents and a log alone")
    other = stage.unlabelled
    unlabelled = without_labels(other, Telling(other.workspace, progress, say, now))
    return DemoResult(**dict(labelled), without_labels=unlabelled)


def with_labels(stage: "Stage", telling: Telling) -> DemoPart:
    """Run cycles through four chapters, roll back and forward."""
    stage.begin()
    telling.run("the base model is registered")
    stage.quiet_week()
    telling.run("a quiet week")
    stage.new_packages()
    telling.run("questions about other packages, with labelled pairs")
    stage.poisoned_batch()
    telling.run("a batch whose answers are shuffled")
    telling.say("rollback and forward …")
    with telling.opened() as workspace:
        telling.story.extend(_back_and_forward(workspace))
    return telling.part()


def without_labels(stage: UnlabelledStage, telling: Telling) -> DemoPart:
    """Run cycles through the same four chapters, without a labelled pair."""
    stage.begin()
    telling.run("the base model is registered; the first questions are the reference")
    stage.quiet_week()
    telling.run("a quiet week")
    stage.new_packages()
    telling.run("documents of other packages, and questions about them")
    stage.misleading_log()
    telling.run("more questions, with clicks on passages that answer nothing")
    return telling.part()


class Stage:
    """Lays out the files that arrive in each chapter."""

    def __init__(self, workspace: Path, sizes: Sizes, base: Path) -> None:
        self.workspace = workspace
        """The folder of the demonstration."""
        self._sizes = sizes
        wanted = sizes.history + sizes.reference + sizes.anchor_queries * 2 + sizes.window
        self._old = shuffled(documentation_pairs(OLD_PACKAGES, most=wanted))
        self._new = shuffled(documentation_pairs(NEW_PACKAGES, most=sizes.new_pairs + sizes.window))
        self._third = shuffled(
            documentation_pairs(THIRD_PACKAGES, most=sizes.poisoned_pairs + sizes.window)
        )
        self._base = base
        self.unlabelled = UnlabelledStage(workspace / "without-labels", sizes.unlabelled, base)
        """What lays out the part without labels."""

    @property
    def state(self) -> Path:
        """Folder of everything that the cycles write."""
        return self.workspace / STATE_FOLDER

    def begin(self) -> None:
        """Write history, reference, the anchor set and the settings."""
        sizes, old = self._sizes, self._old
        anchor, others = take(old, sizes.anchor_queries), take(old, sizes.anchor_queries)
        EvaluationSet.from_pairs("anchor/scientific-python", anchor, others).save(
            self.workspace / "anchors" / "scientific-python"
        )
        self._pairs("history", "before", take(old, sizes.history))
        self._texts("reference", "before", take(old, sizes.reference))
        settings = _SETTINGS.format(marker=MARKER, base=json.dumps(str(self._base)))
        (self.workspace / SETTINGS_FILE).write_text(settings, encoding="utf-8")

    def quiet_week(self) -> None:
        """Let questions about the known packages arrive."""
        self._texts("traffic", "week-1", take(self._old, self._sizes.window))

    def new_packages(self) -> None:
        """Let questions and labelled pairs about other packages arrive."""
        self._texts("traffic", "week-2", take(self._new, self._sizes.window))
        self._pairs("pairs", "week-2", take(self._new, self._sizes.new_pairs))

    def poisoned_batch(self) -> None:
        """Let a third group of packages arrive, each question with the answer to another."""
        self._texts("traffic", "week-3", take(self._third, self._sizes.window))
        pairs = take(self._third, self._sizes.poisoned_pairs)
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
        write_rows(self.workspace / folder / f"{name}.jsonl", rows)

    def _texts(self, folder: str, name: str, pairs: Sequence[Pair]) -> None:
        rows = ({"id": pair.id, "text": pair.query} for pair in pairs)
        write_rows(self.workspace / folder / f"{name}.jsonl", rows)


def _back_and_forward(workspace: Workspace) -> Iterator[StoryStep]:
    why = "shown by the demonstration"
    serving = workspace.status().champion.version
    back = workspace.rollback(reason=why)
    yield told("back with one command", "", back.action, back.champion.version, why)
    forward = workspace.promote(serving, reason=why, force=True)
    yield told("and forward again", "", forward.action, forward.champion.version, why)
