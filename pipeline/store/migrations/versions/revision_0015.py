"""Groups of pairs: conversations, customers and the like, which a split keeps together."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column, empty: of what is stored already, nobody knows it."""
    op.add_column("pairs", Column("group", Text, nullable=False, server_default=""))
