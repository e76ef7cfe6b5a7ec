"""The log of acceptances: which texts count as known by a person's word."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table, empty."""
    number = BigInteger().with_variant(Integer, "sqlite")
    texts = ("cycle", "reason", "who", "at")
    op.create_table(
        "acceptances",
        Column("number", number, primary_key=True, autoincrement=False),
        Column("action", Text, nullable=False),
        Column("until", BigInteger, nullable=False),
        *(Column(name, Text, nullable=False) for name in texts),
    )
