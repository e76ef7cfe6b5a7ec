"""Messages to receivers: addressed by the settings, sent in order, tried again with pauses."""

import json
import logging
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from filelock import FileLock, Timeout

from pipeline.machine import WorkspaceBusy
from pipeline.machine.deliver import LARGEST_BODY, NotDelivered, Receiver, check_text
from pipeline.machine.pace import pause_after, spread_out
from pipeline.registry import Registry, UnknownVersion, Version
from pipeline.results import DeliveriesResult, DeliveryResult
from pipeline.store import Message, Store
from pipeline.workspace import OpenWorkspace, Settings
from training.faults import AnchorholdError

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 30.0
_LONGEST_PAUSE = 3600.0
_SPREAD = 1.2
"""How much longer than itself a pause may be, so that not all machines try at once."""
"""Seconds until the next try after a failure, at first and at most; chosen, not measured."""
_LONGEST_PASS = 60.0
"""Seconds after which no further message is begun; the others wait for the next pass."""
_REMEMBERED = timedelta(days=30)
"""How long a message that was given up is counted; chosen, not measured."""


@contextmanager
def addressing(opened: OpenWorkspace) -> Iterator[None]:
    """Address, when the block ends, what it left to be told; a fault of that is only logged."""
    try:
        yield
    except AnchorholdError:
        _logged(lambda: address(opened.settings, opened.store, opened.registry))
        raise
    _logged(lambda: address(opened.settings, opened.store, opened.registry))


def send_quietly(settings: Settings, now: datetime) -> None:
    """Send what waits; whatever goes wrong is logged, for what is told about has happened."""
    try:
        _logged(lambda: send(settings, now))
    except KeyboardInterrupt:
        logger.warning("interrupted while messages were sent; the next run sends the others")


def address(settings: Settings, store: Store, registry: Registry | None = None) -> None:
    """Decide where each new message goes, and complete what it says.

    Without the registry, messages about a move of the champion wait.
    """
    promotion, alerts = settings.tables.promotion, settings.tables.alerts
    for message in store.unaddressed():
        channels: dict[str, Mapping[str, Any]] = {}
        if message.kind == "promotion":
            if registry is None:
                continue
            body = _about_move(settings, store, registry, message)
            channels |= {f"promotion.{way}": body for way in promotion.ways}
            if message.body["action"] == "rollback" and alerts.tells("rolled_back"):
                told = _about_rollback(settings, message)
                channels |= {f"alerts.{way}": told for way in alerts.ways}
        elif alerts.tells(message.kind):
            told = about_alert(settings, message.kind, message.body, message.at)
            channels |= {f"alerts.{way}": told for way in alerts.ways}
        store.address(message, channels)


def send(
    settings: Settings, now: datetime, store: Store | None = None
) -> tuple[DeliveryResult, ...]:
    """Send the messages that are due, the oldest of each channel first.

    A channel whose receiver does not take a message is left alone until its pause is over, so that
    messages keep their order.

    Parameters
    ----------
    settings
        Whose receivers are told.
    now
        The present: pauses and ages count from it.
    store
        The open store; by default, it is opened.
    """
    if store is None:
        with Store.open(settings.store_url) as opened:
            return send(settings, now, opened)
    waiting = store.waiting_messages()
    if not waiting:
        return ()
    try:
        # Whoever holds it sends these messages, too.
        with (
            FileLock(settings.state / "outbox.lock").acquire(timeout=0),
            store.held("messages", part="outbox"),
        ):
            return tuple(_pass(settings, now, store))
    except (Timeout, WorkspaceBusy):
        return ()


def _pass(settings: Settings, now: datetime, store: Store) -> Iterator[DeliveryResult]:
    began, stopped = time.monotonic(), set()
    store.forget_given_up(now - _REMEMBERED)
    for message in store.waiting_messages():
        channel = message.channel
        if channel in stopped or time.monotonic() - began > _LONGEST_PASS:
            continue
        receiver, way = _receiver(settings, channel)
        # A pause that seems longer than any is one of a clock that was set back since.
        if 0.0 < message.due - now.timestamp() <= _SPREAD * _LONGEST_PAUSE:
            stopped.add(channel)
            continue
        error = attempt(settings, receiver, way, message.id, message.body)
        if error:
            age = now - message.at
            pause = pause_after(message.attempts + 1, _FIRST_PAUSE, _LONGEST_PAUSE)
            due = now.timestamp() + spread_out(pause, _SPREAD - 1.0, random.Random())
            gone = age > timedelta(hours=receiver.give_up_hours) or way not in receiver.ways
            store.not_delivered(message, error, due=due, give_up=gone)
            logger.warning("%s: %s", channel, error)
            if not gone:
                stopped.add(channel)
        else:
            store.delivered(message)
        yield DeliveryResult(channel=channel, error=error)


def attempt(
    settings: Settings, receiver: Receiver, way: str, id: str, body: Mapping[str, Any]
) -> str:
    """Deliver a message once and return why that failed; empty where it did not."""
    if way not in receiver.ways:
        return f"the {way} of its table is no longer set"
    data = body["data"]
    variables = {"EVENT": body["type"], "ID": id, "WORKSPACE": str(settings.root)}
    variables |= {name.upper(): str(data[name]) for name in _SIMPLE if data.get(name) is not None}
    named = {f"ANCHORHOLD_{name}": check_text(value) for name, value in variables.items()}
    try:
        receiver.deliver(way, id, _written(body), named, settings.root)
    except NotDelivered as fault:
        return check_text(str(fault))
    return ""


def try_receivers(settings: Settings, now: datetime) -> DeliveriesResult:
    """Send a test message to every receiver that is set, once, and return what became of it."""
    data = {"model": settings.tables.model.name, "summary": "this message is a test"}
    body = {"type": "test", "timestamp": now.isoformat(), "data": data}
    id, told = f"msg_{uuid.uuid4().hex}", []
    for table in ("promotion", "alerts"):
        receiver: Receiver = getattr(settings.tables, table)
        for way in receiver.ways:
            error = attempt(settings, receiver, way, id, body)
            told.append(DeliveryResult(channel=f"{table}.{way}", error=error))
    return DeliveriesResult(deliveries=tuple(told))


_SIMPLE = ("model", "action", "version", "previous", "kind", "summary", "reason", "cycle")
"""Keys of the data that a command also gets as environment variables."""


def _receiver(settings: Settings, channel: str) -> tuple[Receiver, str]:
    table, _, way = channel.partition(".")
    return getattr(settings.tables, table), way


def _about_move(
    settings: Settings, store: Store, registry: Registry, message: Message
) -> dict[str, Any]:
    """Return what the receivers of `[promotion]` get."""
    moved = message.body
    new, old = (_version(registry, moved[name]) for name in ("version", "previous"))
    number, index = moved["version"], settings.tables.index
    data = {
        "model": settings.tables.model.name,
        "row": int(message.subject),
        "action": moved["action"],
        "reason": moved["reason"],
        "cycle": moved["cycle"],
        "version": number,
        "fingerprint": _fingerprint(new),
        "previous": moved["previous"],
        "previous_fingerprint": _fingerprint(old),
        "index": None,
        "plan": _plan(store, new, moved["previous"]),
        "export": f"anchorhold export {number} DIR",
    }
    if index.mode != "off":
        data["index"] = {"uri": index.place, "table": f"v{number}", "mode": index.mode}
        data["export"] = f"anchorhold index export FILE --version {number}"
    return _envelope(settings, "promotion", message.at, data)


def _about_rollback(settings: Settings, message: Message) -> dict[str, Any]:
    moved = message.body
    summary = (
        f"version {moved['previous']} was rolled back, version {moved['version']} serves: "
        f"{moved['reason']}"
    )
    told = {
        "summary": summary,
        "cycle": moved["cycle"],
        "champion": moved["version"],
        "candidate": moved["previous"],
        "reasons": [moved["reason"]],
    }
    return about_alert(settings, "rolled_back", told, message.at)


def about_alert(
    settings: Settings, kind: str, told: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    """Return what the receivers of `[alerts]` get."""
    data = {"model": settings.tables.model.name, "kind": kind, **told}
    return _envelope(settings, f"alert.{kind}", at, data)


def _envelope(
    settings: Settings, kind: str, at: datetime, data: Mapping[str, Any]
) -> dict[str, Any]:
    shown = settings.shown_texts({**data})
    return {"type": kind, "timestamp": at.isoformat(), "data": shown}


def _version(registry: Registry, number: int | None) -> Version | None:
    try:
        return None if number is None else registry.version(number)
    except UnknownVersion:  # it was deleted
        return None


def _fingerprint(version: Version | None) -> str | None:
    return version.tags.get("anchorhold.fingerprint") if version else None


def _plan(store: Store, new: Version | None, previous: int | None) -> Any:
    """Return the plan for the index that the cycle of a version made, if it is about this move."""
    if new is None or new.tags.get("anchorhold.parent") != str(previous):
        return None
    row = store.cycle(new.cycle)
    return row.result.get("plan") if row else None


def _written(body: Mapping[str, Any]) -> bytes:
    """Return a message as JSON; one that is too large loses its largest part."""
    raw = json.dumps(body).encode()
    if len(raw) > LARGEST_BODY:
        data = dict(body["data"])
        largest = max(data, key=lambda key: len(json.dumps(data[key])))
        raw = json.dumps({**body, "data": {**data, largest: None}}).encode()
    return raw


def _logged(work: Any) -> None:
    try:
        work()
    except Exception as fault:
        # What is told about is done already; telling it must not turn that into a failure.
        logger.warning("messages could not be sent: %s", str(fault) or type(fault).__name__)
