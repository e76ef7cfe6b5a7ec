"""Erasures: what was erased, by whom and why, without the content, and what keeps it out."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the tables, empty but for a new key, and the count of each file."""
    op.create_table(
        "erasures",
        Column("number", BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("kind", "reason", "who", "at", "state")),
        *(Column(name, Text, nullable=False) for name in ("plan", "removed", "versions")),
    )
    op.create_table("tombstones", Column("digest", Text, primary_key=True))
    key = op.create_table("tombstone_key", Column("key", Text, primary_key=True))
    op.bulk_insert(key, [{"key": secrets.token_hex(32)}])
    op.add_column("files", Column("erased", BigInteger, nullable=False, server_default="0"))
    op.execute("INSERT INTO counters (name, value) VALUES ('erasure', 0)")
