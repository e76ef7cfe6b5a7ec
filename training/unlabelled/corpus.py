"""The corpus: each text once, in an order of its own, with its lexical index."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from training.pairs import normalised
from training.unlabelled.document import Document
from training.unlabelled.lexical import LexicalIndex
from training.unlabelled.served_query import ServedQuery


class Corpus:
    """Documents as pairs and proxies are made from them: by id, each text once.

    Parameters
    ----------
    documents
        The newest version of each document, in any order; those without text are left out.

    Attributes
    ----------
    groups
        Per row, all documents with its text, by id.
    documents
        Per row, the first of them.
    ids
        Per row, the ids of all of them.

    Examples
    --------
    >>> corpus = Corpus([Document("b", "Opening hours"), Document("a", "opening hours.")])
    >>> corpus.texts, corpus.ids, corpus.row("b")
    (['opening hours.'], (('a', 'b'),), 0)
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        rows: dict[str, list[Document]] = defaultdict(list)
        for each in sorted(documents, key=lambda document: (document.id, document.whole)):
            if key := normalised(each.whole):
                rows[key].append(each)
        self.groups = tuple(map(tuple, rows.values()))
        self.documents = tuple(same[0] for same in self.groups)
        self.ids = tuple(tuple(each.id for each in same) for same in self.groups)
        self._by_text = {key: row for row, key in enumerate(rows)}

    def __len__(self) -> int:
        """Return the number of different texts."""
        return len(self.documents)

    @property
    def texts(self) -> list[str]:
        """Per row, the text that is embedded."""
        return [document.whole for document in self.documents]

    @cached_property
    def lexical(self) -> LexicalIndex:
        """The documents by their words."""
        return LexicalIndex(self.texts)

    @cached_property
    def _by_id(self) -> dict[str, int]:
        return {name: row for row, names in enumerate(self.ids) for name in names}

    def row(self, name: str) -> int | None:
        """Return the row of the document of this id; None: there is none."""
        return self._by_id.get(name)

    def row_of_text(self, text: str) -> int | None:
        """Return the row of a document of this text; None: there is none."""
        return self._by_text.get(normalised(text))


def distinct_queries(asked: Iterable[ServedQuery]) -> list[str]:
    """Return the texts of queries, each once, in an order that depends on nothing else.

    Examples
    --------
    >>> asked = [ServedQuery("lost card?"), ServedQuery("hours"), ServedQuery("Lost card")]
    >>> distinct_queries(asked)
    ['hours', 'Lost card']
    """
    texts: dict[str, str] = {}
    for each in asked:
        if key := normalised(each.query):
            texts[key] = min(texts.get(key, each.query), each.query)
    return [texts[key] for key in sorted(texts)]
