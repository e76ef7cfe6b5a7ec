"""Session and user of the texts: which of them belong together."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add both columns, empty (unknown) for the texts that are stored already."""
    for name in ("session", "user"):
        op.add_column("traffic", Column(name, Text, nullable=False, server_default=""))
