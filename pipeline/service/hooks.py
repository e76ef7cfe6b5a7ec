"""What the service asks of others: who keeps what was served, and which version answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from training.unlabelled import Shown

Arm = Literal["champion", "candidate"]
"""Which of the loaded versions answers a request."""


class Recorder(Protocol):
    """Keeps what was served. Its verbs are called on the request path: they never wait for a disk.

    An exception is counted as a metric, and the answer is sent all the same.
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
        self, *, query_id: str, clicked: Sequence[str], feedback: Mapping[str, int]
    ) -> None:
        """Keep what a user did with the results of a query.

        Parameters
        ----------
        query_id
            As `record` was given it.
        clicked
            Ids of results, in the order of the clicks.
        feedback
            Id of a result -> 1 or -1.
        """

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
        self, *, query_id: str, clicked: Sequence[str], feedback: Mapping[str, int]
    ) -> None:
        """Keep nothing."""

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
