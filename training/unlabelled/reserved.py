"""What is kept for measuring: queries and documents that never give pairs."""

from dataclasses import dataclass

from training.pairs import HoldOut, normalised


@dataclass(frozen=True)
class Reserved:
    """Queries and documents that no pair may be made of.

    Examples
    --------
    >>> reserved = Reserved(documents=frozenset({"7"}), queries=frozenset({"lost card"}))
    >>> reserved.document("7"), reserved.query("Lost card?"), reserved.query("opening hours")
    (True, True, False)
    """

    documents: frozenset[str] = frozenset()
    """Ids of the documents."""
    hold_out: HoldOut | None = None
    """Decides which queries are held out; None: none are."""
    queries: frozenset[str] = frozenset()
    """Normalised texts of further queries, such as those of evaluation sets."""

    def query(self, text: str) -> bool:
        """Return whether a text may not be the query of a pair."""
        held = self.hold_out is not None and self.hold_out.holds(text)
        return held or normalised(text) in self.queries

    def document(self, name: str) -> bool:
        """Return whether the document of this id may not be part of a pair."""
        return name in self.documents
