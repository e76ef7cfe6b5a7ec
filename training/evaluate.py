"""Evaluation: labelled retrieval sets, and a model's scores on them, query by query."""

import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.encoder import Kind, Progress, no_progress
from training.pairs import SETTINGS, DataFault, Pair, hash_share, normalised, same_meaning_groups
from training.rankings import Ranking, nearest

METRICS = ("ndcg_at_10", "mrr_at_10", "recall_at_10")
_DEPTH = 10


class TextEncoder(Protocol):
    """What evaluation needs of an encoder."""

    fingerprint: str

    def encode(
        self, texts: Sequence[str], *, kind: Kind = "query", progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return unit vectors (n, dimensions)."""


@plain_dataclass(frozen=True)
class EvaluationSet:
    """Queries, a corpus, and which documents answer which query (grades above zero).

    `slices` names subsets of the queries that are scored on their own too.
    """

    name: str
    queries: Mapping[str, str]
    corpus: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """The sha256 over the content; the name does not count."""
        content = [
            sorted(self.queries.items()),
            sorted(self.corpus.items()),
            sorted(
                (query, sorted(documents.items())) for query, documents in self.relevant.items()
            ),
            sorted((name, sorted(queries)) for name, queries in self.slices.items()),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @classmethod
    def from_folder(cls, name: str, folder: Path) -> "EvaluationSet":
        """Read a folder in BEIR layout: corpus.jsonl, queries.jsonl, qrels.tsv (or qrels/test.tsv).

        Documents and queries have `_id` (or `id`) and `text`; documents may have a `title`,
        queries a `slice`.

        Raises
        ------
        DataFault
            A file is missing or malformed, an id is repeated or unknown, or a query has no relevant
            document; names the file and the line.
        """
        corpus = {key: text for key, text, _ in _records(folder / "corpus.jsonl")}
        slices: dict[str, list[str]] = defaultdict(list)
        queries = {}
        for key, text, row in _records(folder / "queries.jsonl"):
            queries[key] = text
            if row.get("slice"):
                slices[str(row["slice"])].append(key)
        judgements = next(
            (
                file
                for file in (folder / "qrels.tsv", folder / "qrels" / "test.tsv")
                if file.exists()
            ),
            None,
        )
        if judgements is None:
            raise DataFault(f"{folder}: holds neither qrels.tsv nor qrels/test.tsv")
        relevant = _judgements(judgements, queries, corpus)
        if unanswered := [query for query in queries if query not in relevant]:
            raise DataFault(
                f"{judgements}: query {unanswered[0]!r} has no relevant document "
                f"({len(unanswered)} such queries); "
                "every query needs one of a grade above 0"
            )
        return cls(
            name, queries, corpus, relevant, {key: tuple(value) for key, value in slices.items()}
        )

    @classmethod
    def from_pairs(
        cls,
        name: str,
        held_out: Sequence[Pair],
        others: Sequence[Pair],
        *,
        maximum_documents: int = 1000,
        seed: int = 0,
    ) -> "EvaluationSet":
        """Make a set of held-out pairs, with the positives of other pairs as further documents.

        All positives labelled for a query (in either list) answer it, and all documents that mean
        the same by the labels (see `same_meaning_groups`). Which other documents are taken depends
        on their texts alone.

        Raises
        ------
        DataFault
            There are no held-out pairs.
        """
        if not held_out:
            raise DataFault(f"{name}: no held-out pairs to evaluate on; at least one is needed")
        groups = same_meaning_groups([*held_out, *others])
        positives: dict[str, set[str]] = defaultdict(set)
        texts: dict[str, str] = {}
        for pair in (*held_out, *others):
            key = normalised(pair.positive)
            texts[key] = min(texts.get(key, pair.positive), pair.positive)
            positives[normalised(pair.query)].add(key)
        queries: dict[str, str] = {}
        for pair in held_out:
            key = normalised(pair.query)
            queries[key] = min(queries.get(key, pair.query), pair.query)
        needed = {key for query in queries for key in positives[query]}
        further = sorted(
            texts.keys() - needed, key=lambda key: (hash_share(seed, "distractor", key), key)
        )
        documents = sorted(needed | set(further[: max(0, maximum_documents - len(needed))]))
        by_group: dict[str, set[str]] = defaultdict(set)
        for key in documents:
            if key in groups:
                by_group[groups[key]].add(key)
        relevant = {}
        for query in sorted(queries):
            # A document with the query's own text would be found by every model alike.
            answers = (positives[query] | by_group.get(groups.get(query, ""), set())) - {query}
            if answers:
                relevant[_name("q", query)] = {
                    _name("d", key): 1 for key in sorted(answers & set(documents))
                }
        return cls(
            name,
            {
                _name("q", query): queries[query]
                for query in sorted(queries)
                if _name("q", query) in relevant
            },
            {_name("d", key): texts[key] for key in documents},
            relevant,
        )

    def save(self, folder: Path) -> None:
        """Write the set in BEIR layout, beside and renamed."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = folder.with_name(f".{folder.name}.{os.getpid()}.beside")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        of_query = {query: name for name, queries in self.slices.items() for query in queries}
        rows: list[dict[str, str]] = [
            {"_id": key, "text": text} for key, text in self.corpus.items()
        ]
        asked = [
            {"_id": key, "text": text, **({"slice": of_query[key]} if key in of_query else {})}
            for key, text in self.queries.items()
        ]
        for file, records in (("corpus.jsonl", rows), ("queries.jsonl", asked)):
            (beside / file).write_text(
                "".join(json.dumps(row) + "\n" for row in records), encoding="utf-8"
            )
        judged = [
            f"{query}\t{document}\t{grade}"
            for query, found in self.relevant.items()
            for document, grade in found.items()
        ]
        (beside / "qrels.tsv").write_text(
            "\n".join(["query-id\tcorpus-id\tscore", *judged]) + "\n", encoding="utf-8"
        )
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)


@plain_dataclass(frozen=True)
class TaskScores:
    """One model's scores on one task, query by query."""

    query_ids: tuple[str, ...]
    metrics: Mapping[str, NDArray[np.float64]]
    """Metric name -> (queries,), in the order of `query_ids`."""
    set_digest: str
    """Digest of the evaluation set: only scores on equal sets compare."""

    def mean(self, metric: str) -> float:
        """Return the mean over the queries; undefined, and therefore `nan`, without queries."""
        values = self.metrics[metric]
        return float(values.mean()) if len(values) else float("nan")


@plain_dataclass(frozen=True)
class Scorecard:
    """One model's scores on all tasks and slices."""

    fingerprint: str
    tasks: Mapping[str, TaskScores]

    def means(self) -> dict[str, float]:
        """Return "task/metric" -> mean."""
        return {
            f"{task}/{metric}": scores.mean(metric)
            for task, scores in self.tasks.items()
            for metric in scores.metrics
        }

    def to_json(self) -> dict[str, Any]:
        """Return a value for `json.dumps` from which `from_json` makes an equal scorecard."""
        tasks = {
            task: {
                "set_digest": scores.set_digest,
                "query_ids": list(scores.query_ids),
                "metrics": {metric: values.tolist() for metric, values in scores.metrics.items()},
            }
            for task, scores in self.tasks.items()
        }
        return {"fingerprint": self.fingerprint, "tasks": tasks}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Scorecard":
        """Return the scorecard that `to_json` described."""
        tasks = {
            task: TaskScores(
                tuple(scores["query_ids"]),
                {
                    metric: np.array(values, dtype=np.float64)
                    for metric, values in scores["metrics"].items()
                },
                scores["set_digest"],
            )
            for task, scores in value["tasks"].items()
        }
        return cls(value["fingerprint"], tasks)


@dataclass(frozen=True, config=SETTINGS)
class Evaluate:
    """Score an encoder on evaluation sets by exact search, query by query.

    The metrics (nDCG, reciprocal rank and recall, all at 10) are those of trec_eval through
    ir-measures.
    """

    rows_at_once: int = Field(default=1024, ge=1)
    """Queries whose similarities to the whole corpus are held at once: bounds the memory."""

    def score(
        self, encoder: TextEncoder, sets: Sequence[EvaluationSet], progress: Progress = no_progress
    ) -> Scorecard:
        """Return the scorecard of the encoder; slices are scored as tasks "<set>/<slice>"."""
        tasks: dict[str, TaskScores] = {}
        for given in sets:
            tasks |= scores_of_ranking(given, self.rank(encoder, given, progress))
        return Scorecard(encoder.fingerprint, tasks)

    def rank(
        self, encoder: TextEncoder, given: EvaluationSet, progress: Progress = no_progress
    ) -> Ranking:
        """Return the ten nearest documents of each query of a set."""
        # By id first: documents of equal similarity (repeated texts) then rank by id for every
        # model.
        ids, names = sorted(given.corpus), sorted(given.queries)
        if not names:
            nothing = np.empty((0, 0))
            return Ranking((), tuple(ids), nothing.astype(np.int32), nothing.astype(np.float32))
        corpus = [given.corpus[document] for document in ids]
        asked = [given.queries[query] for query in names]
        places, cosines = nearest(
            encoder.encode(asked, kind="query", progress=progress),
            encoder.encode(corpus, kind="document", progress=progress),
            depth=_DEPTH,
            rows_at_once=self.rows_at_once,
        )
        return Ranking(tuple(names), tuple(ids), places, cosines)


def scores_of_ranking(given: EvaluationSet, ranking: Ranking) -> dict[str, TaskScores]:
    """Return the scores of a ranking on its set and each slice, by task name."""
    whole = _task_scores(given, ranking)
    tasks = {given.name: whole}
    for name, queries in given.slices.items():
        chosen = np.isin(whole.query_ids, list(queries))
        tasks[f"{given.name}/{name}"] = TaskScores(
            tuple(query for query, taken in zip(whole.query_ids, chosen, strict=True) if taken),
            {metric: values[chosen] for metric, values in whole.metrics.items()},
            whole.set_digest,
        )
    return tasks


def _task_scores(given: EvaluationSet, ranking: Ranking) -> TaskScores:
    import ir_measures
    from ir_measures import RR, R, nDCG

    names = ranking.query_ids
    metrics = {metric: np.zeros(len(names)) for metric in METRICS}
    if names:
        run = {
            query: {
                ranking.document_ids[place]: float(_DEPTH - rank)
                for rank, place in enumerate(found)
            }
            for query, found in zip(names, ranking.places.tolist(), strict=True)
        }
        judged = {query: dict(documents) for query, documents in given.relevant.items()}
        # Rankings end at 10, so that reciprocal rank without a depth is the one at 10.
        measures = {nDCG @ _DEPTH: "ndcg_at_10", RR: "mrr_at_10", R @ _DEPTH: "recall_at_10"}
        place_of = {query: place for place, query in enumerate(names)}
        for value in ir_measures.pytrec_eval.iter_calc(list(measures), judged, run):
            metrics[measures[value.measure]][place_of[value.query_id]] = value.value
    return TaskScores(names, metrics, given.digest)


def _name(letter: str, key: str) -> str:
    return letter + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except FileNotFoundError:
        raise DataFault(
            f"{file}: no such file; a set holds corpus.jsonl, queries.jsonl, qrels.tsv"
        ) from None
    except UnicodeDecodeError as fault:
        raise DataFault(f"{file}: not valid UTF-8 ({fault.reason} at byte {fault.start})") from None


def _records(file: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (id, text with its title, row) of a JSONL file."""
    seen: set[str] = set()
    for number, line in _lines(file):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise DataFault(f"{file}:{number}: not JSON: {line[:80]!r}") from None
        if not isinstance(row, dict):
            raise DataFault(
                f"{file}:{number}: must be an object with `_id` and `text`, got {line[:80]!r}"
            )
        key, text, title = row.get("_id", row.get("id")), row.get("text"), row.get("title") or ""
        if not isinstance(key, str | int) or key == "":
            raise DataFault(f"{file}:{number}: `_id` must be a text or a whole number, got {key!r}")
        if not isinstance(text, str) or not isinstance(title, str) or not (title + text).strip():
            raise DataFault(f"{file}:{number}: `text` must hold text, got {text!r}")
        if (name := str(key)) in seen:
            raise DataFault(f"{file}:{number}: id {name!r} stands in the file twice")
        seen.add(name)
        yield name, f"{title} {text}".strip(), row
    if not seen:
        raise DataFault(f"{file}: is empty; at least one record is needed")


def _judgements(
    file: Path, queries: Mapping[str, str], corpus: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    relevant: dict[str, dict[str, int]] = defaultdict(dict)
    for number, line in _lines(file):
        cells = line.split("\t")
        if number == 1 and not cells[-1].strip().lstrip("-").isdigit():
            continue  # the header
        if len(cells) not in (3, 4):
            raise DataFault(
                f"{file}:{number}: must be query, document and grade between tabs, "
                f"got {line[:80]!r}"
            )
        query, document, grade = cells[0], cells[-2], cells[-1].strip()
        if query not in queries:
            raise DataFault(f"{file}:{number}: query {query!r} is not in queries.jsonl")
        if document not in corpus:
            raise DataFault(f"{file}:{number}: document {document!r} is not in corpus.jsonl")
        try:
            value = int(grade)
        except ValueError:
            raise DataFault(
                f"{file}:{number}: the grade must be a whole number, got {grade!r}"
            ) from None
        if value > 0:
            relevant[query][document] = value
    return dict(relevant)
