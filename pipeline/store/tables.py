"""The tables of the store, declared once; migrations bring older databases up to them."""

import secrets
import uuid

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    insert,
    inspect,
)

from pipeline.store.migrations import REVISIONS

metadata = MetaData()

# SQLite keeps rows in the order of an INTEGER key only; no engine numbers the rows by itself.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _number(name: str) -> "Column[int]":
    return Column(name, _NUMBER, primary_key=True, autoincrement=False)


def _key(name: str) -> "Column[str]":
    return Column(name, Text, primary_key=True)


def _texts(*names: str) -> "list[Column[str]]":
    return [Column(name, Text, nullable=False) for name in names]


def _integers(*names: str) -> "list[Column[int]]":
    return [Column(name, BigInteger, nullable=False) for name in names]


revision = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

before_revisions = Table("anchorhold_schema", MetaData(), *_integers("version"))
"""Numbered the tables before revisions were kept; never released, so only its last is read."""
LAST_BEFORE_REVISIONS = 2

identity = Table("identity", metadata, _key("workspace"))
"""One row: which workspace the numbers of this store belong to."""

counters = Table("counters", metadata, _key("name"), *_integers("value"))

pairs = Table(
    "pairs",
    metadata,
    _number("sequence"),
    Column("id", Text, nullable=False, unique=True),
    *_texts("digest", "role", "query", "positive", "negative", "source"),
    Column("timestamp", Double),
    *_texts("file"),
    *_integers("line"),
    Column("group", Text, nullable=False, server_default=""),
)

traffic = Table(
    "traffic",
    metadata,
    _number("sequence"),
    Column("digest", Text, nullable=False, unique=True),
    *_texts("role", "id", "text", "source"),
    Column("timestamp", Double),
    *_texts("file"),
    *_integers("line"),
    *(Column(name, Text, nullable=False, server_default="") for name in ("session", "user")),
)

documents = Table(
    "documents",
    metadata,
    _number("sequence"),
    *_texts("id", "digest", "role", "title", "text", "url", "source"),
    Column("timestamp", Double),
    *_texts("file"),
    *_integers("line", "reading"),
    Index("documents_by_id", "id", "sequence"),
    Index("documents_by_file", "file"),
)
"""A row per version of a document; one without title and text says that it was withdrawn."""

served = Table(
    "served",
    metadata,
    _number("sequence"),
    Column("digest", Text, nullable=False, unique=True),
    *_texts("role", "id", "query", "shown", "clicked", "feedback", "answer"),
    *_texts("source", "session", "user"),
    Column("timestamp", Double),
    *_texts("file"),
    *_integers("line"),
    Column("version", BigInteger),
    Column("seconds", Double),
    Column("amended", BigInteger, nullable=False, server_default="0"),
    Index("served_by_id", "id"),
    Index("served_by_amendment", "amended"),
)
"""A row per line of a log; `shown`, `clicked` and `feedback` are JSON."""

ARRIVALS = (pairs, traffic, documents, served)
"""The tables of what arrived; they share one sequence, in which a discard marks."""

KIND_OF = {pairs: "pair", traffic: "traffic", documents: "document", served: "served"}
"""What a record of each of these tables is called where it is read."""

quarantine = Table(
    "quarantine",
    metadata,
    _number("number"),
    Column("digest", Text, nullable=False, unique=True),
    *_texts("kind", "role", "file"),
    *_integers("line"),
    *_texts("reason"),
)

files = Table(
    "files",
    metadata,
    _key("kind"),
    _key("role"),
    _key("file"),
    *_texts("stamp"),
    *_integers("done", "lines"),
    *_texts("digest"),
    *_integers("stored", "known", "quarantined"),
    Column("became", Text, nullable=False, server_default="{}"),
    Column("erased", BigInteger, nullable=False, server_default="0"),
)

cycles = Table(
    "cycles",
    metadata,
    _key("id"),
    *_texts("started"),
    Column("finished", Text),
    Column("outcome", Text),
    Column("result", Text),
)

stages = Table(
    "stages",
    metadata,
    Column("cycle", Text, ForeignKey("cycles.id"), primary_key=True),
    _key("name"),
    *_texts("payload"),
)

promotions = Table(
    "promotions",
    metadata,
    _number("number"),
    *_integers("version"),
    Column("previous", BigInteger),
    *_texts("action", "reason"),
    Column("cycle", Text),
    *_texts("at", "hash"),
    Column("who", Text, nullable=False, server_default=""),
)

promotion_head = Table("promotion_head", metadata, *_integers("rows"), *_texts("hash"))

intended_move = Table("intended_move", metadata, *_texts("move"))
"""At most one row, JSON: a move by hand that is about to be made."""

discards = Table(
    "discards",
    metadata,
    _number("number"),
    *_texts("action", "kind", "name", "reason", "who", "at"),
    *_integers("pairs", "traffic"),
    *(
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in ("documents", "served")
    ),
)

discarded = Table(
    "discarded",
    metadata,
    Column("sequence", BigInteger, primary_key=True),
    Column("discard", BigInteger, ForeignKey("discards.number"), primary_key=True),
)

judgings = Table(
    "judgings",
    metadata,
    _number("number"),
    *_integers("first", "second"),
    *_texts("digest", "who", "at", "summary"),
)

judgements = Table(
    "judgements",
    metadata,
    _number("number"),
    Column("judging", BigInteger, ForeignKey("judgings.number"), nullable=False),
    *_integers("turn"),
    *_texts("query", "results", "left", "answer", "who", "at"),
    Column("undone", Text),
)


acceptances = Table(
    "acceptances",
    metadata,
    _number("number"),
    *_texts("action"),
    *_integers("until"),
    *_texts("cycle", "reason", "who", "at"),
)

canaries = Table(
    "canaries",
    metadata,
    _number("number"),
    *_integers("candidate", "champion"),
    *_texts("cycle", "began", "settings"),
    *_integers("cut", "started", "looks"),
    Column("slow_above", Double),
    *_texts("harm", "state"),
    Column("ended", Text),
    *_texts("result"),
)
"""A row per candidate that was tried on a share of the traffic; settings and result are JSON."""

canary_keys = Table(
    "canary_keys",
    metadata,
    Column("canary", BigInteger, ForeignKey("canaries.number"), primary_key=True),
    _key("key"),
    Column("candidate", BigInteger, primary_key=True, autoincrement=False),
    *_integers("number"),
    Column("first", Double, nullable=False),
    *(Column(name, Double) for name in ("empty", "slow", "failure")),
    *_integers("settled", "rated"),
    Column("overlap", Double),
)
"""What each user, session or query showed of a version; `candidate` says of which."""


outbox = Table(
    "outbox",
    metadata,
    _number("number"),
    *_texts("id", "kind", "subject", "body", "at", "channel"),
    *_integers("attempts"),
    Column("due", Double, nullable=False),
    *_texts("error"),
    *_integers("given_up"),
)
"""A row per message and channel; `body` is JSON, and an empty channel is not decided yet."""

alerted = Table("alerted", metadata, _key("kind"), _key("subject"), *_texts("since"))
"""What alerts told that is still true."""

pruned = Table(
    "pruned",
    metadata,
    _key("kind"),
    _key("name"),
    *_texts("reason", "at", "facts"),
    *_integers("done"),
)
"""What `[keep]` deleted, or is about to; `facts` is JSON."""

erasures = Table(
    "erasures",
    metadata,
    _number("number"),
    *_texts("kind", "reason", "who", "at", "state", "plan", "removed", "versions"),
)
"""A row per erasure; the last three are JSON, and `plan` is empty once nothing is left to erase."""

tombstones = Table("tombstones", metadata, _key("digest"))
"""Keyed digests of erased records, which stay out when their files are read again."""

tombstone_key = Table("tombstone_key", metadata, _key("key"))
"""One row: the secret of this workspace without which no tombstone can be tried out."""

preprocessings = Table(
    "preprocessings",
    metadata,
    _number("first"),
    *_integers("last"),
    *_texts("kind", "fingerprint", "parts"),
)
"""A row per stretch of the sequence whose records of a kind were read alike; `parts` is JSON."""


def create(connection: Connection) -> None:
    """Create all tables in a new database, with the rows that they begin with."""
    metadata.create_all(connection, checkfirst=False)
    numbered = ("cycle", "discard", "judging", "judgement", "message", "erasure")
    names = ("sequence", "quarantine", "unplaced", "reading", *numbered)
    connection.execute(insert(counters), [{"name": name, "value": 0} for name in names])
    connection.execute(insert(promotion_head).values(rows=0, hash=""))
    connection.execute(insert(identity).values(workspace=uuid.uuid4().hex))
    connection.execute(insert(tombstone_key).values(key=secrets.token_hex(32)))
    connection.execute(insert(revision).values(version_num=REVISIONS[-1]))


def adopt(connection: Connection) -> None:
    """Mark a database of the first revision that was made before revisions were kept."""
    revision.create(connection)
    connection.execute(insert(revision).values(version_num=REVISIONS[0]))
    before_revisions.drop(connection)


def lacking(connection: Connection) -> list[str]:
    """Return what a database lacks of the tables of today: tables, and columns as table.column."""
    known = inspect(connection)
    present = set(known.get_table_names())
    found = [name for name in metadata.tables if name not in present]
    for name in present & set(metadata.tables):
        there = {each["name"] for each in known.get_columns(name)}
        found += [
            f"{name}.{each.name}" for each in metadata.tables[name].c if each.name not in there
        ]
    return sorted(found)
