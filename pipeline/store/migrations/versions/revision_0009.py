"""The outbox: messages about what happened, until they are delivered."""

from alembic import op
from sqlalchemy import BigInteger, Column, Double, Integer, Text, column, table

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add both tables, empty, and the counter of the messages."""
    number = BigInteger().with_variant(Integer, "sqlite")
    texts = ("id", "kind", "subject", "body", "at", "channel", "error")
    op.create_table(
        "outbox",
        Column("number", number, primary_key=True, autoincrement=False),
        *(Column(name, Text, nullable=False) for name in texts),
        *(Column(name, BigInteger, nullable=False) for name in ("attempts", "given_up")),
        Column("due", Double, nullable=False),
    )
    op.create_table(
        "alerted",
        *(Column(name, Text, primary_key=True) for name in ("kind", "subject")),
        Column("since", Text, nullable=False),
    )
    counters = table("counters", column("name"), column("value"))
    op.bulk_insert(counters, [{"name": "message", "value": 0}])
