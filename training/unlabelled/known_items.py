"""The proxy of known items: documents that must be found by a part of themselves."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass as plain_dataclass

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs import hash_share, normalised
from training.settings import SETTINGS
from training.unlabelled.corpus import Corpus
from training.unlabelled.document import Document
from training.unlabelled.lexical import words_of
from training.unlabelled.passages import Repeats, beginning, by_hash, shortened, without
from training.unlabelled.proxy import Proxy, further_rows, proxy_task

NAME = "proxy/known-items"
_NEIGHBOURS = 6
# ISO 639-1 codes of languages into which sites are often translated.
_LANGUAGES = re.compile(
    "ar|bg|bn|ca|cs|cy|da|de|el|en|es|et|eu|fa|fi|fil|fr|ga|gl|he|hi|hr|hu|id|is|it|ja|ko|lt|lv|ms"
    "|nb|nl|nn|no|pl|pt|ro|ru|sk|sl|sq|sr|sv|sw|ta|te|th|tr|uk|ur|vi|zh"
)
_PARTS = re.compile(r"[^\W_]+|[\W_]")


@dataclass(frozen=True, config=SETTINGS)
class KnownItems:
    """Ask for documents by their title or by words of one of their sentences.

    Who looks for a document that they know types what they remember of it. Such queries can be made
    from the document itself, and rank retrieval systems as judged ones do (Azzopardi, de Rijke and
    Balog 2007). The query is the title; without one it is a part of a sentence, which the document
    then lacks; a document of one sentence stays whole.

    The documents never give pairs. A hash of the id decides, so that a document is on the same side
    for ever. Translations with the same id or address but for the language share a side, and
    documents with near duplicates are not asked for.

    Examples
    --------
    >>> from training.unlabelled import Document
    >>> text = "We block it at once, day or night. A new card comes by post within {} days."
    >>> many = [Document(str(n), text.format(n), f"Lost card {n}") for n in range(100)]
    >>> len(KnownItems().protected(many)) in range(5, 30)
    True
    """

    share: float = Field(default=0.2, gt=0.0, le=0.5)
    """Share of the documents that are kept for measuring."""
    queries: int = Field(default=300, ge=1)
    """Largest number of queries."""
    minimum: int = Field(default=30, ge=1)
    """Smallest number of queries; with fewer there is no set."""
    documents: int = Field(default=1500, ge=1)
    """Largest number of documents to search in."""
    words: int = Field(default=12, ge=2)
    """Words of a sentence, one after the other, out of which a query is made."""
    kept: float = Field(default=0.7, gt=0.0, le=1.0)
    """Share of them that the query keeps; of all words where the document stays whole."""
    reach: int = Field(default=100, ge=20)
    """Words from the start of a document among which sentences are taken; models cut long texts."""
    minimum_words: int = Field(default=5, ge=1)
    """Words that a sentence needs to become a query."""
    minimum_rest: int = Field(default=8, ge=1)
    """Words that must remain in the document."""
    similarity: float = Field(default=0.7, gt=0.0, le=1.0)
    """Share of their words that two documents have in common from which neither is asked for."""
    seed: int = 0
    """Seed of the hash."""

    def holds(self, document: Document) -> bool:
        """Return whether a document is kept for measuring."""
        return hash_share(self.seed, "known item", _family(document)) < self.share

    def protected(self, documents: Iterable[Document]) -> frozenset[str]:
        """Return the ids of the documents that must never give pairs."""
        return frozenset(each.id for each in documents if self.holds(each))

    def make(self, corpus: Corpus, queries: Sequence[str] = ()) -> Proxy:
        """Return the proxy.

        Parameters
        ----------
        corpus
            The documents.
        queries
            What was asked, each once. Documents that no query leads to are preferred: the others
            are known by better evidence.
        """
        held = [row for row, same in enumerate(corpus.groups) if all(map(self.holds, same))]
        led = set(corpus.lexical.best(queries, 1)[0][:, 0].tolist()) if queries else set()
        order = by_hash(corpus, held, f"{self.seed} known items", len(held))
        order.sort(key=led.__contains__)
        repeats = Repeats.of(corpus)
        items: list[_Item] = []
        short = 0
        for row in order:
            item = self._item(corpus, row, repeats)
            short += item is None
            if item is not None:
                items.append(item)
            if len(items) == 2 * self.queries:
                break
        single = self._single(corpus, items)[: self.queries]
        reason = f"{len(single)} queries from {len(held)} of {len(corpus)} documents" + (
            f"; too short: {short}" if short else ""
        )
        if len(single) < self.minimum:
            return Proxy(None, len(held), f"{reason}; at least {self.minimum} are needed")
        asked = {item.query: item.rest for item in single}
        others = self._others(corpus, single)
        return Proxy(proxy_task(NAME, asked, others, seed=self.seed), len(held), reason)

    def _item(self, corpus: Corpus, row: int, repeats: Repeats) -> "_Item | None":
        document = corpus.documents[row]
        title, text = document.title, document.text.strip()
        own = [each for each in beginning(text, self.reach) if repeats.count(each) < 2]
        if title and repeats.count(title) < 2 and self._enough(own):
            bare = text[len(title) :] if text.startswith(title) else text
            return _Item(row, title, bare.strip())
        long = [each for each in own if len(words_of(each)) >= self.minimum_words]
        seed = f"{self.seed} known item {document.id}"
        for each in sorted(long, key=lambda each: hash_share(self.seed, document.id, each)):
            if self._enough([other for other in own if other != each]):
                query = shortened(each, self.kept, seed, self.words)
                return _Item(row, query, without(Document("", document.text), [each]))
        if long:
            return _Item(row, shortened(text, self.kept, seed), text)
        return None

    def _enough(self, sentences: Sequence[str]) -> bool:
        return sum(len(words_of(each)) for each in sentences) >= self.minimum_rest

    def _single(self, corpus: Corpus, items: Sequence["_Item"]) -> list["_Item"]:
        """Return the items whose document has no near duplicate and whose query is used once."""
        texts = corpus.texts
        near, _ = corpus.lexical.best([texts[item.row] for item in items], _NEIGHBOURS)
        seen: set[str] = set()
        single = []
        for item, rows in zip(items, near.tolist(), strict=True):
            words = set(words_of(texts[item.row]))
            others = (set(words_of(texts[row])) for row in rows if row not in (item.row, -1))
            alike = any(
                len(words & other) >= self.similarity * len(words | other) for other in others
            )
            if not alike and (key := normalised(item.query)) not in seen:
                seen.add(key)
                single.append(item)
        return single

    def _others(self, corpus: Corpus, items: Sequence["_Item"]) -> dict[str, str]:
        """Return further documents by id: those that share words with queries, and some of all."""
        taken = {item.row for item in items}
        near, _ = corpus.lexical.best([item.query for item in items], _NEIGHBOURS)
        wanted = max(0, self.documents - len(items))
        rows = further_rows(corpus, [near], taken, wanted, self.seed)
        # Without their titles, which the documents asked for lack too.
        return {
            corpus.documents[row].id: corpus.documents[row].text or corpus.documents[row].title
            for row in rows
        }


@plain_dataclass(frozen=True)
class _Item:
    """A document to be found."""

    row: int
    """Its row in the corpus."""
    query: str
    """What it is asked by."""
    rest: str
    """What remains of it."""


def _family(document: Document) -> str:
    """Return the address or id of a document without the language, the same for translations."""
    name = document.url or document.id
    parts = [part for part in _PARTS.findall(name.lower()) if not _LANGUAGES.fullmatch(part)]
    kept = "".join(parts).strip("/._-:?=&")
    return kept if any(part.isalnum() for part in parts) else name
