"""Reformulation pairs: a query that led nowhere, and what its user clicked after asking again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs import Pair, normalised
from training.settings import SETTINGS
from training.unlabelled.corpus import Corpus
from training.unlabelled.derived import Derived, derived_id
from training.unlabelled.reserved import Reserved
from training.unlabelled.served_query import ServedQuery, Shown

KIND = "reformulation"
_RUN = 3  # characters of the runs by which two queries are compared


@dataclass(frozen=True, config=SETTINGS)
class Reformulation:
    """Pair a query without a click with the document clicked after the same user asked again.

    Who clicks nothing and asks again within minutes in other words did not find at first what they
    wanted (query reformulation: Huang and Efthimiadis 2009). So the first query, in words that the
    search did not understand, and the document found at last belong together. The two queries must
    share some runs of characters or some results, otherwise the user asks for something else.

    Examples
    --------
    >>> from training.unlabelled import Document, Shown
    >>> log = [
    ...     ServedQuery("card gone", (Shown("9"),), session="s", timestamp=0.0),
    ...     ServedQuery("lost card", (Shown("7"),), clicked=("7",), session="s", timestamp=40.0),
    ... ]
    >>> corpus = Corpus([Document("7", "We block it."), Document("9", "Opening hours")])
    >>> [(pair.query, pair.positive) for pair in Reformulation().derive(log, corpus).pairs]
    [('card gone', 'We block it.')]
    """

    enabled: bool = True
    """Whether pairs are made."""
    share: float = Field(default=0.5, gt=0.0, le=1.0)
    """Largest share of the derived pairs."""
    minutes: float = Field(default=5.0, gt=0.0)
    """Longest time between the two queries, in minutes."""
    alike: float = Field(default=0.15, ge=0.0, le=1.0)
    """Share of the runs of three characters that the queries must have in common (Jaccard)."""
    per_document: int = Field(default=8, ge=1)
    """Largest number of pairs with the same document."""
    per_user: int = Field(default=20, ge=1)
    """Largest number of pairs from one user, or from one session where no user is given."""

    def derive(
        self, log: Iterable[ServedQuery], corpus: Corpus, reserved: Reserved | None = None
    ) -> Derived:
        """Return the pairs, the earliest first.

        Parameters
        ----------
        log
            What was asked, in any order; lines without time, or without session and user, give no
            pair.
        corpus
            The documents, which clicks name by id or text.
        reserved
            What no pair may be made of.
        """
        reserved = reserved or Reserved()
        kept: dict[str, Pair] = {}
        left: Counter[str] = Counter()
        given: Counter[str] = Counter()
        considered = 0
        for first, second in self._followed(log):
            considered += 1
            row = _clicked(second, corpus)
            if reserved.query(first.query):
                left["the query is held out"] += 1
            elif row is None:
                left["the clicked document is unknown"] += 1
            elif any(map(reserved.document, corpus.ids[row])):
                left["the document is kept for measuring"] += 1
            elif row == corpus.row_of_text(first.query):
                left["the query repeats the document"] += 1
            else:
                positive = corpus.documents[row].whole
                name = derived_id(KIND, first.query, positive)
                caps = {f"document {row}": self.per_document, f"user {_who(first)}": self.per_user}
                if name not in kept and all(given[each] < most for each, most in caps.items()):
                    given.update(caps.keys())
                    kept[name] = Pair(
                        name, first.query, positive, source=KIND, timestamp=first.timestamp
                    )
                else:
                    left["repeated, or beyond a cap"] += 1
        causes = "; ".join(f"{cause}: {count}" for cause, count in sorted(left.items()))
        reason = f"{len(kept)} of {considered} queries asked again gave a pair"
        return Derived(
            KIND, tuple(kept.values()), considered, "; ".join(filter(None, (reason, causes)))
        )

    def _followed(self, log: Iterable[ServedQuery]) -> Iterator[tuple[ServedQuery, ServedQuery]]:
        """Yield (query without click, the next one of the same user with a click), by time."""
        visits: dict[tuple[str, str], list[ServedQuery]] = defaultdict(list)
        for each in log:
            if (
                (each.session or each.user)
                and each.timestamp is not None
                and normalised(each.query)
            ):
                visits[each.user, each.session].append(each)
        found = [
            pair for visit in visits.values() for pair in self._in_visit(sorted(visit, key=_when))
        ]
        yield from sorted(found, key=lambda pair: (_when(pair[0]), _when(pair[1])))

    def _in_visit(self, visit: Sequence[ServedQuery]) -> Iterator[tuple[ServedQuery, ServedQuery]]:
        waiting: list[ServedQuery] = []
        for each in visit:
            near = [first for first in waiting if self._near(first, each)]
            if not _pleased(each):
                waiting = [*near, each]
                continue
            if each.clicked:
                yield from ((first, each) for first in near if self._same_wish(first, each))
            waiting = []

    def _near(self, first: ServedQuery, second: ServedQuery) -> bool:
        return (second.timestamp or 0.0) - (first.timestamp or 0.0) <= 60 * self.minutes

    def _same_wish(self, first: ServedQuery, second: ServedQuery) -> bool:
        """Return whether two different queries ask for the same thing."""
        keys = normalised(first.query), normalised(second.query)
        if keys[0] == keys[1]:
            return False
        runs, others = ({key[i : i + _RUN] for i in range(max(1, len(key) - 2))} for key in keys)
        shown = set(map(_name, first.shown)) & set(map(_name, second.shown))
        return bool(shown) or len(runs & others) >= self.alike * len(runs | others)


def _when(each: ServedQuery) -> tuple[float, str, str]:
    return each.timestamp or 0.0, each.id, each.query


def _who(each: ServedQuery) -> str:
    return each.user or f"in session {each.session}"


def _pleased(each: ServedQuery) -> bool:
    return bool(each.clicked) or any(vote > 0 for _, vote in each.feedback)


def _name(result: Shown) -> str:
    return result.id or normalised(result.text)


def _clicked(served: ServedQuery, corpus: Corpus) -> int | None:
    """Return the row of the last document clicked, on which the search ended."""
    name = served.clicked[-1]
    row = corpus.row(name)
    if row is not None:
        return row
    shown = {each.id: each.text for each in served.shown if each.id and each.text}
    return corpus.row_of_text(shown.get(name, name))
