"""Judgements: what people answered about the results of two versions."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Text, column, table

revision = "0006"
down_revision = "0005"

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Add both tables, empty, and the counters of their numbers."""
    op.create_table(
        "judgings",
        Column("number", _NUMBER, primary_key=True, autoincrement=False),
        *(Column(name, BigInteger, nullable=False) for name in ("first", "second")),
        *(Column(name, Text, nullable=False) for name in ("digest", "who", "at", "summary")),
    )
    op.create_table(
        "judgements",
        Column("number", _NUMBER, primary_key=True, autoincrement=False),
        Column("judging", BigInteger, ForeignKey("judgings.number"), nullable=False),
        Column("turn", BigInteger, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("query", "results", "left", "answer")),
        *(Column(name, Text, nullable=False) for name in ("who", "at")),
        Column("undone", Text),
    )
    counters = table("counters", column("name"), column("value"))
    op.bulk_insert(counters, [{"name": name, "value": 0} for name in ("judging", "judgement")])
