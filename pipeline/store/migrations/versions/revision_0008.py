"""Canaries: which candidate is on trial, and what its users showed."""

from alembic import op
from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add both tables, empty."""
    number = BigInteger().with_variant(Integer, "sqlite")
    op.create_table(
        "canaries",
        Column("number", number, primary_key=True, autoincrement=False),
        *_integers("candidate", "champion"),
        *_texts("cycle", "began", "settings"),
        *_integers("cut", "started", "looks"),
        Column("slow_above", Double),
        *_texts("harm", "state"),
        Column("ended", Text),
        *_texts("result"),
    )
    op.create_table(
        "canary_keys",
        Column("canary", BigInteger, ForeignKey("canaries.number"), primary_key=True),
        Column("key", Text, primary_key=True),
        Column("candidate", BigInteger, primary_key=True, autoincrement=False),
        *_integers("number"),
        Column("first", Double, nullable=False),
        *(Column(name, Double) for name in ("empty", "slow", "failure")),
        *_integers("settled", "rated"),
        Column("overlap", Double),
    )


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


def _integers(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in names]
