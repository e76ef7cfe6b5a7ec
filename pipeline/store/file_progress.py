"""How far files were read, and what each of them brought."""

import json
from collections import Counter

from sqlalchemy import ColumnElement, Connection, insert, select, update

from pipeline.store.arrivals import Arrivals
from pipeline.store.records import Added, FileProgress, Kind, Role
from pipeline.store.tables import files

_COUNTED = ("stored", "known", "quarantined", "erased")


def _is_file(kind: Kind, role: Role, file: str) -> ColumnElement[bool]:
    return (files.c.kind == kind) & (files.c.role == role) & (files.c.file == file)


def read_progress(connection: Connection, kind: Kind, role: Role, file: str) -> FileProgress | None:
    """Return how far a file has been read, None if it never was."""
    columns = (files.c.file, files.c.stamp, files.c.done, files.c.lines, files.c.digest)
    row = connection.execute(select(*columns).where(_is_file(kind, role, file))).first()
    return None if row is None else FileProgress(*row)


def read_counts(connection: Connection, kind: Kind, role: Role, file: str) -> Added:
    """Return what a file has brought so far."""
    columns = (files.c.stored, files.c.known, files.c.quarantined, files.c.erased)
    row = connection.execute(select(*columns).where(_is_file(kind, role, file))).first()
    return Added() if row is None else Added(*row)


def keep_progress(connection: Connection, arrivals: Arrivals, *, is_new: bool) -> None:
    """Store how far the file was read, and add to its counts."""
    progress, total = arrivals.progress, arrivals.total
    counted = Counter(arrivals.became) + Counter(redacted=total.redacted)
    state = {name: getattr(progress, name) for name in ("stamp", "done", "lines", "digest")}
    if is_new:
        place = {"kind": arrivals.kind, "role": arrivals.role, "file": progress.file}
        counts = {name: getattr(total, name) for name in _COUNTED}
        became = json.dumps(dict(counted))
        connection.execute(insert(files).values({**place, **state, **counts, "became": became}))
        return
    place_of = _is_file(arrivals.kind, arrivals.role, progress.file)
    before = json.loads(connection.scalar(select(files.c.became).where(place_of)) or "{}")
    became = json.dumps(dict(Counter(before) + counted))
    connection.execute(
        update(files)
        .where(place_of)
        .values(
            **state,
            became=became,
            stored=files.c.stored + total.stored,
            known=files.c.known + total.known,
            quarantined=files.c.quarantined + total.quarantined,
            erased=files.c.erased + total.erased,
        )
    )
