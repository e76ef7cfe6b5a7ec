"""The outbox: messages to send about what happened, and which alerts were sent already."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, func, insert, select, update

from pipeline.store.cycles import as_moment, as_text
from pipeline.store.database import Database
from pipeline.store.rows import next_numbers
from pipeline.store.tables import alerted, outbox


@dataclass(frozen=True)
class Message:
    """One message that waits, or was given up.

    Attributes
    ----------
    number
        Its place in the outbox; messages are sent in this order.
    id
        Identity that its receiver sees, the same in every attempt.
    kind
        "promotion", or the kind of an alert.
    subject
        What it is about, such as the number of a row of the promotion history.
    body
        What it says.
    at
        When that happened.
    channel
        Where it goes, such as "promotion.webhook"; empty until it is addressed.
    attempts, due, error
        Attempts so far, the earliest time of the next in seconds since 1970, and why the last
        failed.
    given_up
        Whether it is tried no more.
    """

    number: int
    id: str
    kind: str
    subject: str
    body: Mapping[str, Any]
    at: datetime
    channel: str = ""
    attempts: int = 0
    due: float = 0.0
    error: str = ""
    given_up: bool = False


@dataclass(frozen=True)
class OutboxCounts:
    """How many messages wait and how many were given up, and why the last attempt failed."""

    waiting: int = 0
    given_up: int = 0
    error: str = ""


def post(
    connection: Connection, kind: str, subject: str, body: Mapping[str, Any], at: datetime
) -> None:
    """Leave a message in the transaction of what it tells about; it is addressed later."""
    row = {"id": f"msg_{uuid.uuid4().hex}", "kind": kind, "subject": subject, "at": as_text(at)}
    _insert(connection, {**row, "body": _written(body), "channel": ""})


class Outbox:
    """The part of the store that keeps messages until they are delivered.

    A message is written in the transaction of what it tells about, addressed to the receivers that
    the settings name, and sent after that. Delivery is at least once.

    Examples
    --------
    >>> from datetime import UTC
    >>> from pipeline.store import Store
    >>> now = datetime(2026, 3, 1, tzinfo=UTC)
    >>> with Store.open("sqlite://") as store:
    ...     store.settle_alerts({"blocked": {"data_quality": {"cycle": "0002"}}}, now)
    ...     store.settle_alerts({"blocked": {"data_quality": {"cycle": "0003"}}}, now)
    ...     [(each.kind, each.body["cycle"]) for each in store.unaddressed()]
    [('blocked', '0002')]
    """

    _database: Database

    def settle_alerts(
        self, found: Mapping[str, Mapping[str, Mapping[str, Any]]], at: datetime
    ) -> None:
        """Leave a message for each alert that is new, and forget those that are over.

        Parameters
        ----------
        found
            Kind -> subject -> body of each alert that is true now. Alerts of these kinds on other
            subjects are over: they are sent again when they return. Other kinds stay as they are.
        at
            The present.
        """
        with self._database.writing() as connection:
            # Holding the counter makes two processes follow one another on every engine.
            next_numbers(connection, "message", 0)
            for kind, subjects in found.items():
                chosen = select(alerted.c.subject).where(alerted.c.kind == kind)
                told = {str(each) for each in connection.scalars(chosen)}
                for subject in told - set(subjects):
                    one = and_(alerted.c.kind == kind, alerted.c.subject == subject)
                    connection.execute(delete(alerted).where(one))
                for subject, body in subjects.items():
                    if subject not in told:
                        row = {"kind": kind, "subject": subject, "since": as_text(at)}
                        connection.execute(insert(alerted).values(row))
                        post(connection, kind, subject, body, at)

    def unaddressed(self) -> list[Message]:
        """Return the messages that nobody decided about where they go, oldest first."""
        return self._messages(outbox.c.channel == "")

    def address(self, message: Message, channels: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace an unaddressed message by one for each channel; by none, it is dropped.

        Parameters
        ----------
        channels
            Channel -> what the message says there.
        """
        with self._database.writing() as connection:
            next_numbers(connection, "message", 0)
            gone = delete(outbox).where(outbox.c.number == message.number, outbox.c.channel == "")
            if not connection.execute(gone).rowcount:
                return  # another process was faster
            for channel, body in channels.items():
                # A receiver of both tables must not take one of two messages for a repetition.
                id = f"{message.id}_{channel.partition('.')[0]}"
                row = {"id": id, "kind": message.kind, "subject": message.subject}
                row |= {"at": as_text(message.at), "channel": channel, "body": _written(body)}
                _insert(connection, row)

    def waiting_messages(self) -> list[Message]:
        """Return the addressed messages that were neither delivered nor given up, oldest first."""
        return self._messages(and_(outbox.c.channel != "", outbox.c.given_up == 0))

    def delivered(self, message: Message) -> None:
        """Forget a message that was delivered."""
        with self._database.writing() as connection:
            connection.execute(delete(outbox).where(outbox.c.number == message.number))

    def not_delivered(
        self, message: Message, error: str, *, due: float, give_up: bool = False
    ) -> None:
        """Note an attempt that failed, and when the next may be made."""
        values = {"attempts": message.attempts + 1, "error": error, "due": due}
        changed = update(outbox).where(outbox.c.number == message.number)
        with self._database.writing() as connection:
            connection.execute(changed.values(**values, given_up=int(give_up)))

    def forget_given_up(self, before: datetime) -> None:
        """Remove messages that were given up and tell of what happened before a moment."""
        old = and_(outbox.c.given_up == 1, outbox.c.at < as_text(before))
        with self._database.writing() as connection:
            connection.execute(delete(outbox).where(old))

    def outbox_counts(self) -> OutboxCounts:
        """Return how many messages wait or were given up, and the error of the latest attempt."""
        with self._database.reading() as connection:
            counted = {
                bool(row.given_up): int(row.number)
                for row in connection.execute(
                    select(outbox.c.given_up, func.count().label("number"))
                    .where(outbox.c.channel != "")
                    .group_by(outbox.c.given_up)
                )
            }
            failed = select(outbox.c.error).where(outbox.c.error != "")
            error = connection.scalar(failed.order_by(outbox.c.due.desc()).limit(1))
        return OutboxCounts(counted.get(False, 0), counted.get(True, 0), str(error or ""))

    def _messages(self, condition: Any) -> list[Message]:
        chosen = select(outbox).where(condition).order_by(outbox.c.number)
        with self._database.reading() as connection:
            return [_message(row) for row in connection.execute(chosen).mappings()]


def _insert(connection: Connection, row: Mapping[str, Any]) -> None:
    number = next_numbers(connection, "message", 1)
    rest = {"attempts": 0, "due": 0.0, "error": "", "given_up": 0}
    connection.execute(insert(outbox).values(number=number, **row, **rest))


def _written(body: Mapping[str, Any]) -> str:
    return json.dumps(body, allow_nan=False, separators=(",", ":"))


def _message(row: RowMapping) -> Message:
    values = {**row, "at": as_moment(row["at"]), "body": json.loads(row["body"])}
    return Message(**{**values, "given_up": bool(row["given_up"])})
