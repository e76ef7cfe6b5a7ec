"""Write the pages of the documentation that follow from the code.

`python docs/generate.py` writes all of them, or those named (`settings.md`); with `--check` it
writes none and fails if one is not what the code says. A new page is one function in `PAGES`.
"""

import argparse
import ast
import dataclasses
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterable
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

HERE = Path(__file__).parent


def settings_page() -> str:
    """Return the reference of all settings, a table for each table of the file."""
    from pipeline.workspace import Key, reference, toml_value

    def default(key: Key) -> str:
        if key.required:
            return "must be set"
        return "not set" if key.default is None else f"`{toml_value(key.default)}`"

    parts = [
        "# Look up a setting",
        "All tables and keys of `anchorhold.toml`. Only `[model]` and `[data]` must be there. "
        "Ranges are intervals: `[0, 1)` includes 0 and excludes 1. `anchorhold settings` prints "
        "the values of a workspace.",
    ]
    for table in reference():
        rows = [
            (f"`{key.name}`", key.allowed, default(key), key.meaning.replace("``", "`"))
            for key in table.keys
        ]
        parts += [f"## `[{table.name}]`", table.about.replace("``", "`")]
        parts += [_table(("key", "allowed", "default", "meaning"), rows)]
    return "\n\n".join(parts)


def commands_page() -> str:
    """Return the reference of all commands: usage, arguments, options, exit status."""
    group = _command_line()
    parts = [
        "# Look up a command",
        "Results go to stdout: text and tables, or one JSON object with `--json` "
        "([its keys](json.md)). Progress and messages go to stderr.",
        _table(
            ("exit status", "meaning"),
            [
                ("0", "done; also if the gate refused a candidate"),
                ("1", "unexpected failure"),
                (
                    "2",
                    "bad usage, settings or data, a workspace in use, or a server that does not "
                    "answer; the message says what to do",
                ),
                ("3 to 7", "only with `--exit-code`; see the command"),
                ("130", "interrupted; the same command continues"),
            ],
        ),
        "## `anchorhold`",
        _table(("option", "meaning"), [_parameter(each)[:2] for each in group.params]),
    ]
    for name, command in _commands().items():
        rows = [_parameter(each) for each in command.params]
        places = [row[0].strip("`") for row in rows if not row[0].startswith("`-")]
        parts += [
            f"## `anchorhold {name}`",
            inspect.cleandoc(command.help or ""),
            f"```\nanchorhold {' '.join([name, *places, '[OPTIONS]'])}\n```",
            _table(("argument or option", "meaning", "default"), rows),
        ]
    return "\n\n".join(parts)


def _commands() -> dict[str, Any]:
    """Return name -> command, those of a group by both names: "index build"."""
    found: dict[str, Any] = {}
    for name, command in _command_line().commands.items():
        within = getattr(command, "commands", {})
        found.update({f"{name} {each}": inner for each, inner in within.items()} or {name: command})
    return found


def _command_line() -> Any:
    from typer.main import get_command

    from pipeline.commands.cli import app

    return get_command(app)


def _parameter(each: Any) -> tuple[str, str, str]:
    """Return the name, the meaning and the default of an argument or option."""
    value = each.metavar or each.name.upper()
    if each.param_type_name == "argument":
        name = value if each.required or value.startswith("[") else f"[{value}]"
        name += " …" if each.nargs == -1 else ""
    else:
        name = ", ".join(each.opts) + ("" if each.is_flag else f" {value}")
    shown = each.default not in (None, False, ()) and not callable(each.default)
    default = "must be given" if each.required else f"`{each.default}`" if shown else ""
    return f"`{name}`", each.help or "", default


def json_page() -> str:
    """Return the reference of what the commands print with `--json`, a table for each object."""
    from pipeline.results import IndexEstimate, RunEstimate

    printed = {
        **_results(),
        "run --dry-run": RunEstimate,
        "index build --dry-run": IndexEstimate,
    }
    kinds: dict[str, Any] = {}
    for kind in printed.values():
        _collect(kind, kinds)
    parts = [
        "# Look up a key of the JSON",
        "With `--json`, a command prints one JSON object on stdout. From Python, the methods of "
        "`pipeline.Workspace` return the same as typed results: each key is an attribute. Keys are "
        "stable; a later version may add some. The JSON Schema is in "
        "[json.schema.json](json.schema.json).",
        _table(
            ("command", "object"),
            [
                (f"`anchorhold {command}`", f"[{kind.__name__}](#{kind.__name__.lower()})")
                for command, kind in printed.items()
            ],
        ),
    ]
    for name, kind in kinds.items():
        about = (inspect.getdoc(kind) or "").split("\n\n")[0]
        parts += [f"## {name}", _prose(about), _table(("key", "type", "meaning"), _keys(kind))]
    return "\n\n".join(parts)


def _keys(kind: Any) -> list[tuple[str, str, str]]:
    """Return a row for each key, or for neighbours whose meaning is given in one sentence."""
    meanings = _meanings(kind)
    described = [
        (meanings.get(key) or _prose(schema.get("description", "")), key, _type(schema))
        for key, schema in _schema(kind)["properties"].items()
    ]
    rows = []
    for _, keys in groupby(described, lambda each: each[0] or each[1]):
        group = list(keys)
        types = dict.fromkeys(kind for _, _, kind in group)
        names = ", ".join(f"`{key}`" for _, key, _ in group)
        rows.append((names, "; ".join(types), group[0][0]))
    return rows


def json_schema() -> str:
    """Return the JSON Schema of what the commands print, one line per definition."""
    results = _results()
    mode: JsonSchemaMode = "serialization"
    _, schema = models_json_schema([(kind, mode) for kind in dict.fromkeys(results.values())])
    commands = {name: {"$ref": f"#/$defs/{kind.__name__}"} for name, kind in results.items()}
    parts = [
        '"$schema": "https://json-schema.org/draft/2020-12/schema"',
        '"description": "What `anchorhold COMMAND --json` prints, by command."',
        f'"properties": {_one_per_line(commands)}',
        f'"$defs": {_one_per_line(_plain(schema["$defs"]))}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}"


def _one_per_line(values: dict[str, Any]) -> str:
    lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _results() -> dict[str, Any]:
    """Return the result of each command: what the method of `Workspace` of that name returns."""
    from pipeline.operations.settings import SettingsListing
    from pipeline.results import DemoResult, HistoryResult, WatchEvent

    others = {"demo": DemoResult, "watch": WatchEvent, "settings": SettingsListing}
    found = {
        name: others.get(name) or get_type_hints(_verb(name))["return"] for name in _commands()
    }
    return {**found, "report --all": HistoryResult}


def _verb(command: str) -> Any:
    """Return the method of `Workspace` that a command calls."""
    from pipeline import Workspace

    return getattr(Workspace, "create" if command == "init" else command.replace(" ", "_"))


def _schema(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema(mode="serialization")


def _plain(part: Any) -> Any:
    """Return a schema without the titles, which repeat the keys; of docstrings, the summary."""
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    plain = {key: _plain(each) for key, each in part.items() if not _is_title(key, each)}
    if isinstance(plain.get("description"), str):
        plain["description"] = _prose(plain["description"].split("\n\n")[0])
    return plain


def _is_title(key: str, value: Any) -> bool:
    return key == "title" and isinstance(value, str)


def _collect(kind: Any, found: dict[str, Any]) -> None:
    """Add the classes of a type, and those of their attributes."""
    for part in get_args(kind):
        _collect(part, found)
    is_object = isinstance(kind, type) and (
        issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)
    )
    if is_object and kind.__name__ not in found:
        found[kind.__name__] = kind
        for hint in get_type_hints(kind).values():
            _collect(hint, found)


def _type(schema: dict[str, Any]) -> str:
    """Return a JSON type in words."""
    if "$ref" in schema:
        name = schema["$ref"].split("/")[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(each)}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(_type(each) for each in schema['prefixItems'])}]"
        case "array":
            return f"list of {_type(schema['items'])}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"object of name → {_type(schema['additionalProperties'])}"
        case None:
            return "any"
        case name:
            return str(name)


_SECTION = re.compile(r"\nAttributes\n-+\n((?:.|\n)*?)(?=\n\n\S|\Z)")
_ATTRIBUTE = re.compile(r"^(\w[\w, ]*)\n((?:    .*(?:\n|\Z))+)", re.MULTILINE)


def _meanings(kind: Any) -> dict[str, str]:
    """Return what each attribute means, from the docstring of its class or from below it."""
    meanings: dict[str, str] = {}
    for each in kind.__mro__:
        if each.__module__.partition(".")[0] in ("pipeline", "training", "drift_triggers"):
            meanings = {**_from_docstring(each), **_from_source(each), **meanings}
    return {key: re.sub(r"\bNone\b", "null", text) for key, text in meanings.items()}


def _from_docstring(kind: Any) -> dict[str, str]:
    section = _SECTION.search(inspect.getdoc(kind) or "")
    found = _ATTRIBUTE.findall(section[1]) if section else []
    return {name: _prose(text) for names, text in found for name in names.split(", ")}


def _from_source(kind: Any) -> dict[str, str]:
    (made,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    found = {}
    for attribute, below in pairwise(getattr(made, "body", ())):
        match attribute, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = _prose(text)
    return found


def _prose(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *(tuple(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Return a text that neither ends a cell nor begins a tag; code is left as it is."""
    plain = text.replace("|", "\\|")
    return re.sub(r"`[^`]*`|<", lambda found: "&lt;" if found[0] == "<" else found[0], plain)


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "json.md": json_page,
    "json.schema.json": json_schema,
}
"""Name of each page, and what makes its text."""


def generated(name: str) -> str:
    """Return the text of a page."""
    head = "<!-- Generated from the code by docs/generate.py. -->\n\n"
    return f"{head if name.endswith('.md') else ''}{PAGES[name]().rstrip()}\n"


def stale(names: Iterable[str]) -> list[str]:
    """Return the pages that are not what the code says."""
    return [
        name
        for name in names
        if not (HERE / name).exists() or (HERE / name).read_text("utf-8") != generated(name)
    ]


def main() -> None:
    """Write or check pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help=f"pages (default: all): {', '.join(PAGES)}")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if one is stale")
    arguments = parser.parse_args()
    names = arguments.pages or list(PAGES)
    if unknown := [name for name in names if name not in PAGES]:
        parser.error(f"there is no page {unknown[0]}; pages: {', '.join(PAGES)}")
    if arguments.check:
        if old := stale(names):
            raise SystemExit(
                f"not what the code says: {', '.join(old)}; run python docs/generate.py"
            )
    else:
        for name in names:
            (HERE / name).write_text(generated(name), encoding="utf-8")


if __name__ == "__main__":
    main()
