"""Made-up records for tests and benchmarks: labelled pairs and texts about made-up topics."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

BANK = ("lost", "card", "account", "money", "pay", "bank")
TRAVEL = ("flight", "hotel", "book", "train", "car", "menu")


def sentences(
    words: Sequence[str],
    count: int,
    seed: int | Sequence[int] = 0,
    *,
    source: str = "",
    prefix: str = "",
    numbers: int = 10_000,
) -> list[dict[str, str]]:
    """Return labelled pairs about the words given; the number is what query and answer share.

    The first word is their source, and begins their ids with the seed, unless others are given.
    """
    random = np.random.default_rng(seed)
    rows = []
    for number in random.permutation(numbers)[:count]:
        first, second = random.choice(words, 2, replace=False)
        rows.append(
            {
                "id": f"{prefix or f'{words[0]}-{seed}'}-{number}",
                "query": f"where is my {first} {second} {number}",
                "positive": f"how the {second} {number} is gone",
                "source": source or words[0],
            }
        )
    return rows


def write_lines(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write records as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def texts_of(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Return the queries of pairs as traffic."""
    return [{"id": f"t-{row['id']}", "text": row["query"]} for row in rows]


def write_anchors(
    folder: Path, rows: Sequence[dict[str, str]], documents: int | None = None
) -> None:
    """Write an anchor set of pairs; with fewer `documents`, these answer the other queries too."""
    answers = rows[:documents]
    queries = [{"id": f"q{row['id']}", "text": row["query"]} for row in rows]
    corpus = [{"id": f"d{row['id']}", "text": row["positive"]} for row in answers]
    write_lines(folder / "queries.jsonl", queries)
    write_lines(folder / "corpus.jsonl", corpus)
    judged = [
        f"q{row['id']}\td{answers[place % len(answers)]['id']}\t1" for place, row in enumerate(rows)
    ]
    lines = "\n".join(["query-id\tcorpus-id\tscore", *judged])
    (folder / "qrels.tsv").write_text(f"{lines}\n", encoding="utf-8")
