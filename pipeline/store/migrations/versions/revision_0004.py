"""Documents and served queries beside pairs and traffic."""

from alembic import op
from sqlalchemy import BigInteger, Column, Double, Integer, Text, column, table

revision = "0004"
down_revision = "0003"

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Add both tables, the counter of readings, and columns of files and discards."""
    op.create_table(
        "documents",
        Column("sequence", _NUMBER, primary_key=True, autoincrement=False),
        *_texts("id", "digest", "role", "title", "text", "url", "source"),
        Column("timestamp", Double),
        *_texts("file"),
        *_integers("line", "reading"),
    )
    op.create_index("documents_by_id", "documents", ["id", "sequence"])
    op.create_index("documents_by_file", "documents", ["file"])
    op.create_table(
        "served",
        Column("sequence", _NUMBER, primary_key=True, autoincrement=False),
        Column("digest", Text, nullable=False, unique=True),
        *_texts("role", "id", "query", "shown", "clicked", "feedback", "answer"),
        *_texts("source", "session", "user"),
        Column("timestamp", Double),
        *_texts("file"),
        *_integers("line"),
        Column("amended", BigInteger, nullable=False, server_default="0"),
    )
    op.create_index("served_by_id", "served", ["id"])
    op.create_index("served_by_amendment", "served", ["amended"])
    op.add_column("files", Column("became", Text, nullable=False, server_default="{}"))
    counters = table("counters", column("name", Text), column("value", BigInteger))
    op.bulk_insert(counters, [{"name": "reading", "value": 0}])
    for name in ("documents", "served"):
        op.add_column("discards", Column(name, BigInteger, nullable=False, server_default="0"))


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


def _integers(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in names]
