"""Public benchmarks as evaluation sets: folders in BEIR layout, and data sets such as NanoBEIR."""

from pathlib import Path
from typing import Any

from pipeline.machine import why_silent
from training.evaluation import SPLITS, EvaluationSet, collection, is_beir
from training.faults import DataFault
from training.progress import quiet


def benchmark_sets(named: str, root: Path) -> list[EvaluationSet]:
    """Return the evaluation sets of a benchmark, named "benchmark/…".

    Parameters
    ----------
    named
        A folder (absolute, or in the workspace) in BEIR layout; or a data set with the parts
        corpus, queries and qrels and one split per set, as a folder or on the hub, such as
        sentence-transformers/NanoBEIR-en.
    root
        The workspace.

    Raises
    ------
    DataFault
        It is missing, cannot be reached, or has another layout.

    Notes
    -----
    NanoBEIR: https://huggingface.co/collections/sentence-transformers/nanobeir-datasets
    """
    folder = root / named
    has_card = (folder / "README.md").exists()
    if (folder / "corpus.jsonl").exists() or (is_beir(folder) and not has_card):
        return [EvaluationSet.from_folder(f"benchmark/{folder.resolve().name}", folder)]
    if not folder.is_dir():
        _must_be_reached(named)
    corpus, queries, qrels = _load(str(folder) if folder.is_dir() else named)
    if set(queries) <= set(corpus) & set(qrels):
        return [
            _as_set(named, split, corpus[split], queries[split], qrels[split])
            for split in sorted(queries)
        ]
    # MTEB has one corpus and one list of queries, and a split of judgements for each use.
    split = next((each for each in SPLITS if each in qrels), "")
    if len(corpus) > 1 or len(queries) > 1 or not split:
        raise DataFault(
            f"{named}: corpus, queries and qrels have different splits; each set needs all three"
        )
    (documents,), (asked,) = corpus.values(), queries.values()
    found = _as_set(named, split, documents, asked, qrels[split], name=Path(named).name)
    return [found]


def _must_be_reached(named: str) -> None:
    """Refuse at once what the libraries would try to reach for minutes."""
    from huggingface_hub import constants

    if named.startswith((".", "/", "~")) or named.count("/") != 1:
        raise DataFault(
            f"{named}: no such folder; name one with corpus.jsonl, queries.jsonl and qrels.tsv, or "
            "a data set of the hub such as sentence-transformers/NanoBEIR-en"
        )
    if constants.HF_HUB_OFFLINE:
        return
    silence = why_silent(constants.ENDPOINT)
    if silence:
        raise DataFault(
            f"{named}: {constants.ENDPOINT} does not answer ({silence}); name a local folder, or "
            "set HF_HUB_OFFLINE=1 to use a copy fetched earlier"
        )


def _load(name: str) -> list[dict[str, Any]]:
    """Return the splits of the three parts; MTEB calls its judgements "default"."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError
    from huggingface_hub import constants

    try:
        with quiet():
            parts = [dict(load_dataset(name, part)) for part in ("corpus", "queries")]
            try:
                parts.append(dict(load_dataset(name, "qrels")))
            except ValueError:
                parts.append(dict(load_dataset(name, "default")))
            return parts
    except (OSError, ValueError, KeyError, DatasetsError) as fault:
        first = (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]
        offline = " (HF_HUB_OFFLINE is set)" if constants.HF_HUB_OFFLINE else ""
        raise DataFault(
            f"{name}: cannot be loaded as a benchmark{offline}: {first}; it needs the parts "
            "corpus, queries and qrels, in a local folder or on a hub that can be reached"
        ) from fault


def _as_set(
    named: str, split: str, corpus: Any, queries: Any, qrels: Any, *, name: str = ""
) -> EvaluationSet:
    where = f"{named}, {split}"
    parts = (
        ((f"{named}: {part} row {number}, {split}", row) for number, row in enumerate(rows, 1))
        for part, rows in (("corpus", corpus), ("queries", queries), ("qrels", qrels))
    )
    return EvaluationSet.of(f"benchmark/{name or split}", collection(where, *parts))
