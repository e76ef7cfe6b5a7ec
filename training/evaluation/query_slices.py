"""Slices of evaluation sets: by the columns of their queries, or by the source of their pairs."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from training.evaluation.beir import read_queries
from training.evaluation.evaluation_set import EvaluationSet
from training.faults import DataFault
from training.pairs import Pair, normalised

SMALLEST = 10
"""Minimum number of queries of a slice; the mean of fewer would say nothing."""


def by_columns(
    given: EvaluationSet, folder: str | os.PathLike[str], columns: Sequence[str]
) -> EvaluationSet:
    """Return an anchor set with a slice "<column>=<value>" for each value of its queries.

    Parameters
    ----------
    given
        The set as it was read from the folder.
    folder
        Holds queries.jsonl.
    columns
        Names of columns in queries.jsonl; texts, numbers and truth values count as values.

    Raises
    ------
    DataFault
        No query has such a column; the message lists the columns.
    """
    if not columns:
        return given
    rows = [row for _, row in read_queries(Path(folder))]
    found = []
    for column in columns:
        valued = [row for row in rows if isinstance(row.get(column), str | int | float)]
        if not valued:
            known = sorted({key for row in rows for key in row} - {"_id", "id", "text"})
            raise DataFault(
                f"{folder}: no query has a value in the column {column!r} of "
                f"{given.name.replace('/', 's.', 1)}.slices; columns: {', '.join(known) or 'none'}"
            )
        named = [(f"{column}={row[column]}", str(row.get("_id", row.get("id")))) for row in valued]
        found += [(name, query) for name, query in named if query in given.queries]
    return _sliced(given, found)


def by_folder(name: str, parts: Mapping[str, EvaluationSet]) -> EvaluationSet:
    """Return several sets as one, with a slice "folder=<folder>" for each of them.

    Parameters
    ----------
    name
        Name of the task.
    parts
        Name of a folder -> the set that it holds; equal texts in several of them count once.
    """
    sets = [
        replace(part, slices={**part.slices, f"folder={folder}": tuple(part.queries)}).by_content()
        for folder, part in parts.items()
    ]
    joined = EvaluationSet.joined(name, sets)
    notes = [f"{folder}: {note}" for folder, part in parts.items() for note in part.notes]
    named = [(key, query) for key, queries in joined.slices.items() for query in queries]
    return _sliced(replace(joined, slices={}, notes=tuple(notes)), named)


def by_source(new_task: EvaluationSet, held_out: Iterable[Pair]) -> EvaluationSet:
    """Return the new task with a slice "source=<source>" per source, if there are several.

    Examples
    --------
    >>> pairs = [Pair(str(i), f"q{i}", f"a{i}", source="forum" if i % 2 else "") for i in range(40)]
    >>> named = EvaluationSet.from_pairs("new", pairs, [])
    >>> {name: len(queries) for name, queries in by_source(named, pairs).slices.items()}
    {'source=': 20, 'source=forum': 20}
    """
    ids = {normalised(text): key for key, text in new_task.queries.items()}
    found = [
        (f"source={pair.source}", ids[normalised(pair.query)])
        for pair in held_out
        if normalised(pair.query) in ids
    ]
    several = len({name for name, _ in found}) > 1
    return _sliced(new_task, found) if several else new_task


def _sliced(given: EvaluationSet, found: Iterable[tuple[str, str]]) -> EvaluationSet:
    slices: dict[str, dict[str, None]] = defaultdict(dict)
    for name, query in found:
        slices[name][query] = None
    large = {
        name: tuple(queries) for name, queries in sorted(slices.items()) if len(queries) >= SMALLEST
    }
    return replace(given, slices={**given.slices, **large})
