"""The evaluation set: queries, documents and which of them are relevant."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Any

from training.faults import DataFault
from training.pairs import Pair, hash_share, normalised, same_meaning_groups
from training.whole_files import folder_written


@plain_dataclass(frozen=True)
class EvaluationSet:
    """Queries, a corpus, and which documents answer which query."""

    name: str
    """Name of the task, such as "anchor/support"."""
    queries: Mapping[str, str]
    """Id of a query -> its text."""
    corpus: Mapping[str, str]
    """Id of a document -> its text."""
    relevant: Mapping[str, Mapping[str, int]]
    """Id of a query -> ids of the documents that answer it -> grade, above zero."""
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a slice -> ids of its queries, which are also scored on their own."""

    @cached_property
    def digest(self) -> str:
        """The sha256 of queries, corpus and judgements; neither the name nor the slices count."""
        content = [
            sorted(self.queries.items()),
            sorted(self.corpus.items()),
            sorted(
                (query, sorted(documents.items())) for query, documents in self.relevant.items()
            ),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @classmethod
    def from_folder(cls, name: str, folder: str | os.PathLike[str]) -> "EvaluationSet":
        """Read a folder in BEIR layout: corpus.jsonl, queries.jsonl, qrels.tsv (or qrels/test.tsv).

        Documents and queries have `_id` (or `id`) and `text`. Documents may have a `title`, queries
        a `slice`.

        Parameters
        ----------
        name
            Name of the task.
        folder
            The folder to read.

        Raises
        ------
        DataFault
            A file is missing or malformed, an id is repeated or unknown, or a query has no relevant
            document; the message names the file and the line.
        """
        folder = Path(folder)
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
            raise DataFault(f"{folder} holds neither qrels.tsv nor qrels/test.tsv; one is needed")
        relevant = _judgements(judgements, queries, corpus)
        if unanswered := [query for query in queries if query not in relevant]:
            raise DataFault(
                f"{judgements}: query {unanswered[0]!r} has no relevant document "
                f"({len(unanswered)} such queries); "
                "every query needs one with a grade above 0"
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

        A query is answered by all its positives in either list, and by all documents of the same
        meaning by the labels (see `same_meaning_groups`). Which further documents are taken depends
        only on their texts.

        Parameters
        ----------
        name
            Name of the task.
        held_out
            Pairs whose queries are scored.
        others
            Pairs whose positives are further documents.
        maximum_documents
            Maximum size of the corpus; answers are never left out.
        seed
            Seed of the choice of further documents.

        Raises
        ------
        DataFault
            There are no held-out pairs.
        """
        if not held_out:
            raise DataFault(f"{name}: there are no held-out pairs; at least one is needed")
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
            # Every model would find a document with the text of the query.
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

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the set in BEIR layout: whole, or not at all."""
        of_query = {query: name for name, queries in self.slices.items() for query in queries}
        rows: list[dict[str, str]] = [
            {"_id": key, "text": text} for key, text in self.corpus.items()
        ]
        asked = [
            {"_id": key, "text": text, **({"slice": of_query[key]} if key in of_query else {})}
            for key, text in self.queries.items()
        ]
        judged = [
            f"{query}\t{document}\t{grade}"
            for query, found in self.relevant.items()
            for document, grade in found.items()
        ]
        with folder_written(folder) as partial:
            for file, records in (("corpus.jsonl", rows), ("queries.jsonl", asked)):
                text = "".join(json.dumps(row) + "\n" for row in records)
                (partial / file).write_text(text, encoding="utf-8")
            (partial / "qrels.tsv").write_text(
                "\n".join(["query-id\tcorpus-id\tscore", *judged]) + "\n", encoding="utf-8"
            )


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
            f"{file} is missing; a set holds corpus.jsonl, queries.jsonl and qrels.tsv"
        ) from None
    except UnicodeDecodeError as fault:
        raise DataFault(
            f"{file} is not valid UTF-8: {fault.reason} at byte {fault.start}"
        ) from None


def _records(file: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (id, text with its title, row) of a JSONL file."""
    seen: set[str] = set()
    for number, line in _lines(file):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise DataFault(f"{file}:{number}: {line[:80]!r} is not JSON") from None
        if not isinstance(row, dict):
            raise DataFault(
                f"{file}:{number}: {line[:80]!r} is not an object with `_id` and `text`"
            )
        key, text, title = row.get("_id", row.get("id")), row.get("text"), row.get("title") or ""
        if not isinstance(key, str | int) or key == "":
            raise DataFault(
                f"{file}:{number}: `_id` is {key!r}; it must be a text or a whole number"
            )
        if not isinstance(text, str) or not isinstance(title, str) or not (title + text).strip():
            raise DataFault(f"{file}:{number}: `text` is {text!r}; it must hold text")
        if (name := str(key)) in seen:
            raise DataFault(f"{file}:{number}: duplicate id {name!r}")
        seen.add(name)
        yield name, f"{title} {text}".strip(), row
    if not seen:
        raise DataFault(f"{file} is empty; at least one record is needed")


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
                f"{file}:{number}: {line[:80]!r} has {len(cells)} columns; needed are query, "
                "document and grade, separated by tabs"
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
                f"{file}:{number}: the grade is {grade!r}; it must be a whole number"
            ) from None
        if value > 0:
            relevant[query][document] = value
    return dict(relevant)
