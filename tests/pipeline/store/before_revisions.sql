PRAGMA journal_mode=WAL;
BEGIN TRANSACTION;
CREATE TABLE anchorhold_schema (version BIGINT PRIMARY KEY);
INSERT INTO "anchorhold_schema" VALUES(1);
INSERT INTO "anchorhold_schema" VALUES(2);
CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO "counters" VALUES('sequence',1);
INSERT INTO "counters" VALUES('quarantine',0);
INSERT INTO "counters" VALUES('unplaced',0);
INSERT INTO "counters" VALUES('cycle',0);
INSERT INTO "counters" VALUES('discard',0);
CREATE TABLE cycles (id TEXT PRIMARY KEY, started TEXT NOT NULL, finished TEXT,
            outcome TEXT, result TEXT);
CREATE TABLE discarded (sequence BIGINT NOT NULL, discard BIGINT NOT NULL
            REFERENCES discards (number), PRIMARY KEY (sequence, discard));
CREATE TABLE discards (number INTEGER PRIMARY KEY, action TEXT NOT NULL,
            kind TEXT NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL, who TEXT NOT NULL,
            at TEXT NOT NULL, pairs BIGINT NOT NULL, traffic BIGINT NOT NULL);
CREATE TABLE files (kind TEXT NOT NULL, role TEXT NOT NULL, file TEXT NOT NULL,
            stamp TEXT NOT NULL, done BIGINT NOT NULL, lines BIGINT NOT NULL, digest TEXT NOT NULL,
            stored BIGINT NOT NULL, known BIGINT NOT NULL, quarantined BIGINT NOT NULL,
            PRIMARY KEY (kind, role, file));
INSERT INTO "files" VALUES('pair','recent','','',0,0,'',1,0,0);
CREATE TABLE pairs (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
            digest TEXT NOT NULL, role TEXT NOT NULL, query TEXT NOT NULL, positive TEXT NOT NULL,
            negative TEXT NOT NULL, source TEXT NOT NULL, timestamp DOUBLE PRECISION,
            file TEXT NOT NULL, line BIGINT NOT NULL);
INSERT INTO "pairs" VALUES(1,'id-1','4babb69f12e8913a6686fdeb817ca6e7','recent','query 1','answer 1','','',NULL,'',1);
CREATE TABLE promotion_head (rows BIGINT NOT NULL, hash TEXT NOT NULL);
INSERT INTO "promotion_head" VALUES(1,'e847df364c3fdcf1f6527fe983b2fb53d74851aced316b4f3e2077b57aa8416d');
CREATE TABLE promotions (number INTEGER PRIMARY KEY, version BIGINT NOT NULL,
            previous BIGINT, action TEXT NOT NULL, reason TEXT NOT NULL, cycle TEXT,
            at TEXT NOT NULL, hash TEXT NOT NULL);
INSERT INTO "promotions" VALUES(1,1,NULL,'bootstrap','the base model','0001','2024-05-31T12:00:00+00:00','e847df364c3fdcf1f6527fe983b2fb53d74851aced316b4f3e2077b57aa8416d');
CREATE TABLE quarantine (number INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL, role TEXT NOT NULL, file TEXT NOT NULL, line BIGINT NOT NULL,
            reason TEXT NOT NULL);
CREATE TABLE stages (cycle TEXT NOT NULL REFERENCES cycles (id), name TEXT NOT NULL,
            payload TEXT NOT NULL, PRIMARY KEY (cycle, name));
CREATE TABLE traffic (sequence INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE,
            role TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL,
            timestamp DOUBLE PRECISION, file TEXT NOT NULL, line BIGINT NOT NULL);
COMMIT;
