"""Scores of versions: each model loaded where it is needed, each score computed once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
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
    ScoreFormat,
    further_dimensions,
    rankings,
    regressions,
    scorecard,
    settled_format,
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
    scored_in
        Number format in which models are scored, as `settled_format` takes it.
    """

    max_length: int
    cache: Path
    dimensions: tuple[int, ...] = ()
    engine: Engine | None = None
    device: str = AUTO
    precision: NumberFormat = "float32"
    scored_in: ScoreFormat = "model"

    def format_for_scores(self, model: Path | None = None) -> NumberFormat:
        """Return the number format in which a model is scored; None: one with a transformer.

        Where workers compute on other machines it is the one in which models serve: whether those
        have another is not known here.
        """
        if self.engine is not None and not self.engine.reads_files:
            return self.precision
        note = self.cache.with_name("number-format")
        return settled_format(self.scored_in, self.precision, model, device=self.device, note=note)

    def for_scores(self, model: Path) -> Self:
        """Return the encoders by which a model is scored."""
        return replace(self, precision=self.format_for_scores(model))

    def load_for_scores(self, model: Path) -> Encoder:
        """Load the encoder by which a model folder is scored."""
        return self.for_scores(model).load(model)

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
        files = sorted(each for each in model.rglob("*") if each.is_file())
        state = tuple((str(each), each.stat().st_size, each.stat().st_mtime_ns) for each in files)
        return _fingerprint(model, self.max_length, self.precision, state)

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
        encoders = self.encoders.for_scores(version.model)
        identity, load = encoders.identity(version), partial(encoders.load, version.model)
        return self._scorecard(
            identity, load, sets, self.further_dimensions(version), encoders.precision
        )

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

    def of_encoder(self, encoder: Encoder, model: Path, sets: Sequence[EvaluationSet]) -> Scorecard:
        """Score a model that is loaded already, from the folder given."""
        dimensions = further_dimensions(self.encoders.dimensions, encoder.dimensions)
        encoders = self.encoders.for_scores(model)
        if encoders.precision != encoder.precision:
            encoder = encoders.load(model, encoder.name)
        return self._scorecard(
            encoder.fingerprint, lambda: encoder, sets, dimensions, encoder.precision
        )

    def rankings(self, version: VersionFolder, sets: Sequence[EvaluationSet]) -> dict[str, Ranking]:
        """Return what a version finds for the queries of each set, by the set's name."""
        encoders = self.encoders.for_scores(version.model)
        return rankings(
            encoders.identity(version),
            partial(encoders.load, version.model),
            list(sets),
            evaluate=self.evaluate,
            cache=self.cache,
            progress=self.progress,
            precision=encoders.precision,
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

    def _scorecard(
        self,
        fingerprint: str,
        load: Callable[[], Encoder],
        sets: Sequence[EvaluationSet],
        dimensions: tuple[int, ...],
        precision: str,
    ) -> Scorecard:
        return scorecard(
            fingerprint,
            load,
            list(sets),
            evaluate=self.evaluate,
            cache=self.cache,
            progress=self.progress,
            dimensions=dimensions,
            precision=precision,
        )


@cache
def _fingerprint(
    model: Path, max_length: int, precision: str, _state: tuple[tuple[str, int, int], ...]
) -> str:
    """Return the fingerprint of a folder whose files are in a state; hashing takes a while."""
    return fingerprint(model, max_length, precision)
