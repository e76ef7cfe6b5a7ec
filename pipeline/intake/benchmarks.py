"""Public benchmarks as evaluation sets: folders in BEIR layout, and data sets such as NanoBEIR."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from pipeline.machine import why_silent
from training.evaluation import EvaluationSet
from training.faults import DataFault
from training.progress import quiet

_PARTS = ("corpus", "queries", "qrels")


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
    if (folder / "corpus.jsonl").exists():
        return [EvaluationSet.from_folder(f"benchmark/{folder.resolve().name}", folder)]
    if not folder.is_dir():
        _must_be_reached(named)
    corpus, queries, qrels = _load(str(folder) if folder.is_dir() else named)
    if not set(queries) <= set(corpus) & set(qrels):
        raise DataFault(
            f"{named}: corpus, queries and qrels have different splits; each set needs all three"
        )
    return [
        _as_set(named, split, corpus[split], queries[split], qrels[split])
        for split in sorted(queries)
    ]


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
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError
    from huggingface_hub import constants

    try:
        with quiet():
            return [dict(load_dataset(name, part)) for part in _PARTS]
    except (OSError, ValueError, KeyError, DatasetsError) as fault:
        first = (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]
        offline = " (HF_HUB_OFFLINE is set)" if constants.HF_HUB_OFFLINE else ""
        raise DataFault(
            f"{name}: cannot be loaded as a benchmark{offline}: {first}; it needs the parts "
            "corpus, queries and qrels, in a local folder or on a hub that can be reached"
        ) from fault


def _as_set(named: str, split: str, corpus: Any, queries: Any, qrels: Any) -> EvaluationSet:
    try:
        texts, asked = (
            {str(row["_id"]): str(row["text"]) for row in rows if row["text"]}
            for rows in (corpus, queries)
        )
        relevant: dict[str, dict[str, int]] = defaultdict(dict)
        for row in qrels:
            found = row["corpus-id"]
            for document in found if isinstance(found, list) else [found]:
                if int(row.get("score", 1)) > 0 and str(document) in texts:
                    relevant[str(row["query-id"])][str(document)] = int(row.get("score", 1))
    except KeyError as fault:
        raise DataFault(
            f"{named}, {split}: the column {fault} is missing; corpus and queries need _id and "
            "text, qrels query-id and corpus-id"
        ) from None
    answered = {query: text for query, text in asked.items() if query in relevant}
    if not answered:
        raise DataFault(f"{named}, {split}: no query has a relevant document; one is needed")
    return EvaluationSet(
        f"benchmark/{split}", answered, texts, {query: relevant[query] for query in answered}
    )
