"""The trainings of a cycle as tasks that do not depend on each other, done here or by workers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pipeline.cycle.centring import centre_trained
from pipeline.cycle.ladder import SelectionScores, foretold_of
from pipeline.cycle.lesson import Lesson
from pipeline.cycle.stages import Attempt
from pipeline.gate import Foretold
from pipeline.registry import VersionFolder
from pipeline.results import TrainingResult
from pipeline.workspace import Encoders, Settings
from training.distributed import Engine, kind_of
from training.evaluation import Selection
from training.faults import EngineFault, NonFiniteLoss
from training.finetuning import FineTune, Job, Negatives
from training.pairs import Mixture, memory_digest
from training.progress import Progress, no_progress
from training.retention import Merge
from training.retention.merge import Merged, interpolate
from training.unlabelled import Centre


@dataclass(frozen=True)
class TrainTask:
    """One training.

    Attributes
    ----------
    strategy
        Name of its strategy.
    folder
        Folder to write in.
    mixture, finetune, merge
        What it learns, and how.
    """

    strategy: str
    folder: Path
    mixture: Mixture
    finetune: FineTune
    merge: Merge

    @classmethod
    def of(cls, strategy: str, folder: Path, settings: Settings, lesson: Lesson) -> Self:
        """Return the training of a lesson with a strategy of the settings."""
        followed = settings.following(strategy)
        tables, mixture = followed.tables, lesson.following(followed).mixture
        merge = tables.merge if lesson.selection.sets else replace(tables.merge, shares=())
        return cls(strategy, folder.absolute(), mixture, tables.finetune, merge)


@dataclass(frozen=True)
class WithoutLabels:
    """What is done to a model that was trained on pairs that nobody labelled.

    Attributes
    ----------
    blend
        Share of the trained weights, averaged with the champion's.
    centre
        How the mean of the log's queries is taken off; None: it is not.
    asked
        Queries of the log.
    """

    blend: float
    centre: Centre | None
    asked: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings, lesson: Lesson) -> Self | None:
        """Return it for a lesson; None where its pairs are labelled."""
        if not lesson.without_labels:
            return None
        tables = settings.tables
        strength = tables.unlabelled.centre
        centre = replace(tables.centre, strength=strength) if strength and lesson.asked else None
        return cls(tables.unlabelled.blend, centre, lesson.asked)


@dataclass(frozen=True)
class TrainWork:
    """What all trainings of a cycle share; called in a worker, it returns what does them.

    Attributes
    ----------
    encoders
        Say where and how models compute.
    champion
        The model that every training starts from.
    selection, metric
        The pairs set aside, and the metric by which they choose.
    foretold
        Foretells, from the pairs set aside, whether a model passes the gate.
    negatives
        Mines hard negatives, if it is enabled.
    without_labels
        What more is done where nobody labelled the pairs.
    """

    encoders: Encoders
    champion: Path
    selection: Selection
    metric: str
    foretold: Foretold
    negatives: Negatives
    without_labels: WithoutLabels | None

    @classmethod
    def of(
        cls, settings: Settings, encoders: Encoders, champion: VersionFolder, lesson: Lesson
    ) -> Self:
        """Return the work of a lesson."""
        tables = settings.tables
        return cls(
            encoders,
            champion.model.absolute(),
            lesson.selection,
            tables.gate.metric,
            foretold_of(tables, lesson),
            tables.negatives,
            WithoutLabels.of(settings, lesson),
        )

    def at(self, engine: Engine) -> Self:
        """Return the work as the workers of an engine do it, each by itself."""
        cache = self.encoders.cache.absolute()
        alone = replace(self.encoders, engine=None, device=engine.device, cache=cache)
        return replace(self, encoders=alone)

    def __call__(self) -> Callable[[TrainTask], Attempt]:
        """Return what does a training in a worker."""
        if not self.champion.is_dir():
            raise EngineFault(
                f"a worker does not find {self.champion}; machines of a cluster that train need "
                "the workspace at the same path"
            )
        return self.done

    def done(self, task: TrainTask, progress: Progress = no_progress) -> Attempt:
        """Do a training; one that diverges is told as its fault."""
        try:
            training = self.train(task, progress)
        except NonFiniteLoss as fault:
            return Attempt(strategy=task.strategy, fault=f"training broke off: {fault}")
        return Attempt(strategy=task.strategy, training=training)

    def train(self, task: TrainTask, progress: Progress) -> TrainingResult:
        """Fine-tune the champion on the mix; resumed from a checkpoint when it was interrupted.

        Returns
        -------
        TrainingResult
            Its `folder` is the name of the model's folder within the task's; its run is empty.

        Raises
        ------
        NonFiniteLoss
            The training diverged.
        """
        mixture, encoders, folder = task.mixture, self.encoders, task.folder
        mined = ""
        if self.negatives.enabled:
            found = self.negatives.mine(mixture.pairs, encoders.load(self.champion), progress)
            mixture = replace(mixture, pairs=found.pairs, digest=memory_digest(found.pairs))
            mined = found.reason
        device = encoders.device_to_train(task.finetune.processes)
        job = Job(
            self.champion,
            mixture,
            folder / "trained",
            folder / "checkpoints",
            encoders.max_length,
            encoders.cache,
            device,
        )
        training = task.finetune.train(job, progress=progress, launcher=encoders.launcher)
        judge = self.judge(progress)
        merged = task.merge.choose(
            self.champion, training.folder, judge, output=folder / "merged", chance=judge.chance
        )
        if self.without_labels is not None:
            merged = self._weakened(merged, task, self.without_labels)
        selection, chance = {
            blend.share: ((blend.new, blend.old), blend.chance) for blend in merged.curve
        }.get(merged.share, (None, None))
        if selection is None and self.selection.sets:
            selection, chance = judge(merged.folder), judge.chance(merged.folder)
        return TrainingResult(
            strategy=task.strategy,
            run_id="",
            folder=merged.folder.name,
            selection=selection,
            chance=chance,
            steps=training.steps,
            seconds=training.seconds,
            precision=training.precision,
            device=kind_of(device),
            pairs=training.pairs,
            held=training.held,
            log=tuple(dict(row) for row in training.log),
            negatives=mined,
            merge=merged.reason,
            share=merged.share,
            curve=merged.curve,
        )

    def judge(self, progress: Progress) -> SelectionScores:
        """Return what scores a model folder on the pairs set aside."""
        by_query = self.selection.by_query(
            self.encoders.load_for_scores, metric=self.metric, progress=progress
        )
        return SelectionScores(by_query, self.champion, self.foretold)

    def _weakened(self, trained: Merged, task: TrainTask, how: WithoutLabels) -> Merged:
        """Return what was trained without labels, averaged with the champion and centred."""
        if not task.merge.shares and how.blend < 1.0:
            trained = Merged(
                folder=interpolate(
                    self.champion, trained.folder, how.blend, output=task.folder / "weakened"
                ),
                share=how.blend,
                curve=(),
                reason=f"{how.blend:.0%} of the way from champion to candidate, as nobody labelled "
                "the pairs",
            )
        if how.centre is None:
            return trained
        return centre_trained(
            how.centre, self.encoders, how.asked, trained, task.folder / "centred"
        )
