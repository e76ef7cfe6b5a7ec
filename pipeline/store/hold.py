"""The hold on a database in PostgreSQL: one runner on all machines, and a lost hold writes nothing.

The server frees an advisory lock when the connection that took it ends, however it ends. Whoever
lost its hold without noticing must not write any more: each transaction of a holder first asks the
server whether the hold is still there, and the next holder waits for the transactions that asked
before.
"""

import os
import platform
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from pipeline.machine import WorkspaceBusy
from training.faults import AnchorholdError

_HOLD, _WRITING, _OPENING = 4711, 4712, 4713
"""First keys of the advisory locks: of the hold, of its holder's transactions, of an opening."""
_SECONDS = 60
"""How long a new holder waits for the transactions of the one before."""
_SESSION = {
    # A machine that vanished is noticed after a minute, not after the two hours of most systems.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # The connection only holds, and is idle for as long as the work takes.
    "idle_session_timeout": "0",
    "lock_timeout": f"{_SECONDS}s",
}
_SET = "SELECT set_config(name, :value, false) FROM pg_settings WHERE name = :name"
_TAKE = """
SELECT pg_try_advisory_lock(:lock, :key), pid, backend_start
FROM pg_stat_activity WHERE pid = pg_backend_pid()
"""
_HOLDERS = """
SELECT activity.pid, activity.backend_start, activity.application_name
FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 2
AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND held.classid::bigint = :lock AND held.objid::bigint = :key
"""


class HoldLost(AnchorholdError, RuntimeError):
    """The lock on the workspace was lost while a command ran; nothing is written after that."""


@dataclass(frozen=True)
class Hold:
    """A hold on one workspace's database.

    Attributes
    ----------
    keys
        Of the lock.
    pid, began
        Process of the server that holds it, and when it began: numbers return after a restart.
    """

    keys: Mapping[str, int]
    pid: int
    began: datetime

    def confirm(self, connection: Connection) -> None:
        """Make sure that the hold lasts until the end of the connection's transaction.

        Raises
        ------
        HoldLost
            The server ended the connection that held it.
        """
        shared = "SELECT pg_advisory_xact_lock_shared(:lock, :key)"
        connection.execute(text(shared), {**self.keys, "lock": _WRITING})
        found = connection.execute(text(_HOLDERS), self.keys)
        if (self.pid, self.began) not in {(row.pid, row.backend_start) for row in found}:
            raise HoldLost(
                "the connection that locks the workspace in PostgreSQL was cut, so another machine "
                "may be at work in it by now; nothing that was stored is lost: run the same "
                "command again"
            )


@contextmanager
def held(engine: Engine, workspace: str, doing: str) -> Iterator[Hold]:
    """Hold a workspace while the block runs, on all machines that use the database.

    Parameters
    ----------
    engine
        Of a database in PostgreSQL, reached without a pooler that shares connections. Its
        connections commit each statement, and end when they are closed.
    workspace
        Identity of the workspace.
    doing
        The command, for the message that others get.

    Raises
    ------
    WorkspaceBusy
        Another process holds it; the message names it.
    """
    keys = {"lock": _HOLD, "key": zlib.crc32(workspace.encode()) & 0x7FFFFFFF}
    connection = engine.connect()
    try:
        name = f"anchorhold {doing} ({os.getpid()} on {platform.node()})"
        for setting, value in {**_SESSION, "application_name": name}.items():
            connection.execute(text(_SET), {"name": setting, "value": value})
        taken, pid, began = connection.execute(text(_TAKE), keys).one()
        if not taken:
            raise WorkspaceBusy(_busy(connection, keys))
        # What a holder that lost its hold began to write before that ends here.
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:lock, :key)"), {**keys, "lock": _WRITING}
        )
        yield Hold(keys, pid, began)
    finally:
        # A connection that was cut cannot be closed in order; the work in the block matters.
        with suppress(SQLAlchemyError):
            connection.close()


@contextmanager
def opening_alone(url: str) -> Iterator[None]:
    """Let one process at a time open another program's database, which makes its tables unguarded.

    Only PostgreSQL has such locks; in other databases, the block just runs.

    Parameters
    ----------
    url
        SQLAlchemy URL of the database.
    """
    if make_url(url).get_backend_name() != "postgresql":
        yield
        return
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock, 0)"), {"lock": _OPENING})
        yield


def _busy(connection: Connection, keys: Mapping[str, int]) -> str:
    holder = connection.execute(text(_HOLDERS), keys).first()
    told = holder.application_name if holder and holder.application_name else "another machine"
    # Only this user's own sessions, and administrators, tell since when.
    if holder and holder.backend_start:
        since = holder.backend_start.astimezone(UTC).isoformat(timespec="seconds")
        told = f"{told} has held it since {since}"
    return f"the workspace is in use: {told}; wait until it ends, then try again"
