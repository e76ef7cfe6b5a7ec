"""Settings: `anchorhold.toml` into the workers that it sets, or a fault that names the key."""

import dataclasses
import difflib
import hashlib
import importlib
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError
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
from pipeline.gate import Gate
from pipeline.intake import Intake
from pipeline.learned_anchors import LearnedAnchors
from pipeline.observe import Observe
from pipeline.suspects import Suspects
from training.evaluate import Evaluate
from training.finetune import FineTune
from training.memory import Memory
from training.merge import Merge
from training.mix import Mix
from training.negatives import Negatives
from training.pairs import SETTINGS, HoldOut, LeakageGuard
from training.selection import Select
from training.strategies import CONFIGURED, Strategy, strategies

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


class SettingsFault(ValueError):
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


def load_settings(workspace: Path) -> Settings:
    """Read the settings of a workspace.

    Raises
    ------
    SettingsFault
        No settings file, not TOML, an unknown key, a wrong type or an impossible value; the
        message names the file, the key, the value and what is allowed.
    """
    path = workspace / SETTINGS_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsFault(
            f"{workspace} is not a workspace: it has no {SETTINGS_FILE}; "
            f"make one with `anchorhold init {workspace}`"
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsFault(f"{path}: cannot be read as UTF-8 text ({fault})") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise SettingsFault(f"{path}: not TOML: {fault}") from None
    return Settings(
        root=workspace.resolve(),
        tables=_read_tables(values, path),
        triggers=_switched_on(_table(values, "triggers", path), path, workspace),
        digest=hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest(),
    )


def _read_tables(values: Mapping[str, Any], path: Path) -> Tables:
    known = [*TABLE_WORKERS, "anchors", "triggers"]
    for name in values:
        if name not in known:
            allowed = f"; allowed: {', '.join(known)}"
            raise SettingsFault(f"{path}: unknown key {name}{_nearest(name, known)}{allowed}")
    for name in ("model", "data"):
        if name not in values:
            raise SettingsFault(f"{path}: the table [{name}] is missing; it must be there")
    anchors = {}
    for name in _table(values, "anchors", path):
        if not re.match(_NAME, name):
            raise SettingsFault(
                f"{path}: anchors.{name!r}: a name of an anchor set may have letters, digits, "
                "'_', '-' and '.' and begins with a letter or digit"
            )
        anchors[name] = _made(Anchor, values["anchors"], path, ("anchors", name))
    workers = {name: _made(worker, values, path, (name,)) for name, worker in TABLE_WORKERS.items()}
    return Tables(anchors=anchors, **workers)


def _table(values: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise SettingsFault(f"{path}: {name} must be a table, got {table!r}")
    return table


def _made(worker: Any, values: Mapping[str, Any], path: Path, place: tuple[str, ...]) -> Any:
    """Make a worker from its table; the constructor is what knows what is allowed."""
    fields = _table(values, place[-1], path)
    try:
        return worker(**fields)
    except ValidationError as fault:
        raise SettingsFault(_explain(fault, path, worker, place)) from None
    except (TypeError, ValueError) as fault:
        raise SettingsFault(f"{path}: {'.'.join(place)}: {fault}") from None


def _switched_on(tables: Mapping[str, Any], path: Path, workspace: Path) -> tuple[Trigger, ...]:
    triggers = []
    for name in dict.fromkeys([*BUILT_IN_TRIGGERS, *tables]):
        fields = dict(_table(tables, name, path))
        own = fields.pop("class", None)
        enabled = fields.pop("enabled", True)
        if not isinstance(enabled, bool):
            raise SettingsFault(
                f"{path}: triggers.{name}.enabled must be true or false, got {enabled!r}"
            )
        if own is not None:
            worker = _own_trigger(own, name, path, workspace)
        elif name in BUILT_IN_TRIGGERS:
            worker = BUILT_IN_TRIGGERS[name]
        else:
            raise SettingsFault(
                f"{path}: unknown trigger triggers.{name}{_nearest(name, BUILT_IN_TRIGGERS)}; "
                f'a trigger of your own needs class = "module:Class"; '
                f"built in: {', '.join(BUILT_IN_TRIGGERS)}"
            )
        if enabled:
            triggers.append(_made(worker, {name: fields}, path, ("triggers", name)))
    return tuple(triggers)


def _own_trigger(named: object, name: str, path: Path, workspace: Path) -> Any:
    """Import a trigger of the user's own, from the workspace or the environment."""
    module_name, _, class_name = str(named).partition(":")
    if not (isinstance(named, str) and module_name and class_name):
        raise SettingsFault(f'{path}: triggers.{name}.class must be "module:Class", got {named!r}')
    folder = str(workspace.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        worker = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as fault:
        raise SettingsFault(
            f"{path}: triggers.{name}.class: {named!r} cannot be imported from {folder} or the "
            f"environment: {fault}"
        ) from None
    if not callable(getattr(worker, "check", None)):
        raise SettingsFault(
            f"{path}: triggers.{name}.class: {named!r} has no method check(observation)"
        )
    return worker


def _absolute_sqlite(url: str, root: Path) -> str:
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url.startswith((prefix + "/", prefix + ":memory:")):
        return url
    return f"{prefix}{root.resolve() / url.removeprefix(prefix)}"


def _explain(fault: ValidationError, path: Path, worker: Any, table: tuple[str, ...]) -> str:
    """Each mistake as one line: file, key, what is wrong with the value, what is allowed."""
    allowed = [field.name for field in dataclasses.fields(worker)]
    lines = []
    for error in fault.errors(include_url=False):
        place = [str(part) for part in error["loc"]]
        key = ".".join([*table, *place])
        if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            near = _nearest(place[-1], allowed)
            lines.append(f"{path}: unknown key {key}{near}; allowed: {', '.join(allowed)}")
        elif error["type"] in ("missing", "missing_argument"):
            lines.append(f"{path}: {key} is missing; it must be set")
        else:
            message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
            lines.append(f"{path}: {key} {message}, got {error['input']!r}")
    return "\n".join(lines)


def _nearest(word: str, words: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(words), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
