"""Telling a program or a web address of one's own: a command with JSON, a signed webhook."""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.machine.process import end_group
from training.faults import AnchorholdError
from training.settings import SETTINGS

LARGEST_BODY = 256_000
"""Bytes of a message."""
_SAID = 300
"""Characters of an answer or of an error that are kept."""


class NotDelivered(AnchorholdError):
    """A receiver did not take a message; the sentence says why, without keys or passwords."""


@dataclass(frozen=True, config=SETTINGS)
class Receiver:
    """Whom to tell, and how: a command, a webhook, or both.

    Examples
    --------
    >>> Receiver(webhook="https://search.example/moved").ways, Receiver().ways
    (('webhook',), ())
    """

    command: tuple[str, ...] = Field(default=(), strict=False, examples=[["./tell.sh"]])
    """Program and its arguments; it gets the message as JSON on its standard input.

    It starts in the workspace, without a shell.
    """
    webhook: str = Field(
        default="", pattern=r"^(https?://\S+)?$", examples=["https://search.example/anchorhold"]
    )
    """Address that the message is posted to; "": none. Redirections are not followed."""
    key_variable: str = Field(
        default="",
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$",
        examples=["ANCHORHOLD_WEBHOOK_KEY"],
    )
    """Environment variable that holds the key of the signature; "": webhooks are not signed."""
    seconds: float = Field(default=10.0, gt=0, le=600)
    """How long one delivery may take, in seconds."""
    give_up_hours: float = Field(default=72.0, gt=0, le=8_760)
    """Age at which a message that could not be delivered is given up, in hours."""

    def __post_init__(self) -> None:
        """Refuse a command without a program."""
        if self.command and not self.command[0].strip():
            raise ValueError("command begins with an empty text; it must begin with a program")

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways that are set: "command", "webhook"."""
        return tuple(way for way in ("command", "webhook") if getattr(self, way))

    def deliver(
        self, way: str, id: str, body: bytes, variables: Mapping[str, str], root: Path
    ) -> None:
        """Deliver one message in one way, in one attempt that takes at most `seconds`.

        Parameters
        ----------
        way
            "command" or "webhook".
        id
            Identity of the message, the same in every attempt.
        body
            JSON.
        variables
            Environment variables of the command.
        root
            The workspace, where the command starts.

        Raises
        ------
        NotDelivered
            It was not taken.
        """
        if way == "command":
            run_command(self.command, body, variables, root, self.seconds)
        else:
            post(self.webhook, id, body, self._key(), self.seconds)

    def _key(self) -> bytes | None:
        if not self.key_variable:
            return None
        key = os.environ.get(self.key_variable, "")
        if not key:
            raise NotDelivered(
                f"the environment variable {self.key_variable}, which key_variable names, is not "
                "set; it must hold the key of the signature"
            )
        return key_of(key, self.key_variable)


def key_of(written: str, name: str) -> bytes:
    """Return a key as bytes: what follows `whsec_` is base64, anything else is taken as it is.

    Examples
    --------
    >>> key_of("whsec_c2VjcmV0", "KEY"), key_of("secret", "KEY")
    (b'secret', b'secret')
    """
    if not written.startswith("whsec_"):
        return written.encode()
    try:
        return base64.b64decode(written.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise NotDelivered(
            f"the environment variable {name} begins with whsec_, but what follows is not base64"
        ) from None


def signature(key: bytes, id: str, moment: int, body: bytes) -> str:
    """Return the signature of a message, as Standard Webhooks define it.

    Parameters
    ----------
    moment
        Seconds since 1970, as in the header `webhook-timestamp`.

    Examples
    --------
    >>> signature(b"secret", "msg_1", 1767225600, b"{}")
    'v1,QGxpGbjRoL8txXelFWC4IEtME42gS+j6BV6K56kn8oo='
    """
    signed = f"{id}.{moment}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii")


def post(url: str, id: str, body: bytes, key: bytes | None, seconds: float) -> None:
    """Post a message; any answer of 2xx takes it, and nothing of the answer is read but that.

    Raises
    ------
    NotDelivered
        No answer in time, or another one.
    """
    place = _shown(url)
    if len(body) > LARGEST_BODY:
        raise NotDelivered(f"the message has {len(body):,} bytes, at most {LARGEST_BODY:,} may be")
    moment = int(time.time())
    headers = {
        "content-type": "application/json",
        "user-agent": "anchorhold",
        "webhook-id": id,
        "webhook-timestamp": str(moment),
    }
    if key is not None:
        headers["webhook-signature"] = signature(key, id, moment, body)
    told: list[tuple[int, str, str] | BaseException] = []

    def ask() -> None:
        try:
            # The socket's own time-out comes later, so that there is one answer for all who hang.
            told.append(_asked(url, body, headers, seconds + 1.0))
        except BaseException as fault:
            told.append(fault)

    # A server that sends a byte now and then, or a resolver that waits, outlasts every time-out of
    # a socket; a thread of its own does not hold anybody up.
    asking = threading.Thread(target=ask, daemon=True, name="webhook")
    asking.start()
    asking.join(seconds)
    match told:
        case []:
            raise NotDelivered(f"{place} did not answer within {seconds:g} s")
        case [BaseException() as fault]:
            raise NotDelivered(f"{place} cannot be reached: {_reason(fault, url)}") from None
        case [(status, _, _)] if 200 <= status < 300:
            return
        case [(status, reason, location)]:
            where = f" to {_shown(location)}, which is not followed" if location else ""
            raise NotDelivered(f"{place} answered {status} {reason}{where}".strip())


def _asked(
    url: str, body: bytes, headers: Mapping[str, str], seconds: float
) -> tuple[int, str, str]:
    import requests

    with (
        requests.Session() as session,
        session.post(
            url,
            data=body,
            headers=dict(headers),
            timeout=seconds,
            # A redirection would carry the message to somebody else.
            allow_redirects=False,
            stream=True,
        ) as answer,
    ):
        location = answer.headers.get("location", "") if answer.is_redirect else ""
        return answer.status_code, answer.reason or "", location


def run_command(
    command: Sequence[str],
    body: bytes,
    variables: Mapping[str, str],
    root: Path,
    seconds: float,
) -> None:
    """Run a command with a message on its standard input; status 0 takes it.

    A command that takes too long is stopped with all that it started. Of what it writes, only the
    end of its errors is kept.

    Raises
    ------
    NotDelivered
        It cannot be started, took too long, or ended with another status.
    """
    name = command[0]
    try:
        process = subprocess.Popen(
            list(command),
            cwd=root,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as fault:
        raise NotDelivered(
            f"{name} cannot be started: {getattr(fault, 'strerror', None) or fault}"
        ) from None
    end: deque[bytes] = deque(maxlen=8)
    helpers = [
        threading.Thread(target=_feed, args=(process.stdin, body), daemon=True),
        threading.Thread(target=_keep_end, args=(process.stderr, end), daemon=True),
    ]
    for each in helpers:
        each.start()
    try:
        status = process.wait(timeout=seconds)
        helpers[1].join(0.2)
    except subprocess.TimeoutExpired:
        _stop(process)
        raise NotDelivered(f"{name} did not end within {seconds:g} s and was stopped") from None
    except BaseException:
        _stop(process)
        raise
    if status:
        said = b"".join(end).decode("utf-8", "replace").strip()
        last = said.splitlines()[-1][:_SAID] if said else ""
        raise NotDelivered(f"{name} ended with status {status}" + (f": {last}" if last else ""))


def _feed(pipe: IO[bytes] | None, body: bytes) -> None:
    # A command need not read what it is told.
    with contextlib.suppress(OSError, ValueError):
        if pipe is not None:
            with pipe:
                pipe.write(body)


def _keep_end(pipe: IO[bytes] | None, end: "deque[bytes]") -> None:
    with contextlib.suppress(OSError, ValueError):
        if pipe is not None:
            with pipe:
                for part in iter(lambda: pipe.read1(1_000), b""):  # type: ignore[attr-defined]
                    end.append(part)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a command and all that it started."""
    end_group(process)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)


def _shown(url: str) -> str:
    """Return a URL without what may be secret in it: user, password, path and query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the webhook"
    return f"{parts.scheme}://{host}{port}" if host else "another place"


def _reason(fault: BaseException, url: str) -> str:
    """Return the reason at the bottom of a chain of faults; none of them may repeat the URL."""
    seen = 0
    while seen < 10:
        inner: Any = getattr(fault, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((each for each in fault.args if isinstance(each, BaseException)), None)
        if inner is None:
            break
        fault, seen = inner, seen + 1
    said = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
    path = urlsplit(url).path
    if url in said or (len(path) > 1 and path in said):
        said = type(fault).__name__
    return str(said).splitlines()[0][:_SAID]


def check_text(value: str) -> str:
    """Return a text that an environment variable can hold.

    Examples
    --------
    >>> check_text("one" + chr(0) + "two")
    'one two'
    """
    return value.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")[:10_000]
