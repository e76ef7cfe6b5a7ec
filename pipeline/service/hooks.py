"""What the service asks of others: who keeps what was served, and which version answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from training.faults import DataFault
from training.unlabelled import Shown

Arm = Literal["champion", "candidate"]
"""Which of the loaded versions answers a request."""

Taken = Literal["taken", "not sampled", "dropped"]
"""What becomes of feedback: it is kept; its query was left out of the log; the log is full."""


class UnknownQuery(DataFault):
    """Feedback names a query that was not answered here: HTTP status 404."""


class NotShown(DataFault):
    """Feedback names a result that the query was not shown: HTTP status 409."""


class Recorder(Protocol):
    """Keeps what was served.

    `record` is called on the request path and never waits for a disk. An exception of it is counted
    as a metric, and the answer is sent all the same.
    """

    def record(
        self,
        *,
        query: str,
        results: Sequence[Shown] | None,
        version: int,
        seconds: float,
        session: str,
        user: str,
        query_id: str,
    ) -> None:
        """Keep one query.

        Parameters
        ----------
        query
            What the user asked.
        results
            What was shown, from the first to the last; None: only its vector was asked for.
        version
            The version that answered.
        seconds
            How long the answer took.
        session, user
            As the request named them; "" where it did not.
        query_id
            Unique; feedback names it.
        """

    def feedback(
        self,
        *,
        query_id: str,
        clicked: Sequence[str] = (),
        feedback: Mapping[str, int] | None = None,
        answer: str = "",
    ) -> Taken:
        """Keep what a user did with the results of a query, and what was made of them.

        It may read the database: call it in a thread.

        Parameters
        ----------
        query_id
            As `record` was given it.
        clicked
            Ids of results, in the order of the clicks.
        feedback
            Id of a result -> 1 or -1.
        answer
            What a generating system answered with the results.

        Raises
        ------
        UnknownQuery
            No query of this id was answered.
        NotShown
            A click or rating names what the query was not shown.
        """

    def counts(self) -> Mapping[str, int]:
        """Return the numbers of the log by name, for the metrics; they only grow."""

    def close(self) -> None:
        """Write what is not written yet; called once, after the last request."""


@dataclass(frozen=True)
class Answered:
    """What one version answered: ids of its results, the best first, and how long it took."""

    results: Sequence[str]
    seconds: float


class Route(Protocol):
    """Divides the requests between the champion and a candidate."""

    def candidate(self) -> int | None:
        """Return the version that gets a share of the requests; None: there is none.

        The watcher calls it at each poll, off the request path.
        """

    def version(self, key: str) -> Arm:
        """Return which version answers the requests of a user, a session or a query."""

    def shadows(self, key: str) -> bool:
        """Return whether the candidate answers too, for the record only; nobody sees it."""

    def compare(self, key: str, champion: Answered, candidate: Answered) -> None:
        """Keep what both versions answered to the same query, where `shadows` asked for it."""


class NoRecorder:
    """Keeps nothing."""

    def record(
        self,
        *,
        query: str,
        results: Sequence[Shown] | None,
        version: int,
        seconds: float,
        session: str,
        user: str,
        query_id: str,
    ) -> None:
        """Keep nothing."""

    def feedback(
        self,
        *,
        query_id: str,
        clicked: Sequence[str] = (),
        feedback: Mapping[str, int] | None = None,
        answer: str = "",
    ) -> Taken:
        """Keep nothing."""
        return "not sampled"

    def counts(self) -> Mapping[str, int]:
        """Return no numbers."""
        return {}

    def close(self) -> None:
        """Write nothing."""


class ChampionOnly:
    """The champion answers everything."""

    def candidate(self) -> int | None:
        """Return None."""
        return None

    def version(self, key: str) -> Arm:
        """Return the champion."""
        return "champion"

    def shadows(self, key: str) -> bool:
        """Return False."""
        return False

    def compare(self, key: str, champion: Answered, candidate: Answered) -> None:
        """Keep nothing."""
