"""Which workspace the numbers of the store belong to."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table, empty: `Store.identity` fills it with the identity that is in use already."""
    op.create_table("identity", Column("workspace", Text, primary_key=True))
