"""The canary's router: which version answers a user, the same one while the canary runs."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.cycle import digest_of_key, harm_now
from pipeline.gate import Canary
from pipeline.service.hooks import Answered, Arm
from pipeline.store import CanaryKey, CanaryRow, Store, StoreUnusable

_CHECK_SECONDS = 10.0
"""Between two checks of what users did, at least."""
_CHECK_SHARE = 0.05
"""Of the time, at most, that checks take: after a long canary of many users they are slower."""
_TOP = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Trial:
    """The canary that runs, as requests need it."""

    row: CanaryRow
    canary: Canary


class CanaryRoute:
    """Divide users between the champion and the candidate that is on trial.

    A key (the user, else the session, else the query) is answered by the same version for the life
    of the canary, by every process and after every restart, because nothing but the key and the
    candidate's number decides. Another candidate divides the keys anew.

    Parameters
    ----------
    store
        Where the canary and the served lines are.
    clock
        Returns the present.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock
        self._trial: _Trial | None = None
        self._due = 0.0
        self._waiting: dict[tuple[int, str], tuple[CanaryKey, CanaryKey]] = {}
        self._holds = threading.Lock()

    def candidate(self) -> int | None:
        """Return the version on trial; None where there is none, or harm was seen.

        It checks what users did, too: harm ends the routing here and now, and the next `run` ends
        the canary. While the store cannot be read, everybody keeps the version that they have.
        """
        try:
            self._trial = self._read()
        except StoreUnusable as fault:
            logger.warning("the canary is not checked: %s", fault)
        return self._trial.row.candidate if self._trial else None

    def version(self, key: str) -> Arm:
        """Return which version answers the requests of a user, a session or a query."""
        trial = self._trial
        chosen = trial is not None and not trial.canary.shadow and falls_to(trial.row, key)
        return "candidate" if chosen else "champion"

    def shadows(self, key: str) -> bool:
        """Return whether the candidate answers too, for the record only."""
        trial = self._trial
        return trial is not None and trial.canary.shadow and falls_to(trial.row, key)

    def compare(self, key: str, champion: Answered, candidate: Answered) -> None:
        """Keep what both versions answered to the same query, until the next check writes it."""
        trial = self._trial
        if trial is None:
            return
        now, digest = self._clock().timestamp(), digest_of_key(key)
        best = set(champion.results[:_TOP])
        common = len(best & set(candidate.results[:_TOP]))
        overlap = common / len(best) if best else None
        above = trial.row.slow_above
        of_champion, of_candidate = (
            CanaryKey(
                digest,
                candidate=is_candidate,
                number=0,
                first=now,
                empty=float(not answered.results),
                slow=None if above is None else float(answered.seconds > above),
                overlap=overlap if is_candidate else None,
            )
            for is_candidate, answered in ((False, champion), (True, candidate))
        )
        with self._holds:
            # The first answer to a key counts, and only for the canary that it was given in.
            self._waiting.setdefault((trial.row.number, digest), (of_champion, of_candidate))

    def _read(self) -> _Trial | None:
        row = self._store.running_canary()
        if row is None or row.harm:
            with self._holds:
                self._waiting.clear()
            return None
        began = time.monotonic()
        if began >= self._due:
            self._write_compared(row.number)
            harm = harm_now(self._store, row, self._clock())
            ended = time.monotonic()
            self._due = ended + max(_CHECK_SECONDS, (ended - began) / _CHECK_SHARE)
            if harm:
                self._store.stop_canary(row.number, harm)
                logger.warning("version %d gets no more requests: %s", row.candidate, harm)
                return None
            row = self._store.running_canary() or row
        return _Trial(row, Canary(**row.settings))

    def _write_compared(self, number: int) -> None:
        """Write what was compared in this canary; what cannot be written now waits."""
        with self._holds:
            read = list(self._waiting)
            rows = [
                row
                for (canary, _), pair in self._waiting.items()
                if canary == number
                for row in pair
            ]
        if rows:
            self._store.add_shadowed(number, rows)
        with self._holds:
            for each in read:
                del self._waiting[each]


def falls_to(row: CanaryRow, key: str) -> bool:
    """Return whether a key falls to the candidate of a canary."""
    digest = hashlib.blake2b(f"{row.candidate}:{key}".encode("utf-8", "backslashreplace"))
    return int.from_bytes(digest.digest()[:8], "big") < float(row.settings["share"]) * 2.0**64
