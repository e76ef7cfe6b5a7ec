"""The documents of a store as they were at one moment, read as often as they are needed."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from pipeline.store import Store
from training.pairs import hash_share
from training.unlabelled import Document


@dataclass(frozen=True)
class StoredDocuments:
    """The newest version of each document up to a sequence number, one after another.

    Attributes
    ----------
    store
        Where they are.
    cut
        The sequence number.
    """

    store: Store
    cut: int

    @classmethod
    def now(cls, store: Store) -> Self:
        """Return the documents that there are now."""
        return cls(store, store.last_document())

    def __iter__(self) -> Iterator[Document]:
        """Yield the documents in the order of their arrival, without holding all of them."""
        yield from self.store.each_document(self.cut)

    def sample(self, most: int) -> list[Document]:
        """Return at most as many documents as that, drawn by their ids alone, in their order."""
        drawn = heapq.nsmallest(most, self, key=lambda each: hash_share(0, "plan", each.id))
        return sorted(drawn, key=lambda each: each.id)

    def __len__(self) -> int:
        """Return the number of documents."""
        return self.store.count_documents(self.cut)
