"""The log of an application that answers by itself: results in the form in which it has them."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Self

from pipeline.intake.bad_record import shortened
from pipeline.service.hooks import Taken
from pipeline.service.query_log import QueryLog
from training.faults import DataFault
from training.unlabelled import Shown

Result = str | tuple[str, float] | Mapping[str, object] | Shown
"""An id, an id with its score, or an object with "id", "text" and "score", of which one may do."""


class QueryLogger:
    """Logs what an application answers; made by `Workspace.query_log`, usable from any thread.

    `record` and `feedback` wait for no disk: lines are written in batches, as `[log]` says. A query
    or its answer is redacted before it is written. Leaving the block writes all that waits.

    Examples
    --------
    >>> from pipeline import Workspace
    >>> with Workspace.open("support-search") as workspace:  # doctest: +SKIP
    ...     with workspace.query_log() as log:
    ...         id = log.record("where is my card", [("d7", 0.81), ("d2", 0.64)], version=3)
    ...         log.feedback(id, clicked=["d2"])
    'taken'
    """

    def __init__(self, log: QueryLog) -> None:
        self._log = log

    def __enter__(self) -> Self:
        """Return the log, which the end of the block closes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what waits, and close the log."""
        self.close()

    def record(
        self,
        query: str,
        results: Iterable[Result] | None = None,
        *,
        version: int | None = None,
        seconds: float | None = None,
        session: str = "",
        user: str = "",
        query_id: str | None = None,
    ) -> str:
        """Log one query and return its id, which feedback names.

        Parameters
        ----------
        query
            What the user asked.
        results
            What was shown, from the first to the last; None: unknown.
        version
            The version of the model that answered.
        seconds
            How long the answer took.
        session, user
            Which queries belong together.
        query_id
            An id of your own, unique in the log.

        Raises
        ------
        AnchorholdError
            A result is none.
        """
        id = uuid.uuid4().hex if query_id is None else query_id
        self._log.record(
            query=query,
            results=None if results is None else tuple(map(_shown, results)),
            version=version,
            seconds=seconds,
            session=session,
            user=user,
            query_id=id,
        )
        return id

    def feedback(
        self,
        query_id: str,
        *,
        clicked: Iterable[str] = (),
        feedback: Mapping[str, int] | None = None,
        answer: str = "",
    ) -> Taken:
        """Log what a user did with the results of a query, or what was made of them.

        Parameters
        ----------
        query_id
            As `record` returned it.
        clicked
            Ids of results, in the order of the clicks; texts of those without an id.
        feedback
            Id of a result -> 1 or -1.
        answer
            What a generating system answered with the results.

        Returns
        -------
        str
            "taken"; "not sampled" where the query is not in the log; "dropped" where the queue is
            full.

        Raises
        ------
        AnchorholdError
            There is no such query, or it was not shown what is named.
        """
        return self._log.feedback(
            query_id=query_id, clicked=tuple(clicked), feedback=feedback, answer=answer
        )

    def counts(self) -> Mapping[str, int]:
        """Return how many lines were written, and how many were not, by reason."""
        return self._log.counts()

    def flush(self, timeout: float | None = None) -> bool:
        """Write what waits; return whether it was written within so many seconds."""
        return self._log.flush(timeout)

    def close(self) -> None:
        """Write what waits, and close the log.

        Raises
        ------
        AnchorholdError
            Not all could be written; the message says how many lines are lost, and why.
        """
        self._log.close()


def _shown(result: Result) -> Shown:
    match result:
        case Shown():
            return result
        case str():
            return Shown(result)
        case (str(id), int() | float() as score):
            return Shown(id, score=float(score))
        case Mapping():
            named, text, given = (result.get(name) for name in ("id", "text", "score"))
            name = "" if named is None else str(named)
            if isinstance(text, str | None) and isinstance(given, int | float | None):
                found = Shown(name, text or "", None if given is None else float(given))
                if found.id or found.text:
                    return found
    raise DataFault(
        f"a result is {shortened(result)}; it must be an id, an id with its score, or an object "
        'with "id" or "text"'
    )
