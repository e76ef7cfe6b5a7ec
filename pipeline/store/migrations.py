"""The migrations of the store, by the version that each leads to."""

_MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "CREATE TABLE anchorhold_schema (version BIGINT PRIMARY KEY)",
        "CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
        """INSERT INTO counters VALUES
            ('sequence', 0), ('quarantine', 0), ('unplaced', 0), ('cycle', 0)""",
        """CREATE TABLE pairs (sequence {integer} PRIMARY KEY, id TEXT NOT NULL UNIQUE,
            digest TEXT NOT NULL, role TEXT NOT NULL, query TEXT NOT NULL, positive TEXT NOT NULL,
            negative TEXT NOT NULL, source TEXT NOT NULL, timestamp DOUBLE PRECISION,
            file TEXT NOT NULL, line BIGINT NOT NULL)""",
        """CREATE TABLE traffic (sequence {integer} PRIMARY KEY, digest TEXT NOT NULL UNIQUE,
            role TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL,
            timestamp DOUBLE PRECISION, file TEXT NOT NULL, line BIGINT NOT NULL)""",
        """CREATE TABLE quarantine (number {integer} PRIMARY KEY, digest TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL, role TEXT NOT NULL, file TEXT NOT NULL, line BIGINT NOT NULL,
            reason TEXT NOT NULL)""",
        """CREATE TABLE files (kind TEXT NOT NULL, role TEXT NOT NULL, file TEXT NOT NULL,
            stamp TEXT NOT NULL, done BIGINT NOT NULL, lines BIGINT NOT NULL, digest TEXT NOT NULL,
            stored BIGINT NOT NULL, known BIGINT NOT NULL, quarantined BIGINT NOT NULL,
            PRIMARY KEY (kind, role, file))""",
        """CREATE TABLE cycles (id TEXT PRIMARY KEY, started TEXT NOT NULL, finished TEXT,
            outcome TEXT, result TEXT)""",
        """CREATE TABLE stages (cycle TEXT NOT NULL REFERENCES cycles (id), name TEXT NOT NULL,
            payload TEXT NOT NULL, PRIMARY KEY (cycle, name))""",
        """CREATE TABLE promotions (number {integer} PRIMARY KEY, version BIGINT NOT NULL,
            previous BIGINT, action TEXT NOT NULL, reason TEXT NOT NULL, cycle TEXT,
            at TEXT NOT NULL, hash TEXT NOT NULL)""",
        "CREATE TABLE promotion_head (rows BIGINT NOT NULL, hash TEXT NOT NULL)",
        "INSERT INTO promotion_head VALUES (0, '')",
    ),
    2: (
        """CREATE TABLE discards (number {integer} PRIMARY KEY, action TEXT NOT NULL,
            kind TEXT NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL, who TEXT NOT NULL,
            at TEXT NOT NULL, pairs BIGINT NOT NULL, traffic BIGINT NOT NULL)""",
        """CREATE TABLE discarded (sequence BIGINT NOT NULL, discard BIGINT NOT NULL
            REFERENCES discards (number), PRIMARY KEY (sequence, discard))""",
        "INSERT INTO counters VALUES ('discard', 0)",
    ),
}
"""The steps from an empty database to today's; a released step is never changed, only followed."""
