"""Structure pairs: the parts of a document that tell each other."""

from collections import Counter
from collections.abc import Iterable, Iterator

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs import Pair, hash_share, normalised
from training.settings import SETTINGS
from training.unlabelled.corpus import Corpus
from training.unlabelled.derived import Derived, derived_id
from training.unlabelled.document import Document
from training.unlabelled.lexical import words_of
from training.unlabelled.passages import Repeats, beginning, by_hash, shortened, without
from training.unlabelled.reserved import Reserved

KIND = "structure"


@dataclass(frozen=True, config=SETTINGS)
class Structure:
    """Pair the title of a document with its text, and a sentence with all others.

    A title, or the heading of a section, asks for what is below it. The first sentence of a text
    tells what the rest is about. A sentence out of the middle belongs to its surroundings (inverse
    cloze task: Lee, Chang and Toutanova 2019; crops: Izacard et al. 2022); words of it are deleted,
    so that a model cannot go by whole phrases alone. The positive never holds the sentence.

    Titles and sentences that several documents share (menus, licences, greetings) are never
    queries, and do not count as text.

    Examples
    --------
    >>> from training.unlabelled import Document
    >>> text = "We block it at once, day or night. A new card comes by post within five days."
    >>> derived = Structure(per_document=1).derive(Corpus([Document("7", text, "A lost card")]))
    >>> [(pair.query, pair.positive == text) for pair in derived.pairs]
    [('A lost card', True)]
    """

    enabled: bool = True
    """Whether pairs are made."""
    share: float = Field(default=0.3, gt=0.0, le=1.0)
    """Largest share of the derived pairs."""
    per_document: int = Field(default=2, ge=1)
    """Largest number of pairs per document: title, then first sentence, then crops."""
    maximum: int = Field(default=10_000, ge=1)
    """Largest number of documents that give pairs; which ones, a hash of their ids decides."""
    kept: float = Field(default=0.7, gt=0.0, le=1.0)
    """Share of the words of a crop that are kept."""
    reach: int = Field(default=100, ge=20)
    """Words from the start of a document among which sentences are taken; models cut long texts."""
    minimum_words: int = Field(default=4, ge=1)
    """Words that a sentence needs to become a query."""
    minimum_body: int = Field(default=8, ge=1)
    """Words that a text needs below its title."""
    minimum_rest: int = Field(default=12, ge=1)
    """Words that a text needs beside the sentence; what somebody says in two short sentences does
    not ask and answer."""
    repeated: int = Field(default=2, ge=2)
    """Number of documents with the same sentence or title from which it is no query."""

    def derive(self, corpus: Corpus, reserved: Reserved | None = None) -> Derived:
        """Return the pairs of each document.

        Parameters
        ----------
        corpus
            The documents.
        reserved
            What no pair may be made of.
        """
        reserved = reserved or Reserved()
        free = [
            row for row in range(len(corpus)) if not any(map(reserved.document, corpus.ids[row]))
        ]
        repeats = Repeats.of(corpus)
        pairs: list[Pair] = []
        ways: Counter[str] = Counter()
        read = gave = 0
        for row in by_hash(corpus, free, KIND, len(free)):
            if gave == self.maximum:
                break
            document = corpus.documents[row]
            made = 0
            for way, query, positive in self._ways(document, repeats):
                if made < self.per_document and not reserved.query(query):
                    name = derived_id(KIND, query, positive)
                    pairs.append(
                        Pair(name, query, positive, source=KIND, timestamp=document.timestamp)
                    )
                    ways[way] += 1
                    made += 1
            read += 1
            gave += made > 0
        counts = {
            "too short or repeated": read - gave,
            "kept for measuring": len(corpus) - len(free),
            "not needed": len(free) - read,
        }
        how = ", ".join(f"{count} by {way}" for way, count in sorted(ways.items()))
        parts = [
            f"{len(pairs)} pairs from {gave} of {len(corpus)} documents"
            + (f" ({how})" * bool(how)),
            *(f"{cause}: {count}" for cause, count in counts.items() if count),
        ]
        return Derived(KIND, tuple(pairs), len(corpus), "; ".join(parts))

    def _ways(self, document: Document, repeats: Repeats) -> Iterator[tuple[str, str, str]]:
        """Yield (way, query, positive) of a document, best first."""
        sentences = beginning(document.text, self.reach)
        own = [each for each in sentences if repeats.count(each) < self.repeated]
        body = document.text.strip()
        if (
            document.title
            and repeats.count(document.title) < self.repeated
            and not normalised(body).startswith(normalised(document.title))
        ):
            if _words(own) >= self.minimum_body:
                yield "title", document.title, body
        elif own and own[0] == sentences[0] and self._asks(own[0]) and self._rests(own[1:]):
            yield "first sentence", own[0], without(document, own[:1])
        later = [each for each in own if each != sentences[0] and self._asks(each)]
        for each in sorted(later, key=lambda each: hash_share(0, KIND, document.id, each)):
            if self._rests([other for other in own if other != each]):
                crop = shortened(each, self.kept, f"{KIND} {document.id}")
                yield "crop", crop, without(document, [each])

    def _asks(self, sentence: str) -> bool:
        return len(words_of(sentence)) >= self.minimum_words

    def _rests(self, sentences: list[str]) -> bool:
        return _words(sentences) >= self.minimum_rest


def _words(sentences: Iterable[str]) -> int:
    return sum(len(words_of(each)) for each in sentences)
