"""Settings: `anchorhold.toml` into the workers that it sets, or a fault that names the key."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import ConfigDict, Field, GetCoreSchemaHandler
from pydantic.dataclasses import dataclass
from pydantic_core import CoreSchema, core_schema

from drift_triggers.policy import Policy
from drift_triggers.signal import Trigger
from pipeline.gate import Canary, Gate, Guard, Suspects
from pipeline.generation import Generate
from pipeline.intake import Intake, Redaction
from pipeline.judging.judge import Judge
from pipeline.machine import key_in
from pipeline.observation import Observe
from pipeline.reports import Report, ShownTexts
from pipeline.search import Bridging, IndexSettings
from pipeline.workspace.keep_settings import Keep
from pipeline.workspace.log_settings import LogSettings
from pipeline.workspace.redacting import redaction_of
from pipeline.workspace.serve_settings import Serve
from pipeline.workspace.settings_fault import SettingsFault, nearest
from pipeline.workspace.telling import Alerts, PromotionReceiver, Watch
from pipeline.workspace.trigger_tables import TriggerTables, made
from training.distributed import Compute
from training.encoding import NumberFormat
from training.evaluation import Evaluate, LearnedAnchors, Select, check_lengths
from training.finetuning import CONFIGURED, SEEDS, FineTune, Negatives, Strategy, strategies
from training.pairs import Caps, HoldOut, LeakageGuard, Memory, Mix, Waiting
from training.retention import Merge
from training.screening import LabelledScreens
from training.settings import SETTINGS
from training.unlabelled import (
    Centre,
    Consensus,
    Feedback,
    KnownItems,
    LexicalTruth,
    Recipe,
    Reformulation,
    Screens,
    Structure,
)

SETTINGS_FILE = "anchorhold.toml"
STATE_FOLDER = ".anchorhold"
_SEED = "-seed-"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


@dataclass(frozen=True, config=SETTINGS)
class Model:
    """Which model is kept up to date."""

    name: str = Field(pattern=NAME, examples=["model"])
    """Name of the registered model and of the experiment in MLflow."""
    base: str = Field(min_length=1, examples=["sentence-transformers/all-MiniLM-L6-v2"])
    """Hub id or folder of a sentence-transformers model: the first champion."""
    max_length: int = Field(default=128, ge=8, le=8192)
    """Tokens after which a text is cut."""
    precision: NumberFormat = "float32"
    """Number format in which texts are encoded.

    Half precision is faster, moves scores a little, and makes another embedding space
    (docs/measurements/precision.md).
    """
    dimensions: tuple[int, ...] = Field(default=(), strict=False)
    """Lengths at which a Matryoshka model's vectors are served, each trained, scored and judged.

    Without it, only the whole vectors are.
    """

    def __post_init__(self) -> None:
        """Refuse a length that no model can have."""
        check_lengths(self.dimensions, "model.dimensions")


@dataclass(frozen=True, config=SETTINGS)
class Data:
    """Where records are read: files, patterns or `hf:<dataset>`, relative to the workspace."""

    history: list[str] = Field(default_factory=list)
    """Labelled pairs of the task that the model already serves: they seed memory and reference."""
    reference: list[str] = Field(default_factory=list)
    """Texts from a time without drift; without them, the queries of history are the reference."""
    pairs: list[str] = Field(default_factory=list)
    """Labelled pairs as they arrive: {"query": "…", "positive": "…"} per line, CSV or Parquet."""
    traffic: list[str] = Field(default_factory=list)
    """Unlabelled texts as they arrive: {"text": "…"} per line, CSV or Parquet."""
    corpus: list[str] = Field(default_factory=list)
    """Documents that the service can return: {"id": "…", "text": "…"} per line, tables, or folders.

    A folder holds an evaluation set, or pages of text, Markdown and HTML.
    """
    log: list[str] = Field(default_factory=list)
    """What was served: {"query": "…", "results": […], "clicked": […]} per line, or Parquet."""
    corpus_sample: int = Field(default=200_000, ge=100)
    """Maximum number of documents that pairs and proxies are made from, and that `judge` searches.

    It bounds the memory. Of a larger corpus, these are the documents that the log shows and a
    sample of the others. An index has all of them.
    """

    @property
    def places(self) -> dict[str, list[str]]:
        """Where the records of each kind are read."""
        every = dataclasses.asdict(self)
        return {kind: each for kind, each in every.items() if isinstance(each, list)}


@dataclass(frozen=True, config=SETTINGS)
class Anchor:
    """One fixed evaluation set of an old task."""

    path: str = Field(min_length=1, examples=["anchors/support-2023"])
    """Folder with corpus.jsonl, queries.jsonl and qrels.tsv."""
    further: list[str] = Field(default_factory=list)
    """Folders that measure the same task; all are read as one set.

    Each folder is a slice of it, which can refuse a candidate, but with few queries need not
    support one.
    """
    max_drop: float | None = Field(default=None, gt=0, lt=1, examples=[0.03])
    """Largest loss on this set, in the metric's units; without it, the gate's `max_drop`."""
    slices: list[str] = Field(default_factory=list)
    """Columns of queries.jsonl; each value with enough queries is compared on its own."""
    reparsed: str | None = Field(default=None, min_length=1, examples=["new-parser.jsonl"])
    """File with the documents of this set as another parser gives them: the same ids, other texts.

    Each check measures how far their vectors move and how the scores change; nothing is decided.
    """

    def __post_init__(self) -> None:
        """Refuse what documents with the ids of one folder cannot be compared with."""
        if self.reparsed and self.further:
            raise ValueError("reparsed needs a set of one folder; leave further out")

    @property
    def folders(self) -> list[str]:
        """The folders of the set."""
        return [self.path, *self.further]


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


class _FromTable:
    """A worker as a field: its own constructor reads its table."""

    def __get_pydantic_core_schema__(
        self, worker: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(partial(_worker, worker))


def _worker(worker: Any, value: Any) -> Any:
    return value if isinstance(value, worker) else made(worker, value)


Worker = TypeVar("Worker")
Table = Annotated[Worker, _FromTable()]
"""A TOML table and the worker that it sets."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Tables:
    """The settings file: one attribute for each table."""

    model: Table[Model]
    data: Table[Data]
    anchors: dict[Annotated[str, Field(pattern=NAME)], Table[Anchor]] = Field(default_factory=dict)
    triggers: TriggerTables = Field(default_factory=dict, validate_default=True)
    observe: Table[Observe] = Observe()
    policy: Table[Policy] = Policy()
    intake: Table[Intake] = Intake()
    holdout: Table[HoldOut] = HoldOut()
    waiting: Table[Waiting] = Waiting()
    leakage: Table[LeakageGuard] = LeakageGuard()
    labelled: Table[LabelledScreens] = LabelledScreens()
    caps: Table[Caps] = Caps()
    feedback: Table[Feedback] = Feedback()
    consensus: Table[Consensus] = Consensus()
    structure: Table[Structure] = Structure()
    reformulation: Table[Reformulation] = Reformulation()
    centre: Table[Centre] = Centre()
    unlabelled: Table[Recipe] = Recipe()
    screens: Table[Screens] = Screens()
    known_items: Table[KnownItems] = KnownItems()
    lexical_truth: Table[LexicalTruth] = LexicalTruth()
    memory: Table[Memory] = Memory()
    mix: Table[Mix] = Mix()
    generate: Table[Generate] = Generate()
    negatives: Table[Negatives] = Negatives()
    learned_anchors: Table[LearnedAnchors] = LearnedAnchors()
    finetune: Table[FineTune] = FineTune()
    select: Table[Select] = Select()
    merge: Table[Merge] = Merge()
    evaluate: Table[Evaluate] = Evaluate()
    gate: Table[Gate] = Gate()
    canary: Table[Canary] = Canary()
    guard: Table[Guard] = Guard()
    judge: Table[Judge] = Judge()
    index: Table[IndexSettings] = IndexSettings()
    bridge: Table[Bridging] = Bridging()
    suspects: Table[Suspects] = Suspects()
    compute: Table[Compute] = Compute()
    serve: Table[Serve] = Serve()
    log: Table[LogSettings] = LogSettings()
    promotion: Table[PromotionReceiver] = PromotionReceiver()
    alerts: Table[Alerts] = Alerts()
    watch: Table[Watch] = Watch()
    report: Table[Report] = Report()
    keep: Table[Keep] = Keep()
    store: Table[StoreLocation] = StoreLocation()
    tracking: Table[Tracking] = Tracking()


@dataclasses.dataclass(frozen=True)
class Settings:
    """All settings of one workspace, each table as the worker that it sets.

    Attributes
    ----------
    root
        The workspace; relative paths of the settings are relative to it.
    tables
        One attribute for each TOML table.
    digest
        sha256 of the parsed file and the strategies: when they change, that is a reason to check
        old data again.
    strategies
        Names of the strategies that a training tries, such as "replay" or, with a seed of its own,
        "replay-seed-1"; see `training.finetuning.strategies`.
    """

    root: Path
    tables: Tables
    digest: str
    strategies: tuple[str, ...] = (CONFIGURED,)

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """The triggers that are switched on, the user's own included."""
        return tuple(each.trigger for each in self.tables.triggers.values() if each.enabled)

    @property
    def waiting(self) -> Waiting:
        """What bounds the waiting pairs that a cycle uses, with its number of pairs."""
        return self.tables.waiting.within(self.tables.holdout)

    @property
    def state(self) -> Path:
        """Folder of everything that the product writes."""
        return self.root / STATE_FOLDER

    @property
    def redaction(self) -> Redaction:
        """What is taken out of records before they are stored.

        Raises
        ------
        SettingsFault
            `intake.redactor` is no function.
        """
        return redaction_of("intake", self.tables.intake, self.root, self.state)

    @property
    def shown_texts(self) -> ShownTexts:
        """Gives results as reports, their JSON and messages may show them."""
        policy, redaction = self.tables.report.texts, self.redaction
        key = key_in(self.state) if policy == "hashed" else b""
        return ShownTexts(policy, key, None if redaction.is_off else redaction.without)

    @property
    def artifacts(self) -> Path:
        """Folder for the files of runs, unless a server keeps them."""
        return self.state / "artifacts"

    @property
    def store_url(self) -> str:
        """Database URL with an absolute path."""
        return _absolute_sqlite(self.tables.store.url, self.root)

    @property
    def tracking_uri(self) -> str:
        """MLflow tracking URI with an absolute path."""
        return _absolute_sqlite(self.tables.tracking.uri, self.root)

    def absolute(self, url: str) -> str:
        """Return a URL with an absolute path, where it names a SQLite file in the workspace."""
        return _absolute_sqlite(url, self.root)

    def trying(self, names: Sequence[str], seeds: Sequence[int] = ()) -> Self:
        """Return the settings with the strategies that a training tries.

        Parameters
        ----------
        names
            Names of strategies; `all` stands for every one that differs from the others. Without
            any, the strategies stay.
        seeds
            Seeds with which each is tried; without any, each is with that of the settings.

        Raises
        ------
        SettingsFault
            There is no such strategy, or a seed is negative or above 4294967295.
        """
        known = self._strategies()
        names = names or self.strategies
        if "all" in names:
            unique: dict[Strategy, str] = {}
            for name, each in known.items():
                unique.setdefault(each, name)
            names = list(unique.values())
        for name in names:
            if name not in known:
                near = nearest(name, known)
                raise SettingsFault(
                    f"there is no strategy {name!r}{near}; allowed: all, {', '.join(known)}"
                )
        for seed in seeds:
            if seed not in SEEDS:
                raise SettingsFault(f"a seed is {seed}; allowed: 0 to {SEEDS[-1]}")
        if seeds:
            names = [f"{name}{_SEED}{seed}" for name in names for seed in seeds]
        chosen = tuple(dict.fromkeys(names))
        if chosen == self.strategies:
            return self
        digest = hashlib.sha256(f"{self.digest}{','.join(chosen)}".encode()).hexdigest()
        return dataclasses.replace(self, strategies=chosen, digest=digest)

    def following(self, strategy: str) -> Self:
        """Return the settings with the workers of one strategy, and with the seed in its name."""
        name, _, seed = strategy.partition(_SEED)
        chosen = self._strategies()[name]
        mix, finetune = chosen.mix, chosen.finetune
        if seed:
            mix = dataclasses.replace(mix, seed=int(seed))
            finetune = dataclasses.replace(finetune, seed=int(seed))
        tables = dataclasses.replace(self.tables, mix=mix, finetune=finetune, merge=chosen.merge)
        return dataclasses.replace(self, tables=tables)

    def _strategies(self) -> Mapping[str, Strategy]:
        finetune, served = self.tables.finetune, self.tables.model.dimensions
        trained = dataclasses.replace(finetune, dimensions=(*finetune.dimensions, *served))
        return strategies(self.tables.mix, trained, self.tables.merge)


def _absolute_sqlite(url: str, root: Path) -> str:
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url.startswith((prefix + "/", prefix + ":memory:")):
        return url
    relative, mark, options = url.removeprefix(prefix).partition("?")
    file = str(root.resolve() / relative)
    if "%" in file or "?" in file:
        # Naming the driver keeps MLflow from making a folder with the quoted name.
        prefix = "sqlite+pysqlite:///"
        file = file.replace("%", "%25").replace("?", "%3F")
    return f"{prefix}{file}{mark}{options}"
