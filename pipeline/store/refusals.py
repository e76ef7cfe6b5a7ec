"""Records in quarantine that may become usable: their files are read again, and they leave it."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from pipeline.store.database import Database
from pipeline.store.erasable import Place
from pipeline.store.records import Fault, Kind, Role
from pipeline.store.rows import chunks
from pipeline.store.tables import files, quarantine


class Refusals:
    """The part of the store that gives refused records another chance."""

    _database: Database

    def read_again(self, kind: Kind, reason: str) -> list[str]:
        """Have the next intake read those files from their beginning that hold such refusals.

        Parameters
        ----------
        kind
            Kind of the records.
        reason
            What their reasons contain.

        Returns
        -------
        list of str
            The files.
        """
        with self._database.writing() as connection:
            held = select(quarantine.c.file).where(
                quarantine.c.kind == kind, quarantine.c.reason.contains(reason, autoescape=True)
            )
            named = sorted(set(connection.scalars(held)))
            fresh = {"stamp": "", "done": 0, "lines": 0, "digest": ""}
            for some in chunks(named):
                found = (files.c.kind == kind) & files.c.file.in_(some)
                connection.execute(update(files).where(found).values(fresh))
        return named

    def refusals_of(self, kind: Kind, role: Role, file: str, reason: str) -> list[Fault]:
        """Return what is in quarantine of a file for reasons that contain a text."""
        chosen = select(quarantine.c.file, quarantine.c.line, quarantine.c.reason)
        with self._database.reading() as connection:
            found = connection.execute(chosen.where(*_of(kind, role, file, reason)))
            return [Fault(*row) for row in found]

    def refused_at(self, places: Iterable[Place]) -> list[int]:
        """Return the numbers of the refusals that lines of files have."""
        wanted = {(each.kind, each.file, each.line) for each in places}
        chosen = select(
            quarantine.c.number, quarantine.c.kind, quarantine.c.file, quarantine.c.line
        )
        with self._database.reading() as connection:
            found = connection.execute(chosen).all()
        return [int(row.number) for row in found if (row.kind, row.file, row.line) in wanted]


def refused_lines(
    connection: Connection, kind: Kind, role: Role, file: str, reason: str
) -> set[int]:
    """Return the lines of a file that are in quarantine for reasons that contain a text."""
    chosen = select(quarantine.c.line).where(*_of(kind, role, file, reason))
    return {int(line) for line in connection.scalars(chosen)}


def forgive(
    connection: Connection,
    kind: Kind,
    role: Role,
    file: str,
    reason: str,
    lines: Collection[int],
) -> None:
    """Take lines of a file out of quarantine, as far as they are there for such a reason."""
    for some in chunks(sorted(lines)):
        found = and_(*_of(kind, role, file, reason), quarantine.c.line.in_(some))
        size = connection.scalar(select(func.count()).select_from(quarantine).where(found))
        connection.execute(delete(quarantine).where(found))
        counted = (files.c.kind == kind) & (files.c.role == role) & (files.c.file == file)
        connection.execute(
            update(files).where(counted).values(quarantined=files.c.quarantined - (size or 0))
        )


def _of(kind: Kind, role: Role, file: str, reason: str) -> Sequence[ColumnElement[bool]]:
    return (
        quarantine.c.kind == kind,
        quarantine.c.role == role,
        quarantine.c.file == file,
        quarantine.c.reason.contains(reason, autoescape=True),
    )
