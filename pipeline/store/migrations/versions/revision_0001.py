"""The first tables: what every database without a revision has, so there is nothing to change."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Change nothing: new databases are created with the tables of the newest revision."""
