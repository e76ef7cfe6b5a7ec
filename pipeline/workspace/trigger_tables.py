"""The tables below `[triggers]`: each sets a trigger and says whether it is checked."""

import inspect
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, ConfigDict, PlainValidator, StrictBool, ValidationInfo
from pydantic.dataclasses import dataclass
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from drift_triggers.data_quality import DataQuality
from drift_triggers.embedding_shift import EmbeddingShift
from drift_triggers.feedback_loop import FeedbackLoop
from drift_triggers.fresh_data import FreshData
from drift_triggers.instability import Instability
from drift_triggers.model_age import ModelAge
from drift_triggers.out_of_distribution import OutOfDistribution
from drift_triggers.preprocessing import PreprocessingChange
from drift_triggers.quality_drop import QualityDrop
from drift_triggers.signal import Trigger
from drift_triggers.similarity_shift import SimilarityShift
from drift_triggers.slow_drift import SlowDrift
from drift_triggers.source_shift import SourceShift
from drift_triggers.space_mismatch import SpaceMismatch
from drift_triggers.term_meaning import TermMeaning
from drift_triggers.text_shape import TextShape
from drift_triggers.vocabulary import Vocabulary
from pipeline.workspace.own_triggers import own_trigger
from pipeline.workspace.settings_fault import nearest

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
        PreprocessingChange,
        FreshData,
        ModelAge,
    )
}
"""Name of the TOML table under `[triggers]` and the worker that it sets; all are on by default."""


class _Table(NamedTuple):
    """A table below `[triggers]`, without the switch."""

    name: str
    keys: dict[str, Any]


def made(worker: Any, table: Any) -> Any:
    """Make a worker from its table; the constructor knows what is allowed.

    Raises
    ------
    ValidationError, PydanticCustomError, ValueError
        The table cannot be used; pydantic collects these as mistakes of the table's place.
    """
    if not isinstance(table, dict):
        raise PydanticCustomError("no_table", "must be a table")
    if not hasattr(worker, "__pydantic_validator__"):
        _refuse_unknown(worker, table)
    try:
        return worker(**table)
    except TypeError as fault:
        raise ValueError(str(fault)) from fault


def _refuse_unknown(worker: Any, table: dict[str, Any]) -> None:
    """Refuse the keys that a class of the user's own without pydantic does not take."""
    known = inspect.signature(worker).parameters
    if any(each.kind is each.VAR_KEYWORD for each in known.values()):
        return
    unknown = [
        InitErrorDetails(type="unexpected_keyword_argument", loc=(key,), input=value)
        for key, value in table.items()
        if key not in known
    ]
    if unknown:
        raise ValidationError.from_exception_data(worker.__name__, unknown)


def _trigger(table: Any, info: ValidationInfo) -> Any:
    if not isinstance(table, _Table):
        return table  # a trigger already: the settings are copied
    keys = dict(table.keys)
    if "class" in keys:
        return made(own_trigger(keys.pop("class"), info.context), keys)
    if table.name in BUILT_IN_TRIGGERS:
        return made(BUILT_IN_TRIGGERS[table.name], keys)
    raise PydanticCustomError(
        "unknown_trigger",
        '{near}; built in: {known}; a trigger of your own needs class = "module:Class"',
        {"near": nearest(table.name, BUILT_IN_TRIGGERS), "known": ", ".join(BUILT_IN_TRIGGERS)},
    )


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Switched:
    """A trigger, and whether it is checked."""

    trigger: Annotated[Trigger, PlainValidator(_trigger)]
    """What the rest of its table sets."""
    enabled: StrictBool = True
    """Whether this trigger is checked."""


def _all_tables(tables: Any) -> Any:
    """Add the tables that the file leaves out, and take each apart into trigger and switch."""
    if not isinstance(tables, dict):
        return tables
    return {
        name: _apart(name, tables.get(name, {}))
        for name in dict.fromkeys([*BUILT_IN_TRIGGERS, *tables])
    }


def _apart(name: str, table: Any) -> Any:
    if not isinstance(table, dict):
        return table  # a `Switched` already, or a mistake that pydantic names
    keys = {key: value for key, value in table.items() if key != "enabled"}
    switch = {"enabled": table["enabled"]} if "enabled" in table else {}
    return {"trigger": _Table(name, keys), **switch}


TriggerTables = Annotated[dict[str, Switched], BeforeValidator(_all_tables)]
"""Name -> trigger, built-in ones first; own ones are imported from the folder in the context."""
