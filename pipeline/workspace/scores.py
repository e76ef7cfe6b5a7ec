"""Scores of versions: each model loaded where it is needed, each score computed once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pipeline.registry import VersionFolder
from training.distributed import AUTO, Engine, Launcher, launch
from training.encoding import Encoder, NumberFormat, fingerprint
from training.evaluation import (
    Evaluate,
    EvaluationSet,
    Ranking,
    Regressions,
    Scorecard,
    further_dimensions,
    rankings,
    regressions,
    scorecard,
)
from training.progress import Progress


@dataclass(frozen=True)
class Encoders:
    """The encoders of model folders.

    Attributes
    ----------
    max_length
        Tokens at which texts are cut.
    cache
        Folder of the vectors that models gave to texts; safe to delete at any time.
    dimensions
        Lengths at which their vectors are served; empty: whole vectors only.
    engine
        Where many texts at once are encoded; None: in this process.
    device
        Where this process computes, as `device_for` takes it.
    precision
        Number format in which texts are encoded.
    """

    max_length: int
    cache: Path
    dimensions: tuple[int, ...] = ()
    engine: Engine | None = None
    device: str = AUTO
    precision: NumberFormat = "float32"

    @property
    def launcher(self) -> Launcher:
        """What starts the processes of a training."""
        return self.engine.launch if self.engine else launch

    def device_to_train(self, processes: int) -> str:
        """Return where so many processes train, as `device_for` takes it."""
        return self.engine.device if self.engine and processes > 1 else self.device

    def load(self, model: Path, name: str | None = None) -> Encoder:
        """Load the encoder of a model folder; messages call it by its name or else its folder."""
        return self._load(model, name, cache=self.cache, engine=self.engine)

    def load_alone(self, model: Path, name: str | None = None) -> Encoder:
        """Load an encoder without the cache, for texts that nobody asks for again."""
        return self._load(model, name)

    def _load(self, model: Path, name: str | None, **more: Any) -> Encoder:
        return Encoder.load(
            model,
            max_length=self.max_length,
            name=name,
            device=self.device,
            precision=self.precision,
            **more,
        )

    def fingerprint(self, model: Path) -> str:
        """Return the identity of the space of what `load` gives for a model folder."""
        return fingerprint(model, self.max_length, self.precision)

    def identity(self, version: VersionFolder) -> str:
        """Return the fingerprint of what `load` gives for a version's model."""
        facts = version.facts()
        same_length = facts.max_length in (None, self.max_length)
        if same_length and facts.precision == self.precision:
            return facts.fingerprint
        return self.fingerprint(version.model)


@dataclass(frozen=True)
class Scores:
    """Scores and rankings of versions on evaluation sets.

    Attributes
    ----------
    encoders
        Loads a version where a score is missing.
    evaluate
        How a model is scored.
    metric
        Name of the metric by which a query got worse.
    cache
        Folder of the scores; safe to delete at any time.
    progress
        How to show progress.
    """

    encoders: Encoders
    evaluate: Evaluate
    metric: str
    cache: Path
    progress: Progress

    def of(self, version: VersionFolder, sets: Sequence[EvaluationSet]) -> Scorecard:
        """Score a version; its model is loaded only where a score is missing."""
        identity, load = self.encoders.identity(version), self._loader(version)
        return self._scorecard(identity, load, sets, self.further_dimensions(version))

    def further_dimensions(self, version: VersionFolder) -> tuple[int, ...]:
        """Return at which lengths a version is scored, besides that of its whole vectors.

        Raises
        ------
        DataFault
            The settings name a length above that.
        """
        served = self.encoders.dimensions
        # The probes know how long its vectors are, without the model.
        whole = version.dimension() if served else None
        return () if whole is None else further_dimensions(served, whole)

    def reaching(self, version: VersionFolder) -> Self:
        """Return the same at those of the served lengths that a version's vectors have.

        A version of another encoder may have served when the settings named no such length.
        """
        served, whole = self.encoders.dimensions, version.dimension()
        if whole is None:
            return self
        lengths = tuple(each for each in served if each <= whole)
        return replace(self, encoders=replace(self.encoders, dimensions=lengths))

    def of_encoder(self, encoder: Encoder, sets: Sequence[EvaluationSet]) -> Scorecard:
        """Score a model that is loaded already."""
        dimensions = further_dimensions(self.encoders.dimensions, encoder.dimensions)
        return self._scorecard(encoder.fingerprint, lambda: encoder, sets, dimensions)

    def rankings(self, version: VersionFolder, sets: Sequence[EvaluationSet]) -> dict[str, Ranking]:
        """Return what a version finds for the queries of each set, by the set's name."""
        return rankings(
            self.encoders.identity(version),
            self._loader(version),
            list(sets),
            evaluate=self.evaluate,
            cache=self.cache,
            progress=self.progress,
        )

    def regressions(
        self, before: VersionFolder, after: VersionFolder, sets: Sequence[EvaluationSet]
    ) -> Regressions:
        """Return what one version answers worse than another."""
        return regressions(
            list(sets),
            (self.of(before, sets), self.rankings(before, sets)),
            (self.of(after, sets), self.rankings(after, sets)),
            metric=self.metric,
        )

    def _loader(self, version: VersionFolder) -> Callable[[], Encoder]:
        return lambda: self.encoders.load(version.model)

    def _scorecard(
        self,
        fingerprint: str,
        load: Callable[[], Encoder],
        sets: Sequence[EvaluationSet],
        dimensions: tuple[int, ...],
    ) -> Scorecard:
        return scorecard(
            fingerprint,
            load,
            list(sets),
            evaluate=self.evaluate,
            cache=self.cache,
            progress=self.progress,
            dimensions=dimensions,
        )
