"""What `[keep]` deleted: versions, cycles and trainings whose files are gone, and why."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table, empty."""
    op.create_table(
        "pruned",
        Column("kind", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("reason", "at", "facts")),
        Column("done", BigInteger, nullable=False),
    )
