"""The log of what was served: sampled, redacted, and written in batches off the request path."""

import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

from pipeline.intake import Intake
from pipeline.intake.live_lines import Later, LiveLog, is_plain
from pipeline.intake.redaction import Redaction
from pipeline.machine import private_folder
from pipeline.service.batches import Batches
from pipeline.service.hooks import NotShown, Taken, UnknownQuery
from pipeline.service.sampling import is_sampled
from pipeline.store import VECTORS_ONLY, Store, StoreUnusable
from pipeline.workspace import LogSettings, Settings, redaction_of
from training.unlabelled import ServedQuery, Shown

_REMEMBERED = 10_000
"""Queries whose results are kept at hand, besides those that wait."""
_LEFT_OUT = 100_000
"""Ids of queries that are not in the log, which feedback may still name."""
_LIMITS_HOLD = 3_600.0
"""Seconds after which the present, and whether there is a corpus, are asked for anew."""
_COUNTS = (
    *("written", "not_sampled", "dropped", "refused", "failed"),
    *("feedback", "feedback_dropped"),
)

logger = logging.getLogger(__name__)


class QueryLog:
    """Keeps what was served; a `Recorder` of the service, usable from any thread.

    Lines wait in a queue, from where one thread writes them into the store: as those of a file of
    `data.log`, each with its version and its time. A killed process loses what waits, which is what
    came in the last `flush_seconds`, and what the database did not take yet. `close` writes all.

    Parameters
    ----------
    store
        A store of its own, which it closes.
    settings
        What is kept, and how soon it is written.
    intake
        The limits of texts.
    redaction
        Applied to queries, answers, users and sessions before anything is written.
    taken_in
        What is taken out of all records, after that.
    source
        Where it was asked, and the name under which `status` counts the lines.
    clock
        Returns seconds since the epoch.

    Examples
    --------
    >>> from training.unlabelled import Shown
    >>> log = QueryLog(Store.open("sqlite://"), LogSettings())
    >>> log.record(query="mail ada@example.org", results=[Shown("d1", score=0.8)], version=3,
    ...            seconds=0.02, session="s1", user="", query_id="q1")
    >>> log.feedback(query_id="q1", clicked=["d1"])
    'taken'
    >>> log.flush()
    True
    >>> log.counts()["written"]
    1
    >>> log.close()
    """

    def __init__(
        self,
        store: Store,
        settings: LogSettings,
        intake: Intake | None = None,
        redaction: Redaction | None = None,
        taken_in: Redaction | None = None,
        *,
        source: str = "service",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._settings = store, settings
        self._intake, self._redaction = intake or Intake(), redaction or Redaction(settings.redact)
        self._taken_in = taken_in
        self._source, self._clock = source, clock
        self._known = threading.Lock()
        self._counts = Counter(dict.fromkeys(_COUNTS, 0))
        self._shown: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._left_out: OrderedDict[str, None] = OrderedDict()
        self._live: tuple[float, LiveLog] | None = None
        self._batches: Batches[ServedQuery | Later] = Batches(
            self._write,
            items=settings.flush_lines,
            seconds=settings.flush_seconds,
            most=settings.queue_lines,
        )

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        source: str = "service",
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open the log of a workspace.

        Raises
        ------
        AnchorholdError
            `log.redactor` is no function, or the store cannot be opened.
        """
        table = settings.tables.log
        private_folder(settings.state)
        redaction = redaction_of("log", table, settings.root, settings.state)
        store, intake = Store.open(settings.store_url), settings.tables.intake
        taken_in = settings.redaction
        return cls(store, table, intake, redaction, taken_in, source=source, clock=clock)

    def __enter__(self) -> Self:
        """Return the log, which the end of the block closes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what waits, and close the log."""
        self.close()

    def record(
        self,
        *,
        query: str,
        results: Sequence[Shown] | None,
        version: int | None,
        seconds: float | None,
        session: str,
        user: str,
        query_id: str,
    ) -> None:
        """Keep one query, or leave it out; it waits for nothing."""
        if not is_sampled(session or query_id, self._settings.share):
            self._leave_out(query_id, "not_sampled")
            return
        line = ServedQuery(
            query,
            tuple(results or ()),
            id=query_id,
            source=VECTORS_ONLY if results is None else self._source,
            session=session,
            user=user,
            timestamp=self._clock(),
            version=version,
            seconds=seconds,
        )
        if not self._batches.append(line):
            self._leave_out(query_id, "dropped")
            return
        with self._known:
            self._shown[query_id] = _names(line)
            if len(self._shown) > self._settings.queue_lines + _REMEMBERED:
                self._shown.popitem(last=False)

    def feedback(
        self,
        *,
        query_id: str,
        clicked: Sequence[str] = (),
        feedback: Mapping[str, int] | None = None,
        answer: str = "",
    ) -> Taken:
        """Keep what a user did with the results of a query; repeating it changes nothing.

        Clicks are added, and a later rating of a result, or a later answer, replaces the earlier.
        Where the log does not know what was shown, any result may be named. A query that is not at
        hand any more is looked up in the store.
        """
        with self._known:
            if query_id in self._left_out:
                return "not sampled"
            shown = self._shown.get(query_id)
        if shown is None:
            shown = self._stored(query_id)
        rated = dict(feedback or {})
        for name in (*clicked, *rated):
            if not name or not is_plain(name) or (shown and name not in shown):
                raise NotShown(
                    f"the query {query_id[:60]!r} was not shown {name[:60]!r}; clicks and ratings "
                    "must name its results"
                )
        for name, rating in rated.items():
            if rating not in (1, -1):
                raise NotShown(f"{name[:60]!r} is rated {rating!r}; a rating must be 1 or -1")
        if self._batches.append(Later(query_id, tuple(clicked), rated, answer)):
            return "taken"
        self._count(feedback_dropped=1)
        return "dropped"

    def counts(self) -> Mapping[str, int]:
        """Return how many lines were written, and how many were not, and why; they only grow."""
        with self._known:
            return {**self._counts, "retries": self._batches.retries}

    def flush(self, timeout: float | None = None) -> bool:
        """Write what waits; return whether it was written within so many seconds."""
        return self._batches.flush(timeout)

    def close(self, timeout: float = 60.0) -> None:
        """Write what waits and end; repeating it does nothing.

        Parameters
        ----------
        timeout
            Seconds for which writing is tried again, if the database is in use or broken.

        Raises
        ------
        StoreUnusable
            Not all could be written; the message says how many lines are lost, and why.
        """
        try:
            self._batches.close(timeout)
        finally:
            self._store.close()

    def _leave_out(self, query_id: str, why: str) -> None:
        with self._known:
            if query_id in self._left_out:
                return  # A batch that could not be written is looked at again.
            self._counts[why] += 1
            self._left_out[query_id] = None
            if len(self._left_out) > _LEFT_OUT:
                self._left_out.popitem(last=False)

    def _count(self, **more: int) -> None:
        with self._known:
            self._counts.update(more)

    def _stored(self, query_id: str) -> frozenset[str]:
        kept = self._taken_in.id(query_id) if self._taken_in else query_id
        line = self._store.served_named(kept) if kept and is_plain(kept) else None
        if line is None:
            raise UnknownQuery(
                f"no query with the id {query_id[:60]!r} was answered; feedback must name one"
            )
        return _names(line)

    def _write(self, batch: Sequence[ServedQuery | Later]) -> None:
        try:
            lines, later = self._redacted(batch)
            self._live_log().write([_fields(each) for each in lines], later)
        except StoreUnusable:
            raise
        except Exception as fault:
            self._live = None
            # One line that cannot be written must not keep back the others.
            if len(batch) > 1:
                for each in batch:
                    self._write([each])
                return
            logger.warning("a line of the log cannot be written: %s", type(fault).__name__)
            self._count(failed=1)
            return
        self._count(written=len(lines), feedback=len(later))

    def _redacted(
        self, batch: Sequence[ServedQuery | Later]
    ) -> tuple[list[ServedQuery], list[Later]]:
        """Return what may be kept of a batch; what the redaction fails on is not."""
        lines: list[ServedQuery] = []
        later: list[Later] = []
        for each in batch:
            if isinstance(each, ServedQuery):
                lines += self._line(each)
            elif each.id not in self._left_out:
                later.append(replace(each, answer=self._redact(each.answer) or ""))
        return lines, later

    def _line(self, line: ServedQuery) -> list[ServedQuery]:
        query = self._redact(line.query)
        if query is None or (line.query and not query):
            self._leave_out(line.id, "refused")
            return []
        name = self._redaction.name
        return [replace(line, query=query, session=name(line.session), user=name(line.user))]

    def _redact(self, text: str) -> str | None:
        try:
            return self._redaction(text)
        except Exception as fault:
            # Its message may hold the text.
            logger.warning("a text is not kept: its redaction failed (%s)", type(fault).__name__)
            return None

    def _live_log(self) -> LiveLog:
        moment = self._clock()
        if self._live is None or abs(moment - self._live[0]) > _LIMITS_HOLD:
            now = datetime.fromtimestamp(moment, UTC)
            log = self._intake.live_log(self._store, self._source, now, self._taken_in)
            self._live = (moment, log)
        return self._live[1]


def _names(line: ServedQuery) -> frozenset[str]:
    return frozenset(each.id or each.text for each in line.shown)


def _fields(line: ServedQuery) -> dict[str, object]:
    """Return a line as the plain lines of a log are written."""
    shown = [{"id": each.id, "text": each.text, "score": each.score} for each in line.shown]
    return {
        "query": line.query,
        "results": shown,
        "id": line.id,
        "source": line.source,
        "session": line.session,
        "user": line.user,
        "timestamp": line.timestamp,
        "version": line.version,
        "seconds": line.seconds,
    }
