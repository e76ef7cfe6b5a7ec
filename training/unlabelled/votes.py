"""Votes: the lines of a served log as evidence, one vote per user and query, floods capped."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field

import numpy as np
import scipy
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs import hash_share, normalised
from training.settings import SETTINGS
from training.unlabelled.document import Document
from training.unlabelled.propensities import Impressions
from training.unlabelled.served_query import ServedQuery, Shown

_POSITIONS = 100
"""Positions that are told apart; nobody pages further for an answer."""
_REPEATS = 20
"""Lines of one user with one query that are read; together they are one vote."""
_BY_CHANCE = 1e-6
"""How improbable a user's number of clicks must be for a person."""


@plain_dataclass(frozen=True, eq=False)
class Votes:
    """What users did with what was shown."""

    results: tuple[tuple[str, str], ...]
    """(query, document) of each result, both as the keys of `queries` and `documents`."""
    impressions: Impressions
    """What was shown where clicks are recorded."""
    ratings: np.ndarray[tuple[int], np.dtype[np.float64]]
    """(results,): votes for it less votes against it."""
    contradicted: frozenset[int]
    """Results that were rated both ways, with no majority."""
    queries: Mapping[str, str]
    """Query as it counts -> its text."""
    documents: Mapping[str, str]
    """Document as it counts -> its text."""
    skips: Mapping[int, tuple[int, ...]]
    """Result that was clicked -> results of the same lists that were passed over for it."""
    lines: int = 0
    """Lines that count."""
    users: int = 0
    """Users of these lines, or sessions where the user is unknown."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What was left out -> how many."""


@dataclass(frozen=True, config=SETTINGS)
class Ballot:
    """Count the lines of a log as votes.

    Examples
    --------
    >>> corpus = [Document("1", "Call us."), Document("2", "Opening hours.")]
    >>> shown = (Shown("2"), Shown("1"))
    >>> lines = [ServedQuery("I lost my card", shown, clicked=("1",), user="ada")] * 3
    >>> votes = Ballot().count(lines, corpus)
    >>> votes.impressions.weight.sum().round(6), [votes.results[i][1] for i in votes.skips]
    (np.float64(2.0), ['call us'])
    """

    user_share: float = Field(default=0.1, gt=0.0, le=1.0)
    """Largest share of all votes that one user has; a log of few users allows twice a fair share.
    """
    queries_per_minute: int = Field(default=30, ge=5)
    """Queries within a minute from which the session of a user is a program's."""
    clicks_ratio: float = Field(default=4.0, gt=1.0)
    """How many times the clicks of other users, at the same positions, only a program makes."""

    def count(self, served: Sequence[ServedQuery], documents: Sequence[Document]) -> Votes:
        """Return the votes of a log.

        Parameters
        ----------
        served
            Lines of the log, oldest first.
        documents
            The corpus: ids in the log are those of its documents.
        """
        book = _Book({each.id: each.whole for each in documents})
        recorded = {line.source for line in served if line.clicked}
        lines = [line for line in served if line.source in recorded or line.feedback]
        kept = self.people(lines)
        book.left_out["lines of programs"] = len(lines) - len(kept)
        keys = {text: normalised(text) for text in {line.query for line, _ in kept}}
        repeats = Counter((voter, keys[line.query]) for line, voter in kept)
        cast = self._within_share(list(repeats))
        entered: Counter[tuple[str, str]] = Counter()
        for line, voter in kept:
            vote = (voter, keys[line.query])
            entered[vote] += 1
            if vote not in cast:
                book.left_out["lines beyond the share of a user"] += 1
            elif entered[vote] <= _REPEATS:
                weight = 1.0 / min(repeats[vote], _REPEATS)
                book.enter(line, voter, weight, clicks=line.source in recorded)
        return book.closed(len(kept), len({voter for _, voter in kept}))

    def people(self, lines: Sequence[ServedQuery]) -> list[tuple[ServedQuery, str]]:
        """Return the lines of people, each with who votes by it; programs are left out."""
        voters = [_voter(line, place) for place, line in enumerate(lines)]
        programs = self._programs(lines, voters)
        both = zip(lines, voters, strict=True)
        return [(line, voter) for line, voter in both if voter not in programs]

    def _within_share(self, votes: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return (voter, query) of the votes that count, so that nobody has too large a share."""
        by_voter: dict[str, list[str]] = defaultdict(list)
        for voter, query in votes:
            by_voter[voter].append(query)
        counts = np.array([len(queries) for queries in by_voter.values()], dtype=float)
        largest = counts.max(initial=0.0)
        share = max(self.user_share, 2.0 / max(1, len(counts)))
        # The cap falls until it is the share of what is left; at a share of 1 it never binds.
        for _ in range(100):
            largest = min(largest, max(1.0, share * np.minimum(counts, largest).sum()))
        found: set[tuple[str, str]] = set()
        for voter, queries in by_voter.items():
            if len(queries) > largest:
                queries.sort(key=lambda query: hash_share(0, "vote", query))
            found.update((voter, query) for query in queries[: int(largest)])
        return found

    def _programs(self, lines: Sequence[ServedQuery], voters: Sequence[str]) -> set[str]:
        """Return the voters that ask or click as no person does."""
        return self._too_fast(lines, voters) | self._too_many_clicks(lines, voters)

    def _too_fast(self, lines: Sequence[ServedQuery], voters: Sequence[str]) -> set[str]:
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        for line, voter in zip(lines, voters, strict=True):
            if line.timestamp is not None:
                times[voter, line.session].append(line.timestamp)
        # Where a log is dated by the minute, the day or not at all, pace says nothing.
        if not any(time % 60 for each in times.values() for time in each[:10]):
            return set()
        found = set()
        for (voter, _), each in times.items():
            ordered = np.sort(each)
            pace = self.queries_per_minute
            if len(ordered) > pace and (ordered[pace:] - ordered[:-pace] <= 60).any():
                found.add(voter)
        return found

    def _too_many_clicks(self, lines: Sequence[ServedQuery], voters: Sequence[str]) -> set[str]:
        shown: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
        clicks: Counter[str] = Counter()
        for line, voter in zip(lines, voters, strict=True):
            if voter not in shown:
                shown[voter] = np.zeros(2 * _POSITIONS)
            clicked = set(line.clicked)
            for place, result in enumerate(line.shown[:_POSITIONS]):
                shown[voter][place] += 1
                if _names(result) & clicked:
                    shown[voter][_POSITIONS + place] += 1
                    clicks[voter] += 1
        if not shown:
            return set()
        table = np.stack(list(shown.values()))
        seen, hit = table[:, :_POSITIONS], table[:, _POSITIONS:]
        # Each user counts once for the rate of a position, so that a flood does not make it.
        rates = np.divide(hit, seen, out=np.zeros_like(seen), where=seen > 0).sum(axis=0)
        rates = rates / np.maximum(1, (seen > 0).sum(axis=0))
        expected = dict(zip(shown, seen @ rates, strict=True))
        return {
            voter
            for voter, count in clicks.items()
            if count > self.clicks_ratio * expected[voter]
            and scipy.stats.poisson.sf(count - 1, expected[voter]) < _BY_CHANCE
        }


class _Book:
    """The votes while lines are entered."""

    def __init__(self, corpus: Mapping[str, str]) -> None:
        self._corpus = corpus
        self._numbers: dict[tuple[str, str], int] = {}
        # Plain arrays: a log has millions of these.
        self._result, self._position = array("q"), array("q")
        self._clicked, self._weight = array("b"), array("d")
        self._rated: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        self._skips: dict[int, set[int]] = defaultdict(set)
        self._keys: dict[str, str] = {}
        self._queries: dict[str, str] = {}
        self._documents: dict[str, str] = {}
        self.left_out: Counter[str] = Counter()

    def enter(self, line: ServedQuery, voter: str, weight: float, *, clicks: bool) -> None:
        """Enter one line; its ratings count, and its clicks where they are recorded."""
        query = self._key(line.query)
        self._queries.setdefault(query, line.query)
        numbers: dict[str, int] = {}
        listed: list[tuple[int, int]] = []
        for position, result in enumerate(line.shown[:_POSITIONS]):
            number = self._number(query, result)
            if number is None:
                self.left_out["results of unknown ids"] += 1
            else:
                if number not in numbers.values():
                    listed.append((position, number))
                numbers |= dict.fromkeys(_names(result), number)
        rated = self._enter_ratings(line, voter, query, numbers)
        if clicks:
            self._enter_clicks(line, weight, numbers, listed, rated)

    def _enter_ratings(
        self, line: ServedQuery, voter: str, query: str, numbers: Mapping[str, int]
    ) -> dict[int, int]:
        found = {}
        for name, vote in line.feedback:
            number = numbers.get(name)
            if number is None:
                number = self._number(query, Shown(id=name))
            if number is None:
                self.left_out["ratings of unknown ids"] += 1
                continue
            self._rated[number][voter].add(vote)
            found[number] = vote
        return found

    def _enter_clicks(
        self,
        line: ServedQuery,
        weight: float,
        numbers: Mapping[str, int],
        listed: Sequence[tuple[int, int]],
        rated: Mapping[int, int],
    ) -> None:
        missing = [name for name in line.clicked if name not in numbers]
        kind = "clicks on what was not shown" if line.shown else "clicks without results"
        self.left_out[kind] += len(missing)
        # Who rated a result down did not mean the click on it.
        clicked = {numbers[name] for name in line.clicked if name in numbers}
        meant = {number for number in clicked if rated.get(number, 1) > 0}
        self.left_out["clicks that a rating takes back"] += len(clicked) - len(meant)
        for place, (position, number) in enumerate(listed):
            if number in clicked - meant:
                continue
            self._result.append(number)
            self._position.append(position)
            self._clicked.append(number in meant)
            self._weight.append(weight)
            if number in meant:
                above = {other for _, other in listed[:place]}
                below = {other for _, other in listed[place + 1 : place + 2]}
                self._skips[number] |= (above | below) - clicked

    def _number(self, query: str, result: Shown) -> int | None:
        text = self._corpus.get(result.id) or result.text
        if not text:
            return None
        document = self._key(text)
        self._documents.setdefault(document, text)
        return self._numbers.setdefault((query, document), len(self._numbers))

    def _key(self, text: str) -> str:
        key = self._keys.get(text)
        if key is None:
            key = self._keys[text] = normalised(text)
        return key

    def closed(self, lines: int, users: int) -> Votes:
        """Return the votes."""
        ratings, contradicted = np.zeros(len(self._numbers)), set()
        for number, by in self._rated.items():
            single = [next(iter(each)) for each in by.values() if len(each) == 1]
            self.left_out["contradicting ratings"] += len(by) - len(single)
            ratings[number] = sum(single)
            if not ratings[number]:
                contradicted.add(number)
                self.left_out["contradicting ratings"] += len(single)
        return Votes(
            results=tuple(self._numbers),
            impressions=Impressions(
                np.array(self._result, dtype=np.int64),
                np.array(self._position, dtype=np.int64),
                np.array(self._clicked, dtype=bool),
                np.array(self._weight, dtype=np.float64),
            ),
            ratings=ratings,
            contradicted=frozenset(contradicted),
            queries=self._queries,
            documents=self._documents,
            skips={number: tuple(sorted(each)) for number, each in self._skips.items()},
            lines=lines,
            users=users,
            left_out={what: count for what, count in self.left_out.items() if count},
        )


def _voter(line: ServedQuery, place: int) -> str:
    """Return who votes: the user, else the session, else each line for itself."""
    return f"u {line.user}" if line.user else f"s {line.session}" if line.session else f"l {place}"


def _names(result: Shown) -> set[str]:
    """Return what clicks and feedback may call a result."""
    return {result.id} if result.id else {result.text}
