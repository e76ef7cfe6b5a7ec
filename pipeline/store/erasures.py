"""The log of erasures: that something was erased, when, why and by whom, without what it was.

What is to be erased is written down first, so that whoever comes after a kill can finish it, and is
forgotten last.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, Table, delete, insert, select, update

from pipeline.store import erasable
from pipeline.store.cycles import as_moment, as_text
from pipeline.store.database import Database
from pipeline.store.erasable import Erasable, ErasedBy
from pipeline.store.rows import chunks, next_numbers, plain
from pipeline.store.tables import (
    ARRIVALS,
    KIND_OF,
    canaries,
    canary_keys,
    cycles,
    discarded,
    discards,
    documents,
    erasures,
    files,
    judgements,
    outbox,
    pairs,
    quarantine,
    served,
    stages,
    traffic,
)
from pipeline.store.tombstones import Tombstones

ErasureState = Literal["begun", "to compact", "done"]
"""How far an erasure is: its content is still known, only free space holds it, or nothing does."""

Scrub = Callable[[Any], Any]
"""Returns a JSON value without the texts that are erased."""

_JSON = ((stages, "payload"), (cycles, "result"), (outbox, "body"))


@dataclass(frozen=True)
class Erasure:
    """One entry of the log.

    Attributes
    ----------
    number, kind
        Its place in the log, from 1, and whether an id, a source or a text was named.
    reason, who, at
        Why, by whom and when.
    state
        How far it is.
    plan
        What is erased; None once that is done.
    removed
        How many things were removed, by place.
    versions
        Versions that may have been trained on one of the records.
    """

    number: int
    kind: ErasedBy
    reason: str
    who: str
    at: datetime
    state: ErasureState
    plan: Erasable | None = None
    removed: Mapping[str, int] = field(default_factory=dict)
    versions: Sequence[int] = ()

    @property
    def records(self) -> int:
        """How many stored and refused records were erased; a served line is a text, too."""
        names = (pairs.name, traffic.name, documents.name, quarantine.name)
        return sum(self.removed.get(name, 0) for name in names)


class ErasureLog:
    """The part of the store that erases rows, and knows that something was erased."""

    _database: Database

    def find_erasable(self, kind: ErasedBy, name: str, also: Sequence[str] = ()) -> Erasable:
        """Find what is meant by an id, a source or a part of a text; nothing is changed.

        Parameters
        ----------
        kind, name
            What a person named.
        also
            How records hold the name out of which something was taken when they arrived.
        """
        with self._database.reading() as connection:
            return erasable.find(connection, kind, name, also)

    def begin_erasure(self, plan: Erasable, reason: str, who: str, at: datetime) -> Erasure:
        """Write down what is about to be erased."""
        with self._database.writing() as connection:
            number = next_numbers(connection, "erasure", 1)
            row = {"number": number, "kind": plan.kind, "reason": plain(reason), "who": plain(who)}
            rest = {"state": "begun", "plan": plan.to_text(), "removed": "{}", "versions": "[]"}
            connection.execute(insert(erasures).values({**row, "at": as_text(at), **rest}))
            return _one(connection, number)

    def erasures(self) -> list[Erasure]:
        """Return the log, oldest first."""
        with self._database.reading() as connection:
            found = connection.execute(select(erasures).order_by(erasures.c.number)).mappings()
            return [_erasure(row) for row in found]

    def erasure(self, number: int) -> Erasure:
        """Return one entry of the log."""
        with self._database.reading() as connection:
            return _one(connection, number)

    def unfinished_erasure(self) -> Erasure | None:
        """Return the erasure that was begun and is not done; None where there is none."""
        return next((each for each in self.erasures() if each.state != "done"), None)

    def erase_rows(self, number: int, scrub: Scrub) -> None:
        """Delete the rows of an erasure, and what other rows say of them; once or again.

        Parameters
        ----------
        number
            Of the erasure.
        scrub
            Takes the texts out of what cycles, messages and judgements say.
        """
        with self._database.writing() as connection:
            # Holding the counter keeps records from arriving meanwhile.
            next_numbers(connection, "sequence", 0)
            plan = _one(connection, number).plan
            if plan is None:
                return
            removed = {
                table.name: _deleted(connection, table, numbers) for table, numbers in _rows(plan)
            }
            removed["results of served lines"] = _without_shown(connection, plan)
            touched: set[str] = {*plan.cycles}
            for table, column in _JSON:
                changed = _scrubbed(connection, table, column, scrub)
                removed[table.name] = len(changed)
                if table in (cycles, stages):
                    touched |= {key for key, *_ in changed}
            removed["judgements"] = _scrubbed_judgements(connection, scrub)
            _forget_names(connection, plan)
            _add(connection, number, removed)
            # Their pages are written anew after this, by whoever comes so far.
            _plan(connection, number, replace(plan, cycles=sorted(touched)))

    def note_erased(
        self, number: int, removed: Mapping[str, int], versions: Sequence[int] = ()
    ) -> None:
        """Add to what was removed, by place, and to the versions that learned from it."""
        with self._database.writing() as connection:
            _add(connection, number, removed, versions)

    def note_digests(self, number: int, digests: Collection[str]) -> None:
        """Add to the digests of evaluation sets that an erasure changes, before it does."""
        with self._database.writing() as connection:
            plan = _one(connection, number).plan
            if plan is not None:
                _plan(connection, number, replace(plan, digests=sorted({*plan.digests, *digests})))

    def settle_erasure(self, number: int, state: ErasureState) -> None:
        """Note how far an erasure is; what it erased is forgotten with that."""
        with self._database.writing() as connection:
            connection.execute(
                update(erasures).where(erasures.c.number == number).values(state=state, plan="")
            )


def _rows(plan: Erasable) -> list[tuple[Table, Sequence[int]]]:
    known = {table.name: table for table in (*ARRIVALS, quarantine)}
    return [(known[name], numbers) for name, numbers in plan.rows.items()]


def _deleted(connection: Connection, table: Table, numbers: Sequence[int]) -> int:
    """Delete rows, with tombstones in their place, and count them for their files."""
    place = table.c.number if table is quarantine else table.c.sequence
    stones, gone = Tombstones.of(connection), 0
    for some in chunks(numbers):
        found = connection.execute(select(table).where(place.in_(some))).mappings()
        rows: list[Mapping[str, Any]] = [dict(row) for row in found]
        gone += len(rows)
        stones.raise_for(table, rows)
        connection.execute(delete(table).where(place.in_(some)))
        if table is not quarantine:
            connection.execute(delete(discarded).where(discarded.c.sequence.in_(some)))
        _count(connection, table, rows)
    return gone


def _count(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Let the counts of files say "erased" for what was stored or in quarantine before."""
    counted = files.c.quarantined if table is quarantine else files.c.stored
    lines: set[tuple[str, str, int]] = set()
    for row in rows:
        if table is documents and not (row["text"] or row["title"]):
            continue  # It only says that a document was withdrawn.
        kind = row["kind"] if table is quarantine else KIND_OF[table]
        # A record with several positives is several rows of one line.
        lines.add((kind, row["file"], row["line"] or -int(row.get("sequence") or row["number"])))
    for (kind, file), number in Counter((kind, file) for kind, file, _ in lines).items():
        of = (files.c.kind == kind) & (files.c.file == file)
        # A text may have been read as recent and be history now: its file has one entry with most.
        role = connection.scalar(select(files.c.role).where(of).order_by(counted.desc()).limit(1))
        if role is None:
            continue
        moved = {counted.name: counted - number, "erased": files.c.erased + number}
        connection.execute(update(files).where(of & (files.c.role == role)).values(moved))


def _without_shown(connection: Connection, plan: Erasable) -> int:
    """Take erased documents out of what lines of logs say was shown, clicked and rated."""
    gone, changed = {*plan.ids.get(documents.name, ()), *plan.texts}, 0
    found = connection.execute(select(served)).mappings().all()
    for row in found:
        shown = [each for each in json.loads(row["shown"]) if gone.isdisjoint(each[:2])]
        clicked = [each for each in json.loads(row["clicked"]) if each not in gone]
        rated = [each for each in json.loads(row["feedback"]) if each[0] not in gone]
        values = {"shown": shown, "clicked": clicked, "feedback": rated}
        written = {name: json.dumps(each, ensure_ascii=False) for name, each in values.items()}
        if any(row[name] != written[name] for name in written):
            where = served.c.sequence == row["sequence"]
            connection.execute(update(served).where(where).values(written))
            changed += 1
    return changed


def _scrubbed(connection: Connection, table: Table, column: str, scrub: Scrub) -> list[Any]:
    """Scrub a column of JSON; return the keys of the rows that changed."""
    changed, keys = [], list(table.primary_key)
    for row in connection.execute(select(*keys, table.c[column])).all():
        if row[-1] is None:
            continue
        value = json.loads(row[-1])
        left = scrub(value)
        if left != value:
            where = [key == of for key, of in zip(keys, row, strict=False)]
            connection.execute(update(table).where(*where).values({column: json.dumps(left)}))
            changed.append(row[:-1])
    return changed


def _scrubbed_judgements(connection: Connection, scrub: Scrub) -> int:
    changed = 0
    for row in connection.execute(select(judgements)).mappings().all():
        value = {"text": row["query"], "results": json.loads(row["results"])}
        left = scrub(value)
        if left != value:
            values = {"query": left["text"], "results": json.dumps(left["results"])}
            where = judgements.c.number == row["number"]
            connection.execute(update(judgements).where(where).values(values))
            changed += 1
    return changed


def _forget_names(connection: Connection, plan: Erasable) -> None:
    """Forget the names of records, and what single users showed of trials that are over."""
    over = select(canaries.c.number).where(canaries.c.state != "running")
    connection.execute(delete(canary_keys).where(canary_keys.c.canary.in_(over)))
    for some in chunks(list(plan.ids.get(pairs.name, ()))):
        named = (discards.c.kind == "id") & discards.c.name.in_(some)
        connection.execute(update(discards).where(named).values(name=erasable.ERASED))


def _plan(connection: Connection, number: int, plan: Erasable) -> None:
    where = erasures.c.number == number
    connection.execute(update(erasures).where(where).values(plan=plan.to_text()))


def _one(connection: Connection, number: int) -> Erasure:
    chosen = select(erasures).where(erasures.c.number == number)
    return _erasure(connection.execute(chosen).mappings().one())


def _add(
    connection: Connection,
    number: int,
    removed: Mapping[str, int],
    versions: Sequence[int] = (),
) -> None:
    known = _one(connection, number)
    values = {
        # What is counted again after a kill was counted before, as far as it was still there.
        "removed": json.dumps(dict(Counter(known.removed) | Counter(removed))),
        "versions": json.dumps(sorted({*known.versions, *versions})),
    }
    connection.execute(update(erasures).where(erasures.c.number == number).values(values))


def _erasure(row: RowMapping) -> Erasure:
    changed = {
        "at": as_moment(row["at"]),
        "plan": Erasable.from_text(row["plan"]) if row["plan"] else None,
        "removed": json.loads(row["removed"]),
        "versions": tuple(json.loads(row["versions"])),
    }
    return Erasure(**{**row, **changed})
