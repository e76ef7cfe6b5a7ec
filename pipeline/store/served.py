"""Served queries in the store: each line of a log, and its query as a text of the traffic."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from pipeline.store.database import Database
from pipeline.store.discards import kept, within
from pipeline.store.records import Added, Record, Role
from pipeline.store.rows import chunks, digest_of, held_digests, insert_numbered, next_numbers
from pipeline.store.tables import served, traffic
from training.unlabelled import ServedQuery, Shown

VECTORS_ONLY = "service, vectors only"
"""Source of the queries whose vectors alone were asked for: what was shown, nobody knows."""


def take_served(connection: Connection, records: Sequence[Record], file: str, role: Role) -> Added:
    """Store new lines, and the query of each as traffic."""
    first = 0 if file else next_numbers(connection, "unplaced", len(records))
    rows = [
        _row(record, file, role, unplaced=first + index) for index, record in enumerate(records)
    ]
    held = held_digests(connection, served, [row["digest"] for row in rows])
    fresh, again, redacted = [], [], 0
    for row, record in zip(rows, records, strict=True):
        if row["digest"] not in held:
            held.add(row["digest"])
            fresh.append(row)
            redacted += record.redacted
        elif (line := record.content) and isinstance(line, ServedQuery):
            again += [(row["digest"], line)] if line.clicked or line.feedback else []
    insert_numbered(connection, traffic, [_traffic_row(row) for row in fresh])
    insert_numbered(connection, served, fresh)
    add_to_known(connection, again)
    return Added(stored=len(fresh), known=len(rows) - len(fresh), redacted=redacted)


def served_digest(record: Record, file: str) -> str:
    """Return the identity of a line in a file."""
    return str(_row(record, file, "recent", unplaced=0)["digest"])


def lines_named(connection: Connection, ids: Sequence[str]) -> dict[str, ServedQuery]:
    """Return id -> its newest line, for the ids that lines have."""
    found = {}
    for some in chunks([id for id in dict.fromkeys(ids) if id]):
        newest = select(func.max(served.c.sequence)).where(served.c.id.in_(some))
        chosen = select(served).where(served.c.sequence.in_(newest.group_by(served.c.id)))
        for row in connection.execute(chosen).mappings():
            found[str(row["id"])] = _served_query(row)
    return found


def amend_lines(connection: Connection, lines: Mapping[str, ServedQuery]) -> None:
    """Give the newest line of each id the results, clicks, feedback and answer of another one.

    Each line notes the number of the sequence at which it was changed, so that feedback on what was
    served before a cut can be told from what was known then.
    """
    for ids in chunks(list(lines)):
        newest = select(served.c.id, func.max(served.c.sequence)).where(served.c.id.in_(ids))
        places = connection.execute(newest.group_by(served.c.id))
        _amend_rows(connection, {sequence: lines[id] for id, sequence in places})


def _amend_rows(connection: Connection, lines: Mapping[int, ServedQuery]) -> None:
    """Change the lines at these places of the sequence."""
    if not lines:
        return
    first = next_numbers(connection, "sequence", len(lines))
    names = ("amended", "shown", "clicked", "feedback", "answer")
    changed = update(served).where(served.c.sequence == bindparam("place"))
    rows = [
        {"place": place, "new_amended": number, "new_answer": line.answer}
        | {f"new_{name}": text for name, text in _done(line).items()}
        for number, (place, line) in enumerate(lines.items(), first)
    ]
    connection.execute(changed.values({name: bindparam(f"new_{name}") for name in names}), rows)


def add_later(
    connection: Connection,
    id: str,
    clicked: Sequence[str] = (),
    feedback: Iterable[tuple[str, int]] = (),
    answer: str = "",
) -> bool:
    """Add to the newest line of an id what came later; return whether it changed."""
    known = lines_named(connection, [id]).get(id)
    joined = known and _joined(known, clicked, feedback)
    if joined and answer:
        joined = replace(joined, answer=answer)
    if joined is None or joined == known:
        return False
    amend_lines(connection, {id: joined})
    return True


def add_to_known(connection: Connection, lines: Sequence[tuple[str, ServedQuery]]) -> None:
    """Add clicks and feedback of lines that are stored already, as of a file written anew."""
    for some in chunks(lines):
        chosen = select(served).where(served.c.digest.in_([digest for digest, _ in some]))
        places, before = {}, {}
        for row in connection.execute(chosen).mappings():
            places[row["digest"]], before[row["digest"]] = row["sequence"], _served_query(row)
        after = dict(before)
        for digest, line in some:
            after[digest] = _joined(after[digest], line.clicked, line.feedback)
        changed = {places[each]: after[each] for each in after if after[each] != before[each]}
        _amend_rows(connection, changed)


def _joined(
    line: ServedQuery, clicked: Sequence[str], feedback: Iterable[tuple[str, int]]
) -> ServedQuery:
    """Return a line with more clicks, and with the later of two ratings of a result."""
    return replace(
        line,
        clicked=tuple(dict.fromkeys((*line.clicked, *clicked))),
        feedback=tuple({**dict(line.feedback), **dict(feedback)}.items()),
    )


class ServedLog:
    """The part of the store that returns what was served, and takes later feedback."""

    _database: Database

    def served(
        self,
        after: int = 0,
        until: int | None = None,
        latest: int | None = None,
        *,
        amended: bool = False,
    ) -> list[ServedQuery]:
        """Return the lines of the logs in the order of their arrival.

        Parameters
        ----------
        after, until
            Sequence numbers between which the lines arrived.
        latest
            Limits them to the newest.
        amended
            Whether lines count, too, that got clicks or feedback between these numbers.
        """
        chosen = select(*(served.c[field.name] for field in fields(ServedQuery)))
        chosen = chosen.where(*_between(after, until, amended))
        newest_first = chosen.order_by(served.c.sequence.desc()).limit(latest)
        with self._database.reading() as connection:
            return [_served_query(row) for row in connection.execute(newest_first).mappings()][::-1]

    def versions_served(
        self,
        versions: Sequence[int],
        after: int = 0,
        until: int | None = None,
        latest: int | None = None,
        *,
        since: float | None = None,
        earliest: int | None = None,
    ) -> list[tuple[int, ServedQuery]]:
        """Return the searches that some versions answered, oldest first, each with its number.

        Lines of vectors that were only handed out have no results to compare.

        Parameters
        ----------
        versions
            Their numbers.
        after, until
            Sequence numbers between which the lines arrived.
        latest, earliest
            Limits them to the newest, or to the oldest.
        since
            Only those of this moment or later, in seconds since the epoch.
        """
        chosen = select(served).where(*_between(after, until, amended=False))
        chosen = chosen.where(served.c.version.in_(versions), served.c.source != VECTORS_ONLY)
        if since is not None:
            chosen = chosen.where(served.c.timestamp >= since)
        order = served.c.sequence.desc() if earliest is None else served.c.sequence
        chosen = chosen.order_by(order).limit(latest if earliest is None else earliest)
        with self._database.reading() as connection:
            found = connection.execute(chosen).mappings()
            lines = [(int(row["sequence"]), _served_query(row)) for row in found]
        return lines[::-1] if earliest is None else lines

    def count_served(
        self, after: int = 0, until: int | None = None, *, amended: bool = False
    ) -> int:
        """Return the number of lines after a cut, as `served` returns them."""
        chosen = select(func.count()).select_from(served).where(*_between(after, until, amended))
        with self._database.reading() as connection:
            return int(connection.scalar(chosen) or 0)

    def amend_served(
        self,
        id: str,
        clicked: Sequence[str] = (),
        feedback: Mapping[str, int] | Sequence[tuple[str, int]] = (),
        answer: str = "",
    ) -> bool:
        """Add clicks, feedback and an answer that came later to the newest line of an id.

        New clicks follow those known; a later rating of a result replaces its earlier one, and a
        later answer the earlier one.

        Returns
        -------
        bool
            Whether there is such a line and it changed.
        """
        rated = feedback.items() if isinstance(feedback, Mapping) else feedback
        with self._database.writing() as connection:
            return add_later(connection, id, clicked, rated, answer)

    def served_named(self, id: str) -> ServedQuery | None:
        """Return the newest line of an id; None where there is none."""
        with self._database.reading() as connection:
            return lines_named(connection, [id]).get(id)

    def log_counts(self) -> dict[str, int]:
        """Return how many stored lines say what was shown, clicked and rated."""
        told = {"results": served.c.shown, "clicks": served.c.clicked}
        told["feedback"] = served.c.feedback
        counted = [func.count().filter(column != "[]") for column in told.values()]
        with self._database.reading() as connection:
            found = connection.execute(select(*counted).select_from(served)).one()
        return {f"with_{name}": int(number) for name, number in zip(told, found, strict=True)}


def _between(after: int, until: int | None, amended: bool) -> list[ColumnElement[bool]]:
    conditions = within(served, None, after, until)
    if not amended:
        return conditions
    changed = served.c.amended > after
    if until is not None:
        changed &= served.c.amended <= until
    return [or_(and_(*conditions), and_(kept(served), changed))]


def _row(record: Record, file: str, role: Role, unplaced: int) -> dict[str, Any]:
    line = record.content
    if not isinstance(line, ServedQuery):
        raise TypeError(
            f"a record of kind 'served' must hold a ServedQuery, got {type(line).__name__}"
        )
    moment = repr(line.timestamp)
    done = _done(line)
    if line.id:
        identity = digest_of("id", line.id, line.query, moment)
    else:
        place = (file, str(record.line)) if file else ("", str(unplaced))
        identity = digest_of("place", *place, line.query, done["shown"], moment)
    return {
        "digest": identity,
        "role": role,
        "id": line.id,
        "query": line.query,
        **done,
        "answer": line.answer,
        "source": line.source,
        "session": line.session,
        "user": line.user,
        "timestamp": line.timestamp,
        "version": line.version,
        "seconds": line.seconds,
        "file": file,
        "line": record.line,
    }


def _done(line: ServedQuery) -> dict[str, str]:
    """Return the columns that are JSON."""
    return {
        "shown": _as_text([[each.id, each.text, each.score] for each in line.shown]),
        "clicked": _as_text(list(line.clicked)),
        "feedback": _as_text([list(each) for each in line.feedback]),
    }


def _traffic_row(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("role", "id", "source", "session", "user", "timestamp", "file", "line")
    kept = {name: row[name] for name in names}
    return {**kept, "text": row["query"], "digest": digest_of("served", row["digest"])}


def _served_query(row: Mapping[Any, Any]) -> ServedQuery:
    values = {field.name: row[field.name] for field in fields(ServedQuery)}
    values["shown"] = tuple(Shown(*each) for each in json.loads(values["shown"]))
    values["clicked"] = tuple(json.loads(values["clicked"]))
    values["feedback"] = tuple((name, rating) for name, rating in json.loads(values["feedback"]))
    return ServedQuery(**values)


def _as_text(value: list[Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
