"""Derived pairs: what a cycle made of documents and served logs, in counts."""

from pydantic import Field

from pipeline.results.decision import HeadroomResult
from pipeline.results.result import Result


class DerivedKind(Result):
    """The pairs of one kind, such as "consensus".

    Attributes
    ----------
    kind
        Its name; it is the source of its pairs.
    considered
        Queries or documents that could have given a pair.
    made
        Pairs that were made.
    screened
        Pairs among them that were taken out: by the screens, by the share of the kind, or because
        they repeat an evaluation query.
    used
        Pairs that are left to train on.
    reason
        The figures in one sentence, with why there are not more.
    """

    kind: str
    considered: int = 0
    made: int = 0
    screened: int = 0
    used: int = 0
    reason: str = ""


class DerivedResult(Result):
    """What a cycle made without labels.

    Attributes
    ----------
    queries, documents
        Served queries, and documents, that it was made from.
    kinds
        One per kind of pairs; empty where labelled pairs are enough.
    proxies
        Name -> number of queries of each evaluation set that was made without labels.
    headroom
        Whether tuning can help, now that the documents have vectors; None where no pairs were made.
    notes
        Sentences on what was screened out and what could not be made.
    """

    queries: int = 0
    documents: int = 0
    kinds: tuple[DerivedKind, ...] = ()
    proxies: dict[str, int] = Field(default_factory=dict)
    headroom: HeadroomResult | None = None
    notes: tuple[str, ...] = ()

    @property
    def used(self) -> int:
        """Pairs of all kinds that are left to train on."""
        return sum(each.used for each in self.kinds)

    def told(self) -> str:
        """Return, as part of a sentence, which kinds gave how many pairs and why not more.

        Examples
        --------
        >>> kinds = (DerivedKind(kind="structure", used=3), DerivedKind(kind="feedback"))
        >>> DerivedResult(kinds=kinds).told()
        'structure 3, feedback 0'
        """
        return ", ".join(
            f"{each.kind} {each.used}" + (f" ({each.reason})" if each.reason else "")
            for each in self.kinds
        )
