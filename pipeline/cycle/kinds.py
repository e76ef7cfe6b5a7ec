"""Kinds of derived pairs: what each is made of, and which are switched off."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.registry import VersionFolder
from pipeline.results import Window
from pipeline.store import Store
from pipeline.workspace import OpenWorkspace, Settings, Tables
from training.encoding import Encoder
from training.evaluation import nearest
from training.pairs import hash_share, normalised
from training.unlabelled import (
    Corpus,
    Derived,
    Document,
    Reserved,
    ServedQuery,
    distinct_queries,
    shown_ids,
    split_log,
)

KINDS = ("feedback", "consensus", "structure", "reformulation", "generated")
"""The kinds in the order in which they are preferred where two give the same pair."""

_ROWS_AT_ONCE = 64  # queries compared with up to 20,000 documents at once


class Kind(Protocol):
    """What the workers of all kinds have in common."""

    @property
    def enabled(self) -> bool:
        """Whether it makes pairs."""

    @property
    def share(self) -> float:
        """Largest share of the derived pairs."""


_SEARCHED = 20_000  # documents that get a vector: minutes on two cores
_NEIGHBOURS = 10


@dataclass(frozen=True)
class Material:
    """What pairs and proxies are made of.

    Attributes
    ----------
    documents
        The corpus as it was when the window ended, with texts that were shown and are not in it.
    served
        The served queries that the champion has not learned from, or that were clicked or rated
        since, oldest first.
    learnable, held_out
        Those of them that may give pairs, and those that are measured on.
    corpus
        The documents, each text once; of many, some.
    opened, model
        Load the champion where a vector is needed.
    """

    documents: list[Document]
    served: list[ServedQuery]
    learnable: list[ServedQuery]
    held_out: list[ServedQuery]
    corpus: Corpus
    opened: OpenWorkspace
    model: Path

    @classmethod
    def gather(cls, opened: OpenWorkspace, champion: VersionFolder, window: Window) -> Self:
        """Read what the store holds for a window."""
        after = served_after(champion, window)
        served = opened.store.served(after, window.until, amended=True)
        most = opened.settings.tables.data.corpus_sample
        some = opened.store.some_documents(most, shown_ids(served), until=window.until)
        documents = with_shown(some, served)
        learnable, held_out = split_log(served, opened.settings.tables.holdout)
        corpus = Corpus(documents)
        return cls(documents, served, learnable, held_out, corpus, opened, champion.model)

    @cached_property
    def encoder(self) -> Encoder:
        """The champion."""
        return self.opened.encoders.load(self.model)

    @cached_property
    def queries(self) -> list[str]:
        """The learnable queries, each once."""
        return distinct_queries(self.learnable)

    @cached_property
    def query_vectors(self) -> NDArray[np.float32]:
        """The champion's vectors of `queries`, (queries, dimensions)."""
        return self.encoder.encode(self.queries, progress=self.opened.progress)

    @cached_property
    def searched(self) -> Corpus:
        """The corpus or, of a large one, what BM25 finds for the queries and some more."""
        if len(self.corpus) <= _SEARCHED:
            return self.corpus
        found = self.corpus.lexical.best(self.queries, _NEIGHBOURS)[0].ravel().tolist()
        rows = list(dict.fromkeys(row for row in found if row >= 0))
        others = set(range(len(self.corpus))) - set(rows)
        texts = self.corpus.documents
        rows += sorted(others, key=lambda row: hash_share(0, "searched", texts[row].id))
        return Corpus(texts[row] for row in rows[:_SEARCHED])

    @cached_property
    def document_vectors(self) -> NDArray[np.float32]:
        """The champion's vectors of what is searched, (documents, dimensions)."""
        texts = self.searched.texts
        return self.encoder.encode(texts, kind="document", progress=self.opened.progress)

    def search(self, queries: Sequence[str], k: int) -> NDArray[np.integer]:
        """Return the rows in `corpus` of the champion's first k documents, (queries, k)."""
        encoder = self.encoder
        places, _ = nearest(
            encoder.encode(queries, progress=self.opened.progress),
            self.document_vectors,
            depth=k,
            rows_at_once=_ROWS_AT_ONCE,
            similarity=encoder.similarity,
        )
        rows = [self.corpus.row_of_text(text) for text in self.searched.texts]
        return np.array(rows, dtype=np.int64)[places]


def with_shown(documents: list[Document], served: Sequence[ServedQuery]) -> list[Document]:
    """Return documents and, behind them, texts that a log shows and that are none of them.

    Examples
    --------
    >>> from training.unlabelled import Shown
    >>> log = [ServedQuery("hours", shown=(Shown(id="7", text="At nine"), Shown(text="Block it.")))]
    >>> [each.text for each in with_shown([Document("7", "At ten")], log)]
    ['At ten', 'Block it.']
    """
    ids = {each.id for each in documents}
    texts = {normalised(each.whole) for each in documents}
    found: dict[str, Document] = {}
    for each in (shown for line in served for shown in line.shown if shown.text):
        key = normalised(each.text)
        if each.id not in ids and key not in texts and key not in found:
            name = each.id or f"shown-{int(hash_share(0, key) * 2**52):x}"
            found[key] = Document(name, each.text)
    return [*documents, *found.values()]


def served_after(champion: VersionFolder, window: Window) -> int:
    """Return the sequence number up to which a champion has learned from the served log.

    A first version has learned nothing of it, also where it was the first reference.
    """
    return window.after if champion.facts().parent is not None else 0


def kinds_of(
    material: Material, reserved: Reserved, excluded: Collection[str]
) -> Iterator[Derived]:
    """Yield the pairs of each kind that is switched on.

    Parameters
    ----------
    material
        What they are made of.
    reserved
        What no pair may be made of.
    excluded
        Kinds that a person excluded.
    """
    tables = material.opened.settings.tables
    makers: dict[str, Callable[[], Derived]] = {
        "feedback": lambda: tables.feedback.derive(
            material.served, material.documents, tables.holdout
        ),
        "consensus": lambda: tables.consensus.derive(
            material.queries,
            material.searched,
            material.query_vectors,
            material.document_vectors,
            material.encoder.similarity,
            reserved,
        ),
        "structure": lambda: tables.structure.derive(material.corpus, reserved),
        "reformulation": lambda: tables.reformulation.derive(
            material.served, material.corpus, reserved
        ),
        "generated": lambda: tables.generate.derive(
            material.corpus,
            reserved,
            material.queries,
            material.search,
            answers_folder(material.opened.settings),
            material.opened.progress,
        ),
    }
    for kind in KINDS:
        if kind in excluded:
            yield Derived(kind, reason="excluded (`anchorhold discard`)")
        elif kind == "generated" and not tables.generate.enabled:
            yield Derived(kind, reason="generate.url is not set")
        elif not table_of(tables, kind).enabled:
            yield Derived(kind, reason=f"{kind}.enabled is false")
        else:
            yield makers[kind]()


def table_of(tables: Tables, kind: str) -> Kind:
    """Return the worker that makes the pairs of a kind."""
    worker: Kind = tables.generate if kind == "generated" else getattr(tables, kind)
    return worker


def answers_folder(settings: Settings) -> Path:
    """Return where the answers of a language model are cached."""
    return settings.state / "cache" / "generated"


def excluded_kinds(store: Store) -> frozenset[str]:
    """Return the kinds of derived pairs that a person excluded by `discard --source`."""
    names: set[str] = set()
    for each in store.discards():
        if each.kind == "source" and each.name in KINDS:
            (names.add if each.action == "discard" else names.discard)(each.name)
    return frozenset(names)
