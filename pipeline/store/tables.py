"""The tables of the store."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    MetaData,
    Table,
    Text,
)

_tables = MetaData()


def _table(name: str, texts: str, integers: str = "", doubles: str = "") -> Table:
    columns: list[Column[Any]] = [Column(column, Text) for column in texts.split()]
    columns += [Column(column, BigInteger) for column in integers.split()]
    columns += [Column(column, Double) for column in doubles.split()]
    return Table(name, _tables, *columns)


counters = _table("counters", "name", "value")


pairs = _table(
    "pairs",
    "id digest role query positive negative source file",
    "sequence line",
    "timestamp",
)


traffic = _table("traffic", "digest role id text source file", "sequence line", "timestamp")


quarantine = _table("quarantine", "digest kind role file reason", "number line")


files = _table("files", "kind role file stamp digest", "done lines stored known quarantined")


cycles = _table("cycles", "id started finished outcome result")


stages = _table("stages", "cycle name payload")


promotions = _table("promotions", "action reason cycle at hash", "number version previous")


promotion_head = _table("promotion_head", "hash", "rows")


discards = _table("discards", "action kind name reason who at", "number pairs traffic")


discarded = _table("discarded", "", "sequence discard")
