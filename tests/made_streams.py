"""Made-up records for tests: labelled pairs and texts about two topics."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

BANK = ("lost", "card", "account", "money", "pay", "bank")
TRAVEL = ("flight", "hotel", "book", "train", "car", "menu")


def sentences(words: Sequence[str], count: int, seed: int = 0) -> list[dict[str, str]]:
    """Return labelled pairs about the words given; the number is what query and answer share."""
    random = np.random.default_rng(seed)
    rows = []
    for number in random.permutation(10_000)[:count]:
        first, second = random.choice(words, 2, replace=False)
        rows.append(
            {
                "id": f"{words[0]}-{seed}-{number}",
                "query": f"where is my {first} {second} {number}",
                "positive": f"how the {second} {number} is gone",
                "source": words[0],
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
