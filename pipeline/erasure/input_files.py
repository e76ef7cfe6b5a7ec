"""Where erased records still are in the user's own files, which nothing here changes."""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.erasure.scrub import Scrubber
from pipeline.intake import DATA_KEYS, find_sources
from pipeline.results import InputPlace
from pipeline.store import Erasable, Place
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault

_TEXTS = ("query", "positive", "text")
_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


def with_lines(opened: OpenWorkspace, plan: Erasable) -> Erasable:
    """Return what is erased with all lines of JSON files that hold it, read or not.

    A record may stand in several files, and one that was refused is known by its line only.
    """
    holds = partial(_is_record, Scrubber.of(plan), plan.names)
    places = dict.fromkeys(plan.places)
    for key, (kind, _) in DATA_KEYS.items():
        named = opened.settings.tables.data.places.get(key, ())
        places |= dict.fromkeys(_found(opened.settings.root, named, kind, holds))
    refused = opened.store.refused_at(places)
    rows = {**plan.rows}
    if refused:
        rows["quarantine"] = sorted({*rows.get("quarantine", ()), *refused})
    return replace(plan, places=list(places), rows=rows)


def input_places(opened: OpenWorkspace, plan: Erasable) -> tuple[InputPlace, ...]:
    """Return file and line of each record, as far as its file is still there.

    Those in anchor sets of the settings are found by their texts.
    """
    root, scrubber = opened.settings.root, Scrubber.of(plan)
    found = [InputPlace(kind=each.kind, file=each.file, line=each.line) for each in plan.places]
    # A text of a log was read from the same line as the log.
    lines = {(each.file, each.line) for each in found if each.kind == "served"}
    found = [each for each in found if each.kind == "served" or (each.file, each.line) not in lines]
    there = {name: ":" in name or (root / name).exists() for name in {each.file for each in found}}
    found = [each for each in found if there[each.file]]
    for anchor in opened.settings.tables.anchors.values():
        for folder in anchor.folders:
            for name in ("queries.jsonl", "corpus.jsonl"):
                found += _in_anchor(root, Path(folder, name), scrubber)
    return tuple(sorted(found, key=lambda each: (each.file, each.line)))


def _found(
    root: Path, named: Iterable[str], kind: str, holds: Callable[[bytes], bool]
) -> Iterator[Place]:
    try:
        sources = find_sources([each for each in named if ":" not in each], root)
    except (DataFault, OSError):
        return
    for source in sources:
        if source.path is None or not source.path.name.lower().endswith(_LINES):
            continue
        read = gzip.open if source.path.suffix.lower() == ".gz" else open
        with read(source.path, "rb") as stream:
            for number, line in enumerate(stream, 1):
                if holds(line):
                    yield Place(kind, source.label, number)


def _in_anchor(root: Path, file: Path, scrubber: Scrubber) -> Iterator[InputPlace]:
    if not (root / file).is_file():
        return
    with (root / file).open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if any(scrubber.is_erased(each) for each in _strings(_value(line))):
                yield InputPlace(kind="anchor", file=file.as_posix(), line=number)


def _is_record(scrubber: Scrubber, names: AbstractSet[str], line: bytes) -> bool:
    """Say whether a line is an erased record, or another copy of one."""
    value = _value(line)
    if scrubber.needles:
        return any(scrubber.is_erased(each) for each in _strings(value))
    if not isinstance(value, dict):
        return False
    # Another record may share one text with it.
    texts = [each for name in _TEXTS if (each := value.get(name)) and isinstance(each, str)]
    return str(value.get("id", "")) in names or (
        bool(texts) and all(map(scrubber.is_erased, texts))
    )


def _value(line: bytes) -> Any:
    """Return what a line of JSON holds; the line itself where it is none."""
    text = line.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
