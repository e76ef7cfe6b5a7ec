"""Looking for a string in everything below a folder: also where it is compressed or encoded."""

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as parquet


def places_of(canary: str, *folders: Path) -> list[str]:
    """Return where a string is: the path, and the table and column inside of a database."""
    found = set()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if canary.casefold() in name.casefold():
                found.add(f"{name} (its name)")
            if path.is_file():
                found |= {f"{name}{part}" for part in _parts_with(path, canary)}
    return sorted(found)


def _parts_with(path: Path, canary: str) -> Iterator[str]:
    raw = path.read_bytes()
    if _holds(raw, canary):
        yield ""
    if path.suffix == ".parquet":
        table = parquet.read_table(path)
        if _holds(json.dumps(table.to_pylist(), default=str, ensure_ascii=False).encode(), canary):
            yield " (parquet)"
    elif raw.startswith(b"SQLite format 3\0"):
        yield from _columns_with(path, canary)
    elif zipfile.is_zipfile(io.BytesIO(raw)):
        with zipfile.ZipFile(path) as archive:
            for each in archive.namelist():
                if _holds(archive.read(each), canary):
                    yield f" ({each})"
    elif raw.startswith(b"\x1f\x8b") and _holds(gzip.decompress(raw), canary):
        yield " (gzip)"


def _columns_with(path: Path, canary: str) -> Iterator[str]:
    """Yield the columns that hold it: a long text is not in one piece in the file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            rows = database.execute(f'select * from "{table}"')
            names = [each[0] for each in rows.description]
            hits = {
                name
                for row in rows
                for name, value in zip(names, row, strict=True)
                if isinstance(value, str | bytes)
                and _holds(value if isinstance(value, bytes) else value.encode(), canary)
            }
            yield from (f" [{table}.{name}]" for name in sorted(hits))


def _holds(content: bytes, canary: str) -> bool:
    lowered = content.lower()
    return any(canary.casefold().encode(encoding) in lowered for encoding in ("utf-8", "utf-16-le"))
