"""What a workspace and its MLflow hold, in a form in which two lives can be compared.

Every row of every table and every file is in it. Times, durations and random identities are
replaced by what they stand for; all else must be equal.
"""

import hashlib
import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TIMES = re.compile(
    r"(^|_)(at|began|due|ended|finished|made|seconds|since|stamp|started|time|timestamp(_ms)?)$"
)
_SEALS = (
    "hash",
    "manifest",
    "history_head",
    "tombstone",
    "learned_at",
    "peak_memory",
    "disk_bytes",
)
"""What depends on times or random keys; the product verifies it by itself."""
_OWNERS = ("host", "process", "boot", "pid")
_MEASURED = re.compile(r"seconds|peak_memory|disk|freed|per_second|bytes")
_HIDDEN = "*"


@dataclass(frozen=True)
class Difference:
    """What one life has and another has not.

    Attributes
    ----------
    lost, left
        What is missing, and what should not be there.
    """

    lost: tuple[str, ...]
    left: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.lost or self.left)

    def __str__(self) -> str:
        lines = [f"lost  {each}" for each in self.lost] + [f"left  {each}" for each in self.left]
        return "\n".join(each[:1500] for each in lines[:20])


def difference(one: "Counter[str]", other: "Counter[str]") -> Difference:
    """Return how another life differs from one."""
    return Difference(
        tuple(sorted((one - other).elements())), tuple(sorted((other - one).elements()))
    )


def end_state(place: Path) -> "Counter[str]":
    """Return all that lies in the place of a life: rows and files, each as one sentence."""
    state = place / "space" / ".anchorhold"
    names = _names(state)
    found: Counter[str] = Counter()
    for name in ("store.db", "mlflow.db"):
        if (state / name).exists():
            found.update(f"{name}: {_named(row, names)}" for row in _rows(state / name))
    found.update(_named(each, names) for each in _files(place))
    return found


def _rows(file: Path) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):
                kept = {name: _value(name, row[name]) for name in row.keys()}  # noqa: SIM118
                yield f"{table} {json.dumps(_without_values(table, kept), sort_keys=True)}"


def _without_values(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Hide what a named value says where it is a time, a seal or an owner."""
    if table.startswith("tombstone"):
        return dict.fromkeys(row, _HIDDEN)
    key = row.get("key") or row.get("metric_name") or row.get("tag_key")
    if isinstance(key, str) and (_hides(key.rpartition("anchorhold.")[2]) or _MEASURED.search(key)):
        return {name: _HIDDEN if name.endswith("value") else each for name, each in row.items()}
    return row


def _hides(name: str) -> bool:
    name = name.rpartition(".")[2] if name.startswith("mlflow.") else name
    return bool(_TIMES.search(name)) or name.startswith((*_SEALS, *_OWNERS))


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if _hides(name):
        return _HIDDEN
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return _plain(json.loads(value))
        except ValueError:
            return value
    return value.hex() if isinstance(value, bytes) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _HIDDEN if _hides(name) or _MEASURED.search(name) else _plain(each)
            for name, each in value.items()
        }
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _files(place: Path) -> Iterator[str]:
    """Yield each file and each empty folder, with a digest where nothing random is in it."""
    for root, folders, names in os.walk(place):
        inside = os.path.relpath(root, place)
        if not folders and not names:
            yield f"folder {inside}"
        for name in names:
            if name.endswith(("-wal", "-shm")):
                continue
            path = Path(root, name)
            fixed = not inside.startswith("space/.anchorhold") or name.endswith(".safetensors")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12] if fixed else ""
            yield f"file {inside}/{name} {digest}".rstrip()


def _names(state: Path) -> dict[str, str]:
    """Return identity -> what it stands for."""
    found = {}
    if (state / "mlflow.db").exists():
        with closing(sqlite3.connect(f"file:{state / 'mlflow.db'}?mode=ro", uri=True)) as database:
            runs = database.execute(
                "SELECT r.run_uuid, max(CASE WHEN t.key = 'anchorhold.cycle' THEN t.value END), "
                "max(CASE WHEN t.key = 'anchorhold.attempt' THEN t.value END) FROM runs r "
                "LEFT JOIN tags t USING (run_uuid) GROUP BY r.run_uuid ORDER BY r.start_time, 1"
            ).fetchall()
            models = database.execute("SELECT model_id, name FROM logged_models").fetchall()
        counted: Counter[str] = Counter()
        for id, *words in [*runs, *((id, "model", name) for id, name in models)]:
            label = "/".join(str(each) for each in words)
            counted[label] += 1
            again = f"#{counted[label]}" if counted[label] > 1 else ""
            found[id] = f"<{label}{again}>"
    return found


_ID = re.compile(r"m-[0-9a-f]{32}|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])|[0-9a-f]{8}-[0-9a-f-]{27}")

_DECIDED = re.compile(r"\d{4}-\d\d-\d\d(?=, [\w ]+: )")
"""The day of a decision, in the description of a version."""


def _named(text: str, names: dict[str, str]) -> str:
    return _ID.sub(lambda met: names.get(met[0], "<id>"), _DECIDED.sub("<day>", text))
