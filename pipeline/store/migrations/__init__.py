"""The history of the store's tables: which revisions there are, and the way to the newest."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection

REVISIONS = tuple(f"{number:04d}" for number in range(1, 16))
"""All revisions, oldest first. A new database gets today's tables and the last of these."""

SCRIPTS = Path(__file__).parent / "versions"
"""One module per revision, read by Alembic. A released one is never changed, only followed."""


def upgrade(connection: Connection) -> None:
    """Bring a database of an earlier revision up to the newest, inside the caller's transaction."""
    # Imported here: the databases that are opened every day are of the newest revision.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(SCRIPTS.parent), version_locations=[str(SCRIPTS)])

    def steps(heads: Any, _: MigrationContext) -> Any:
        return scripts._upgrade_revs(REVISIONS[-1], heads)

    context = MigrationContext.configure(connection, opts={"fn": steps})
    with Operations.context(context):
        context.run_migrations()
