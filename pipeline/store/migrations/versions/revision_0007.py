"""Which version answered a served query, and how long its answer took."""

from alembic import op
from sqlalchemy import BigInteger, Column, Double

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add both columns; of the lines that are stored, neither is known."""
    op.add_column("served", Column("version", BigInteger))
    op.add_column("served", Column("seconds", Double))
