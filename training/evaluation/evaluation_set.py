"""The evaluation set: queries, documents and which of them are relevant."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path

from training.evaluation.beir import Collection, read_folder
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
    notes: tuple[str, ...] = field(default=(), compare=False)
    """Sentences on what was left out when it was read."""

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
        a `slice`. Queries that nothing in the corpus answers are left out; `notes` says how many.

        Parameters
        ----------
        name
            Name of the task.
        folder
            The folder to read.

        Raises
        ------
        DataFault
            A file is missing or malformed, an id is repeated, or no query is answered; the message
            names the file and the line.
        """
        return cls.of(name, read_folder(Path(folder)))

    @classmethod
    def of(cls, name: str, read: Collection) -> "EvaluationSet":
        """Return a published collection as a set."""
        return cls(name, read.queries, read.corpus, read.relevant, read.slices, read.notes)

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
                relevant[content_id("q", query)] = {
                    content_id("d", key): 1 for key in sorted(answers & set(documents))
                }
        return cls(
            name,
            {
                content_id("q", query): queries[query]
                for query in sorted(queries)
                if content_id("q", query) in relevant
            },
            {content_id("d", key): texts[key] for key in documents},
            relevant,
        )

    @classmethod
    def joined(cls, name: str, parts: Sequence["EvaluationSet"]) -> "EvaluationSet":
        """Return several sets as one: all queries, all documents, all judgements, all slices.

        Parameters
        ----------
        name
            Name of the task.
        parts
            Sets in which equal ids stand for equal texts, as `by_content` makes them.

        Examples
        --------
        >>> one = EvaluationSet("a", {"1": "lost card"}, {"x": "Block it"}, {"1": {"x": 1}})
        >>> two = EvaluationSet("b", {"1": "new card"}, {"y": "Block  it"}, {"1": {"y": 1}})
        >>> both = EvaluationSet.joined("cards", [one.by_content(), two.by_content()])
        >>> sorted(both.queries.values()), [*both.corpus.values()]
        (['lost card', 'new card'], ['Block  it'])
        """
        relevant: dict[str, dict[str, int]] = defaultdict(dict)
        slices: dict[str, dict[str, None]] = defaultdict(dict)
        for part in parts:
            for query, answers in part.relevant.items():
                relevant[query] |= answers
            for named, queries in part.slices.items():
                slices[named] |= dict.fromkeys(queries)
        return cls(
            name,
            {key: text for part in parts for key, text in part.queries.items()},
            {key: text for part in parts for key, text in part.corpus.items()},
            dict(relevant),
            {named: tuple(queries) for named, queries in slices.items()},
            tuple(note for part in parts for note in part.notes),
        )

    def by_content(self) -> "EvaluationSet":
        """Return the set with digests of the normalised texts as ids; equal texts become one."""
        query_ids = {key: content_id("q", normalised(text)) for key, text in self.queries.items()}
        document_ids = {key: content_id("d", normalised(text)) for key, text in self.corpus.items()}
        relevant: dict[str, dict[str, int]] = defaultdict(dict)
        for query, answers in self.relevant.items():
            found = relevant[query_ids[query]]
            for document, grade in answers.items():
                key = document_ids[document]
                found[key] = max(grade, found.get(key, grade))
        return replace(
            self,
            queries={query_ids[key]: text for key, text in self.queries.items()},
            corpus={document_ids[key]: text for key, text in self.corpus.items()},
            relevant=dict(relevant),
            slices={
                named: tuple(dict.fromkeys(query_ids[key] for key in queries))
                for named, queries in self.slices.items()
            },
        )

    def of_queries(self, chosen: Iterable[str]) -> "EvaluationSet":
        """Return the set with some of its queries, by their ids, and all of its documents."""
        keys = list(chosen)
        return replace(
            self,
            queries={key: self.queries[key] for key in keys},
            relevant={key: self.relevant[key] for key in keys},
            slices={},
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


def content_id(letter: str, key: str) -> str:
    """Return the id of a normalised text: equal texts have equal ids in all sets.

    Parameters
    ----------
    letter
        "q" for a query, "d" for a document.
    key
        The normalised text.
    """
    return letter + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def left_out(sets: Sequence[EvaluationSet]) -> tuple[str, ...]:
    """Return what was left out of each set when it was read, as sentences."""
    return tuple(f"{each.name}: {note}" for each in sets for note in each.notes)
