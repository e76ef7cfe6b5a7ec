"""Settings: `anchorhold.toml` into the workers that it sets, or a fault that names the key."""

import dataclasses
import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_triggers.data_quality import DataQuality
from drift_triggers.embedding_shift import EmbeddingShift
from drift_triggers.feedback_loop import FeedbackLoop
from drift_triggers.fresh_data import FreshData
from drift_triggers.instability import Instability
from drift_triggers.model_age import ModelAge
from drift_triggers.out_of_distribution import OutOfDistribution
from drift_triggers.policy import Policy
from drift_triggers.quality_drop import QualityDrop
from drift_triggers.signal import Trigger
from drift_triggers.similarity_shift import SimilarityShift
from drift_triggers.slow_drift import SlowDrift
from drift_triggers.source_shift import SourceShift
from drift_triggers.space_mismatch import SpaceMismatch
from drift_triggers.term_meaning import TermMeaning
from drift_triggers.text_shape import TextShape
from drift_triggers.vocabulary import Vocabulary
from pipeline.gate import Gate, Suspects
from pipeline.intake import Intake
from pipeline.observation import Observe
from training.evaluation import Evaluate, LearnedAnchors, Select
from training.faults import AnchorholdError
from training.finetuning import CONFIGURED, FineTune, Negatives, Strategy, strategies
from training.pairs import HoldOut, LeakageGuard, Memory, Mix
from training.retention import Merge
from training.settings import SETTINGS

SETTINGS_FILE = "anchorhold.toml"
STATE_FOLDER = ".anchorhold"
BUILT_IN_TRIGGERS: dict[str, Any] = {
    worker.name: worker
    for worker in (
        EmbeddingShift,
        OutOfDistribution,
        Vocabulary,
        TextShape,
        SlowDrift,
        TermMeaning,
        SourceShift,
        Instability,
        SimilarityShift,
        QualityDrop,
        SpaceMismatch,
        FeedbackLoop,
        DataQuality,
        FreshData,
        ModelAge,
    )
}
"""Name of the TOML table under `[triggers]` and the worker that it sets; all are on by default."""
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


class SettingsFault(AnchorholdError, ValueError):
    """A settings file that cannot be used; the message names file, key and what is allowed."""


@dataclass(frozen=True, config=SETTINGS)
class Model:
    """Which model is kept up to date."""

    name: str = Field(pattern=_NAME)
    """Name of the registered model and of the experiment in MLflow."""
    base: str = Field(min_length=1)
    """Hub id or folder of a sentence-transformers model: the first champion."""
    max_length: int = Field(default=128, ge=8, le=8192)
    """Tokens after which a text is cut."""


@dataclass(frozen=True, config=SETTINGS)
class Data:
    """Where records are read: files, patterns or `hf:<dataset>`, relative to the workspace."""

    history: list[str] = Field(default_factory=list)
    """Labelled pairs of the task the model already serves: they seed memory and reference."""
    reference: list[str] = Field(default_factory=list)
    """Traffic of the quiet past; without it, the queries of history are the reference."""
    pairs: list[str] = Field(default_factory=list)
    """Labelled pairs as they arrive: JSONL, CSV or Parquet."""
    traffic: list[str] = Field(default_factory=list)
    """Unlabelled texts as they arrive."""


@dataclass(frozen=True, config=SETTINGS)
class Anchor:
    """One fixed evaluation set of an old task."""

    path: str = Field(min_length=1)
    """Folder with corpus.jsonl, queries.jsonl and qrels.tsv."""
    max_drop: float | None = Field(default=None, gt=0, lt=1)
    """Margin of this set, in the metric's units; without it, the gate's."""
    slices: list[str] = Field(default_factory=list)
    """Columns of queries.jsonl; each value with enough queries is compared on its own."""


@dataclass(frozen=True, config=SETTINGS)
class StoreLocation:
    """The one database."""

    url: str = f"sqlite:///{STATE_FOLDER}/store.db"
    """Any SQLAlchemy URL; a relative SQLite path lies in the workspace."""


@dataclass(frozen=True, config=SETTINGS)
class Tracking:
    """Where versions and runs are tracked."""

    uri: str = f"sqlite:///{STATE_FOLDER}/mlflow.db"
    """Any MLflow tracking URI; a relative SQLite path lies in the workspace."""


@dataclasses.dataclass(frozen=True)
class Tables:
    """The settings file: one attribute a table, but for `[triggers]`."""

    model: Model
    data: Data
    anchors: dict[str, Anchor]
    observe: Observe
    policy: Policy
    intake: Intake
    holdout: HoldOut
    leakage: LeakageGuard
    memory: Memory
    mix: Mix
    negatives: Negatives
    learned_anchors: LearnedAnchors
    finetune: FineTune
    select: Select
    merge: Merge
    evaluate: Evaluate
    gate: Gate
    suspects: Suspects
    store: StoreLocation
    tracking: Tracking


TABLE_WORKERS: dict[str, Any] = {
    field.name: field.type for field in dataclasses.fields(Tables) if field.name != "anchors"
}
"""Name of each plain table and the worker that it sets."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """All settings of one workspace, each table as the worker that it sets.

    Attributes
    ----------
    root
        The workspace; relative paths of the settings are relative to it.
    tables
        One attribute a TOML table.
    triggers
        The triggers that are switched on, the user's own included.
    digest
        sha256 of the parsed file and the strategies: when they change, that is a reason to look at
        old data again.
    strategies
        Names of the strategies that a training tries; see `training.strategies`.
    """

    root: Path
    tables: Tables
    triggers: tuple[Trigger, ...]
    digest: str
    strategies: tuple[str, ...] = (CONFIGURED,)

    @property
    def state(self) -> Path:
        """Folder of everything that the product writes."""
        return self.root / STATE_FOLDER

    @property
    def store_url(self) -> str:
        """Database URL with an absolute path."""
        return _absolute_sqlite(self.tables.store.url, self.root)

    @property
    def tracking_uri(self) -> str:
        """MLflow tracking URI with an absolute path."""
        return _absolute_sqlite(self.tables.tracking.uri, self.root)

    def trying(self, names: Sequence[str]) -> Self:
        """Return the settings with the strategies of which a training tries each.

        Parameters
        ----------
        names
            Names of strategies; `all` stands for every one that differs from the others.

        Raises
        ------
        SettingsFault
            There is no such strategy.
        """
        known = self._strategies()
        if "all" in names:
            unique: dict[Strategy, str] = {}
            for name, each in known.items():
                unique.setdefault(each, name)
            names = list(unique.values())
        for name in names:
            if name not in known:
                near = _nearest(name, known)
                raise SettingsFault(
                    f"there is no strategy {name!r}{near}; allowed: all, {', '.join(known)}"
                )
        chosen = tuple(dict.fromkeys(names))
        if chosen == self.strategies:
            return self
        digest = hashlib.sha256(f"{self.digest}{','.join(chosen)}".encode()).hexdigest()
        return dataclasses.replace(self, strategies=chosen, digest=digest)

    def following(self, strategy: str) -> Self:
        """Return the settings with the workers of one strategy."""
        chosen = self._strategies()[strategy]
        tables = dataclasses.replace(
            self.tables, mix=chosen.mix, finetune=chosen.finetune, merge=chosen.merge
        )
        return dataclasses.replace(self, tables=tables)

    def _strategies(self) -> Mapping[str, Strategy]:
        return strategies(self.tables.mix, self.tables.finetune, self.tables.merge)


def _absolute_sqlite(url: str, root: Path) -> str:
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url.startswith((prefix + "/", prefix + ":memory:")):
        return url
    return f"{prefix}{root.resolve() / url.removeprefix(prefix)}"


def _nearest(word: str, words: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(words), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
