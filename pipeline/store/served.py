"""Served queries in the store: each line of a log, and its query as a text of the traffic."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, func, select, update

from pipeline.store.database import Database
from pipeline.store.discards import within
from pipeline.store.records import Added, Record, Role
from pipeline.store.rows import digest_of, held_digests, insert_numbered, next_numbers
from pipeline.store.tables import served, traffic
from training.unlabelled import ServedQuery, Shown


def take_served(connection: Connection, records: Sequence[Record], file: str, role: Role) -> Added:
    """Store new lines, and the query of each as traffic."""
    first = 0 if file else next_numbers(connection, "unplaced", len(records))
    rows = [
        _row(record, file, role, unplaced=first + index) for index, record in enumerate(records)
    ]
    held = held_digests(connection, served, [row["digest"] for row in rows])
    fresh = []
    for row in rows:
        if row["digest"] not in held:
            held.add(row["digest"])
            fresh.append(row)
    insert_numbered(connection, traffic, [_traffic_row(row) for row in fresh])
    insert_numbered(connection, served, fresh)
    return Added(stored=len(fresh), known=len(rows) - len(fresh))


def amend(
    connection: Connection,
    id: str,
    clicked: Sequence[str] = (),
    feedback: Mapping[str, int] | Sequence[tuple[str, int]] = (),
) -> bool:
    """Add clicks and feedback to the newest line of an id; return whether that changed it."""
    newest = select(func.max(served.c.sequence)).where(served.c.id == id)
    chosen = select(served.c.sequence, served.c.clicked, served.c.feedback)
    row = connection.execute(chosen.where(served.c.sequence.in_(newest))).first()
    if row is None or not id:
        return False
    clicks = list(dict.fromkeys([*json.loads(row.clicked), *clicked]))
    rated = {**dict(json.loads(row.feedback)), **dict(feedback)}
    values = {"clicked": _as_text(clicks), "feedback": _as_text(list(rated.items()))}
    if (row.clicked, row.feedback) == (values["clicked"], values["feedback"]):
        return False
    connection.execute(update(served).where(served.c.sequence == row.sequence).values(values))
    return True


class ServedLog:
    """The part of the store that returns what was served, and takes later feedback."""

    _database: Database

    def served(
        self, after: int = 0, until: int | None = None, latest: int | None = None
    ) -> list[ServedQuery]:
        """Return the lines of the logs in order of arrival; `latest` limits them to the newest."""
        chosen = select(*(served.c[field.name] for field in fields(ServedQuery)))
        chosen = chosen.where(*within(served, None, after, until))
        newest_first = chosen.order_by(served.c.sequence.desc()).limit(latest)
        with self._database.reading() as connection:
            return [_served_query(row) for row in connection.execute(newest_first).mappings()][::-1]

    def count_served(self, after: int = 0, until: int | None = None) -> int:
        """Return the number of lines behind a cut."""
        chosen = select(func.count()).select_from(served)
        with self._database.reading() as connection:
            return int(connection.scalar(chosen.where(*within(served, None, after, until))) or 0)

    def amend_served(
        self,
        id: str,
        clicked: Sequence[str] = (),
        feedback: Mapping[str, int] | Sequence[tuple[str, int]] = (),
    ) -> bool:
        """Add clicks and feedback that came later to the newest line of an id.

        New clicks follow those known; a later rating of a result replaces its earlier one.

        Returns
        -------
        bool
            Whether there is such a line and it changed.
        """
        with self._database.writing() as connection:
            return amend(connection, id, clicked, feedback)


def _row(record: Record, file: str, role: Role, unplaced: int) -> dict[str, Any]:
    line = record.content
    if not isinstance(line, ServedQuery):
        raise TypeError(
            f"a record of kind 'served' must hold a ServedQuery, got {type(line).__name__}"
        )
    moment = repr(line.timestamp)
    shown = _as_text([[each.id, each.text, each.score] for each in line.shown])
    if line.id:
        identity = digest_of("id", line.id, line.query, moment)
    else:
        place = (file, str(record.line)) if file else ("", str(unplaced))
        identity = digest_of("place", *place, line.query, shown, moment)
    return {
        "digest": identity,
        "role": role,
        "id": line.id,
        "query": line.query,
        "shown": shown,
        "clicked": _as_text(list(line.clicked)),
        "feedback": _as_text([list(each) for each in line.feedback]),
        "answer": line.answer,
        "source": line.source,
        "session": line.session,
        "user": line.user,
        "timestamp": line.timestamp,
        "file": file,
        "line": record.line,
    }


def _traffic_row(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("role", "id", "source", "session", "user", "timestamp", "file", "line")
    kept = {name: row[name] for name in names}
    return {**kept, "text": row["query"], "digest": digest_of("served", row["digest"])}


def _served_query(row: Mapping[Any, Any]) -> ServedQuery:
    values = dict(row)
    values["shown"] = tuple(Shown(*each) for each in json.loads(values["shown"]))
    values["clicked"] = tuple(json.loads(values["clicked"]))
    values["feedback"] = tuple((name, rating) for name, rating in json.loads(values["feedback"]))
    return ServedQuery(**values)


def _as_text(value: list[Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
