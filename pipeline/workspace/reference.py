"""The reference of all settings: tables, keys, what each allows, its default and its meaning."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.workspace.settings import NAME, Anchor, Tables
from pipeline.workspace.trigger_tables import BUILT_IN_TRIGGERS, Switched

ANY_NAME = "<name>"
NAME_RULE = "letters, digits, '_', '-' and '.', beginning with a letter or digit"


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of a table."""

    name: str
    """Name of the key in its table."""
    allowed: str = "what its class takes"
    """Type and range of its values."""
    default: Any = None
    """What is in force without the key; None: nothing is."""
    required: bool = False
    """Whether the table must have it."""
    meaning: str = ""
    """What it says, with its unit."""
    example: Any = None
    """A value for a required key."""


@dataclasses.dataclass(frozen=True)
class TableReference:
    """One table of the settings file."""

    place: tuple[str, ...]
    """Where it is in the file, such as ("triggers", "model_age")."""
    about: str
    """What the table sets, in one sentence."""
    keys: tuple[Key, ...]

    @property
    def name(self) -> str:
        """Name in the file, such as `gate` or `triggers.model_age`."""
        return ".".join(self.place)

    @property
    def any_name(self) -> bool:
        """Whether the last part of its name stands for any name that a person gives."""
        return self.place[-1] == ANY_NAME


def reference(tables: Tables | None = None) -> list[TableReference]:
    """Return all tables of the settings.

    Parameters
    ----------
    tables
        Settings whose anchor sets and triggers of the user's own are part of the result; None:
        `anchors.<name>` stands for every anchor set.
    """
    return [_table(place, worker) for place, worker in _workers(tables)]


def keys_of(worker: Any) -> list[str]:
    """Return the keys of a worker's table, without reading their meanings."""
    return list(inspect.signature(worker).parameters)


def allowed_values(worker: Any, key: str) -> str:
    """Return what a key of a worker's table allows.

    Examples
    --------
    >>> from pipeline.gate import Gate
    >>> allowed_values(Gate, "confidence"), allowed_values(Gate, "max_size_ratio")
    ('number in (0.5, 1)', 'number above 0')
    """
    fields = getattr(worker, "__pydantic_fields__", {})
    if key in fields:
        return _allowed(fields[key].annotation, fields[key].metadata)
    try:
        kind = get_type_hints(worker).get(key, Any)
    except (NameError, TypeError):
        kind = Any  # a class of the user's own whose types are known to a checker only
    return _allowed(kind, [])


def _workers(tables: Tables | None) -> Iterator[tuple[tuple[str, ...], Any]]:
    for field, worker in get_type_hints(Tables).items():
        if field == "anchors":
            names = list(tables.anchors) if tables else []
            yield from (((field, name), Anchor) for name in names or [ANY_NAME])
        elif field == "triggers":
            workers = dict(BUILT_IN_TRIGGERS)
            for name, switched in tables.triggers.items() if tables else ():
                workers[name] = type(switched.trigger)
            yield from (((field, name), each) for name, each in workers.items())
        else:
            yield (field,), worker


def _table(place: tuple[str, ...], worker: Any) -> TableReference:
    meanings = _meanings(worker)
    keys = [_key(field, worker, meanings) for field in _fields(worker)]
    if place[0] == "triggers":
        enabled = next(field for field in _fields(Switched) if field.name == "enabled")
        keys.insert(0, _key(enabled, Switched, _meanings(Switched)))
    about = (inspect.getdoc(worker) or "").split("\n\n")[0]
    return TableReference(place, " ".join(about.split()), tuple(keys))


def _fields(worker: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(worker) if dataclasses.is_dataclass(worker) else ()


def _key(field: dataclasses.Field[Any], worker: Any, meanings: dict[str, str]) -> Key:
    info = field.default if isinstance(field.default, FieldInfo) else None
    default: Any
    if info is not None:
        default = info.get_default(call_default_factory=True)
    elif field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    else:
        default = field.default
    required = default is PydanticUndefined or default is dataclasses.MISSING
    return Key(
        field.name,
        allowed_values(worker, field.name),
        None if required else list(default) if isinstance(default, tuple) else default,
        required,
        meanings.get(field.name, ""),
        next(iter(info.examples or ()), None) if info else None,
    )


def _meanings(worker: Any) -> dict[str, str]:
    """Return what the source of a class says below each of its attributes.

    Pydantic can do this for every class when it is made, which costs every command a tenth of its
    start; only the reference needs it.
    """
    meanings = {}
    for each in reversed(inspect.getmro(worker) if isinstance(worker, type) else (worker,)):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(each)))
        except (OSError, TypeError, SyntaxError):
            continue  # a class of Python's, or one of the user's own that was made without a file
        for attribute, below in pairwise(tree.body[0].body):  # type: ignore[attr-defined]
            match attribute, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    meanings[name] = " ".join(text.split())
    return meanings


def _allowed(kind: Any, limits: list[Any]) -> str:
    parts = get_args(kind)
    if get_origin(kind) is Annotated:
        within = [limit for part in parts[1:] for limit in getattr(part, "metadata", [part])]
        return _allowed(parts[0], within)
    if get_origin(kind) in (Union, UnionType):
        # None is a key that is left out: TOML has no value for it.
        return " or ".join(_allowed(part, limits) for part in parts if part is not NoneType)
    if get_origin(kind) is Literal:
        *first, last = (f'"{part}"' for part in parts)
        return f"{', '.join(first)} or {last}" if first else last
    if get_origin(kind) in (list, tuple):
        inner = _allowed(parts[0], [])
        return f"list of {inner}" + ("" if inner.endswith('"') else "s")
    if any(getattr(limit, "pattern", None) == NAME for limit in limits):
        return NAME_RULE
    names = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    return f"{names.get(kind, 'what its class takes')}{_range(limits)}"


def _range(limits: list[Any]) -> str:
    """Return the range of a value as a suffix: an interval, or words where one end is open."""
    found = {
        name: f"{getattr(limit, name)}".removesuffix(".0")
        for limit in limits
        for name in ("ge", "gt", "le", "lt", "min_length")
        if hasattr(limit, name)
    }
    match found:
        case {"ge": low, "le": high}:
            return f" in [{low}, {high}]"
        case {"ge": low, "lt": high}:
            return f" in [{low}, {high})"
        case {"gt": low, "le": high}:
            return f" in ({low}, {high}]"
        case {"gt": low, "lt": high}:
            return f" in ({low}, {high})"
        case {"ge": low}:
            return f", at least {low}"
        case {"gt": low}:
            return f" above {low}"
        case {"le": high}:
            return f", at most {high}"
        case {"lt": high}:
            return f" below {high}"
        case {"min_length": _}:
            return ", not empty"
    return ""
