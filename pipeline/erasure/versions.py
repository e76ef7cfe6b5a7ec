"""Erasing from versions: memory, reference, probes, learned anchor sets and scores."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import pyarrow as pa
import pyarrow.parquet as parquet

from pipeline.erasure.scrub import Scrubber
from pipeline.registry import VersionFolder, remove
from pipeline.store import Erasable, Traffic
from training.evaluation import EvaluationSet, Scorecard, TaskScores
from training.pairs import Pair, write_memory


@dataclass(frozen=True)
class Records:
    """Says which records of a version are erased.

    Attributes
    ----------
    plan
        What is erased.
    scrubber
        Knows the texts.
    """

    plan: Erasable
    scrubber: Scrubber

    def has_pair(self, pair: Pair) -> bool:
        """Say whether a pair is erased."""
        texts = pair.query, pair.positive, pair.negative
        return self._is_named(pair.id, pair.source, "pairs") or self._any(pair.id, *texts)

    def has_traffic(self, text: Traffic) -> bool:
        """Say whether a text is erased; queries of pairs and of logs are texts, too."""
        kinds = ("traffic", "pairs", "served")
        named = any(self._is_named(text.id, text.source, each) for each in kinds)
        return named or self._any(text.text, text.id, text.session, text.user)

    def _is_named(self, id: str, source: str, table: str) -> bool:
        kind, name = self.plan.kind, self.plan.name
        if kind == "source":
            return source == name
        mine = kind == "id" and (id == name or id.startswith(f"{name}#"))
        return bool(id) and (mine or id in self._ids(table))

    def _ids(self, table: str) -> frozenset[str]:
        return frozenset(self.plan.ids.get(table, ()))

    def _any(self, *texts: str) -> bool:
        return any(self.scrubber.is_erased(text) for text in texts if text)


@dataclass(frozen=True)
class Cleaned:
    """What is left of a version's records without those that are erased.

    Attributes
    ----------
    removed
        How many of each kind went.
    memory, reference, probes, anchors
        What is left.
    digests
        Digest of a learned anchor set -> its digest without what went.
    queries
        Ids of the queries that went.
    """

    removed: Mapping[str, int]
    memory: Sequence[Pair]
    reference: Sequence[Traffic]
    probes: Sequence[str]
    anchors: Sequence[EvaluationSet]
    digests: Mapping[str, str] = field(default_factory=dict)
    queries: frozenset[str] = frozenset()

    @classmethod
    def of(cls, folder: VersionFolder, records: Records) -> Self:
        """Read a version and leave out what is erased."""
        removed: Counter[str] = Counter()
        memory = folder.memory()
        left = [each for each in memory if not records.has_pair(each)]
        removed["memory"] = len(memory) - len(left)
        reference = folder.reference()
        texts = [each for each in reference if not records.has_traffic(each)]
        removed["reference"] = len(reference) - len(texts)
        kept = {each.text for each in texts}
        gone = {each.text for each in reference} - kept
        probes = folder.probes()[0]
        stay = [
            each for each in probes if each not in gone and not records.scrubber.is_erased(each)
        ]
        removed["probes"] = len(probes) - len(stay)
        anchors, digests, queries = [], {}, set()
        for each in folder.learned_anchors():
            without = _without(each, records.scrubber)
            if without.digest != each.digest:
                digests[each.digest] = without.digest
                queries |= {*each.queries} - {*without.queries}
                removed["learned anchors"] += len(each.queries) + len(each.corpus)
                removed["learned anchors"] -= len(without.queries) + len(without.corpus)
            if without.queries:
                anchors.append(without)
        names = records.scrubber.names
        scored = {id for task in folder.scorecard().tasks.values() for id in task.query_ids}
        removed["scores"] = len(scored & (names | queries))
        return cls(dict(+removed), left, texts, stay, anchors, digests, frozenset(queries | names))

    def write(self, folder: VersionFolder) -> None:
        """Write it in the place of what the version held."""
        path = folder.path
        scorecard, probes = folder.scorecard(), folder.probes()
        sets = path / "anchors"
        # What is only replaced, or removed in part, would stay in the version if that failed.
        for old in (path / "memory", sets):
            remove(old)
        write_memory(path / "memory", self.memory)
        file = path / "reference" / "texts.parquet"
        schema = parquet.read_schema(file)
        file.unlink()
        rows = [{name: getattr(each, name) for name in schema.names} for each in self.reference]
        parquet.write_table(pa.Table.from_pylist(rows, schema=schema), file)
        vectors = dict(zip(*probes, strict=True))
        table = {"text": list(self.probes), "vector": [vectors[each] for each in self.probes]}
        file = path / "reference" / "probes.parquet"
        schema = parquet.read_schema(file)
        file.unlink()
        parquet.write_table(pa.table(table, schema=schema), file)
        for each in self.anchors:
            each.save(sets / each.name.removeprefix("anchor/"))
        folder.scorecard_file.unlink()
        folder.write_scorecard(self.scores(scorecard))

    def scores(self, scorecard: Scorecard) -> Scorecard:
        """Return scores without the queries that went, as scores on the sets without them."""
        tasks = {}
        for name, task in scorecard.tasks.items():
            left = task.of_queries(set(task.query_ids) - self.queries)
            if left.query_ids or not task.query_ids:
                tasks[name] = replace(left, set_digest=self._digest(task, left))
        return replace(scorecard, tasks=tasks)

    def _digest(self, before: TaskScores, after: TaskScores) -> str:
        if before.set_digest in self.digests:
            return self.digests[before.set_digest]
        if len(before.query_ids) == len(after.query_ids):
            return before.set_digest
        # Of a set that no version holds: the same for all who were scored on it.
        return hashlib.sha256(f"erased from {before.set_digest}".encode()).hexdigest()


def _without(given: EvaluationSet, scrubber: Scrubber) -> EvaluationSet:
    """Return a set without erased queries and documents, and without queries nothing answers."""
    corpus = {key: text for key, text in given.corpus.items() if not scrubber.is_erased(text)}
    relevant = {}
    for query, text in given.queries.items():
        answers = {key: grade for key, grade in given.relevant[query].items() if key in corpus}
        if answers and not scrubber.is_erased(text):
            relevant[query] = answers
    queries = {key: given.queries[key] for key in relevant}
    return replace(given, queries=queries, corpus=corpus, relevant=relevant)
