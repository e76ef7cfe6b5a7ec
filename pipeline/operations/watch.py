"""Watching a workspace: a cycle whenever something is new, until it is asked to stop."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.intake.news import Files
from pipeline.machine.pace import pause_after, shown, spread_out
from pipeline.operations.circumstances import Clock
from pipeline.operations.messages import about_alert, address, attempt, send
from pipeline.operations.watched_cycle import Answer, run_apart
from pipeline.operations.watched_settings import WatchedSettings
from pipeline.results import TRAINED, CycleResult, WatchEvent, past_cycles
from pipeline.store import Store
from training.faults import AnchorholdError

_LOOK = 5.0
"""Seconds from one glance at the files to the next, at the shortest; a glance is cheap."""
_SHARE = 20
"""Glances take at most one part in so many of the time; chosen, not measured."""
_BUSY_PAUSE = 30.0
_FIRST_PAUSE = 60.0
"""Seconds until the next try, where somebody else is at work and after a failure; chosen, too."""
_ALERT_FROM = 2
"""Failures in a row from which a person is told: a registry may be out of reach for a minute."""

Tell = Callable[[WatchEvent], None]


@dataclass(frozen=True)
class Seen:
    """What a glance at a workspace shows, to be compared with a later one."""

    files: Files = field(default_factory=Files)
    arrivals: int = 0
    moves: int = 0
    settings: bytes = b""


@dataclass
class Watching:
    """The loop of `anchorhold watch`.

    Attributes
    ----------
    settings
        The settings in force, read again when their file changes.
    tell
        Gets what happens.
    stop
        Ends the loop when it is set.
    clock
        The present.
    """

    settings: WatchedSettings
    tell: Tell
    stop: threading.Event
    clock: Clock
    _luck: random.Random = field(default_factory=random.Random)
    _seen: Seen | None = None
    _ran: float = 0.0
    _due: float = 0.0
    _failures: int = 0
    _busy: bool = False
    _told_directly: bool = False

    def go(self) -> None:
        """Watch until the event is set; a fault of the workspace never ends it."""
        pace = self.settings.pace
        counted = f", or when {pace.records} records are new" if pace.records else ""
        every = f"checks for new data every {pace.every}"
        self._say("started", f"watching {self.settings.root}: {every}{counted}")
        while not self.stop.is_set():
            spent = 0.0
            try:
                if news := self.settings.read_again():
                    self._say("settings", news)
                    self._due = 0.0 if self._failures else self._due
                if not self._failures:
                    self._send()
                began = time.monotonic()
                called_for = self._called_for()
                spent = time.monotonic() - began
                if called_for:
                    self._run()
            except (AnchorholdError, OSError) as fault:
                self._failed(str(fault))
            glance = max(min(_LOOK, self.settings.pace.every_seconds), _SHARE * spent)
            if not self.stop.is_set():
                self.stop.wait(min(glance, max(0.05, self._due - time.monotonic())))
        self._say("stopped", "stopped; an interrupted cycle is resumed by the next run")

    def _called_for(self) -> bool:
        """Say whether a cycle should run now."""
        now, pace = time.monotonic(), self.settings.pace
        if self._seen is None and not self._failures and not self._busy:
            return True
        if self._busy or self._failures:
            if now >= self._due:
                return True
            # Whoever corrected a file need not wait.
            return self._seen is not None and self._files() != self._seen.files
        if now < self._due and not pace.records:
            return False
        glance, seen = self._glance(), self._seen or Seen()
        if now < self._due:
            new = glance.arrivals - seen.arrivals + glance.files.records_since(seen.files)
            return new >= pace.records
        self._wait(pace.every_seconds)
        old = now - self._ran >= pace.at_least_seconds
        return old or glance.files.elsewhere or glance != seen or self._waits()

    def _run(self) -> None:
        before = self._glance()
        self._ran = time.monotonic()
        answer = run_apart(self.settings.root, self.settings.raw, self.stop)
        if answer.stopped:
            return
        if answer.result is None:
            self._seen = before
            self._unfinished(answer)
            return
        recovered, self._failures, self._busy = self._failures, 0, False
        self._told_directly = False
        result = answer.result
        # What arrived while it ran is behind the window of the cycle.
        arrivals = result.window.until if result.window else before.arrivals
        with self._store() as store:
            moves = len(store.promotions())
            if recovered:
                store.settle_alerts({"failed_run": {}}, self.clock())
        self._seen = Seen(before.files, arrivals, moves, before.settings)
        self._wait(self.settings.pace.every_seconds)
        self._say("run", _sentence(result), result=result)

    def _unfinished(self, answer: Answer) -> None:
        if not answer.busy:
            self._failed(answer.fault)
            return
        self._wait(_BUSY_PAUSE)
        if not self._busy:
            self._say("busy", answer.fault)
        self._busy = True

    def _failed(self, fault: str) -> None:
        """Note a failure, wait longer after each, and tell a person about the second in a row."""
        self._failures += 1
        self._busy = False
        pace = self.settings.pace
        first = min(_FIRST_PAUSE, pace.every_seconds)
        self._wait(pause_after(self._failures, first, pace.longest_pause_seconds))
        self._say("failed", f"failed: {fault}")
        if self._failures >= _ALERT_FROM:
            self._alert(fault)

    def _alert(self, fault: str) -> None:
        if self._told_directly:
            # Until a run succeeds it is the same state, also where the store is back before.
            return
        settings, now = self.settings.settings, self.clock()
        body = {"summary": f"no cycle could be run: {fault}"}
        try:
            with self._store() as store:
                store.settle_alerts({"failed_run": {"": body}}, now)
                address(settings, store)
                send(settings, now, store)
        except (AnchorholdError, OSError):
            self._alert_directly(body, now)

    def _alert_directly(self, body: dict[str, Any], now: datetime) -> None:
        """Tell that nothing can be kept, once, in one attempt: there is no outbox either."""
        settings = self.settings.settings
        alerts = settings.tables.alerts
        if not alerts.tells("failed_run"):
            return
        self._told_directly = True
        told = about_alert(settings, "failed_run", body, now)
        for way in alerts.ways:
            error = attempt(settings, alerts, way, f"msg_{now.timestamp():.0f}_{way}", told)
            self._say("messages", f"alerts.{way}: {error or 'delivered'}")

    def _send(self) -> None:
        """Send what is due; a pause of the receivers says when."""
        if not self.settings.settings.state.is_dir():
            return
        with self._store() as store:
            for each in send(self.settings.settings, self.clock(), store):
                self._say("messages", f"{each.channel}: {each.error or 'delivered'}")

    def _files(self) -> Files:
        tables = self.settings.settings.tables
        patterns = [each for named in tables.data.places.values() for each in named]
        patterns += [folder for each in tables.anchors.values() for folder in each.folders]
        return Files.now(patterns, self.settings.root)

    def _glance(self) -> Seen:
        files = self._files()
        if not self.settings.settings.state.is_dir():
            return Seen(files, settings=self.settings.raw)
        with self._store() as store:
            moves = len(store.promotions())
            return Seen(files, store.last_sequence(), moves, self.settings.raw)

    def _waits(self) -> bool:
        """Say whether a person may have answered in MLflow, or users of a canary in time."""
        with self._store() as store:
            if store.unfinished_cycle() is not None or store.running_canary() is not None:
                return True
            moves = store.promotions()
            for each in past_cycles(store, limit=1, outcomes=TRAINED):
                serves = bool(moves) and moves[-1].version == each.result.champion.version
                return serves and bool(each.result.waits)
        return False

    def _store(self) -> Store:
        return Store.open(self.settings.settings.store_url)

    def _wait(self, seconds: float) -> None:
        spread = spread_out(seconds, self.settings.pace.jitter, self._luck)
        self._due = time.monotonic() + spread

    def _say(self, event: Any, message: str, result: CycleResult | None = None) -> None:
        waits = event in ("run", "failed", "busy")
        ahead = round(max(0.0, self._due - time.monotonic()), 1) if waits else None
        self.tell(
            WatchEvent(
                event=event,
                at=self.clock(),
                message=message,
                result=result,
                failures=self._failures,
                next_seconds=ahead,
            )
        )


def _sentence(result: CycleResult) -> str:
    return (
        f"cycle {result.cycle}: {result.outcome}; version {result.champion.version} serves "
        f"({shown(result.seconds.get('total', 0.0))})"
    )
