"""Who moved the champion by hand."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column, empty: of earlier moves nobody knows it, and their hashes stay valid."""
    op.add_column("promotions", Column("who", Text, nullable=False, server_default=""))
