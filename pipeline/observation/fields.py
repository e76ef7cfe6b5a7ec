"""Which fields the records of a window lack, beside those that the champion knows."""

from collections.abc import Mapping, Sequence

from drift_triggers.signal import FieldFacts
from pipeline.observation.served import Answered
from pipeline.store import Traffic
from training.pairs import Pair
from training.unlabelled import ServedQuery

_TEXTS = ("id", "source", "timestamp", "session", "user")
_PAIRS = ("negative", "source", "timestamp")
_LOG = ("shown", "clicked", "feedback", "answer", "source", "session", "user", "timestamp")
_COSTS = ("version", "seconds")

Records = Sequence[Traffic] | Sequence[Pair] | Sequence[ServedQuery]


def lacking(fields: Sequence[str], known: Records, recent: Records) -> FieldFacts:
    """Count the records without each field; fields that no record has are left out.

    Examples
    --------
    >>> known, recent = [Traffic("a", source="app")] * 2, [Traffic("b")]
    >>> lacking(("source", "user"), known, recent)
    FieldFacts(known=2, recent=1, missing={'source': (0, 1)})
    """
    counted = {name: tuple(_without(name, side) for side in (known, recent)) for name in fields}
    missing = {
        name: (before, now)
        for name, (before, now) in counted.items()
        if before + now < len(known) + len(recent)
    }
    return FieldFacts(len(known), len(recent), missing)


def fields_of(
    texts: tuple[Sequence[Traffic], Sequence[Traffic]],
    pairs: tuple[Sequence[Pair], Sequence[Pair]],
    answered: Answered,
    documents: FieldFacts | None,
) -> Mapping[str, FieldFacts]:
    """Return kind of records -> which fields they lack; kinds without records are left out.

    Parameters
    ----------
    texts, pairs
        Known and recent ones.
    answered
        The served log.
    documents
        Counted in the store; None where there are none.
    """
    found = {
        "texts": lacking(_TEXTS, *texts),
        "pairs": lacking(_PAIRS, *pairs),
        "documents": documents or FieldFacts(0, 0),
        "log": lacking((*_LOG, *_COSTS), answered.before, answered.recent),
    }
    return {kind: each for kind, each in found.items() if each.known or each.recent}


def _without(name: str, records: Records) -> int:
    return sum(getattr(each, name) in ("", None, ()) for each in records)
