"""What read the records: which preprocessing each stretch of the sequence went through."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0014"
down_revision = "0013"

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Add the table, empty: of what is stored already, nobody knows what read it."""
    op.create_table(
        "preprocessings",
        Column("first", _NUMBER, primary_key=True, autoincrement=False),
        Column("last", BigInteger, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("kind", "fingerprint", "parts")),
    )
