"""The move of the champion that a person asked for, until it is in the promotion history."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table, empty."""
    op.create_table("intended_move", Column("move", Text, nullable=False))
