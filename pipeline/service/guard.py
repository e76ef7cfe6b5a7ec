"""The guard before the application: who is let in, how much, how long, and how faults are told."""

import asyncio
import contextlib
import hmac
import logging
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.service.faults import Refused, told, unavailable
from pipeline.service.metrics import Metrics
from pipeline.workspace import Serve

logger = logging.getLogger(__name__)

VERSION_HEADER = "x-anchorhold-version"

_OPEN = {"/health", "/ready"}
"""Paths that need no token and always have room: probes of a cluster have no token, and a busy
service is not a dead one."""
_DRAINED = 64_000_000
"""Bytes of a refused body that are read and thrown away, so that the client sees the answer."""
_DRAINING = 5.0  # seconds


def host_of(header: str) -> str:
    """Return the name in a Host header, in small letters, without port and brackets.

    Examples
    --------
    >>> [host_of(each) for each in ("LocalHost:80", "[::1]:80", "127.0.0.1", "a:b")]
    ['localhost', '::1', '127.0.0.1', '']
    """
    name, _, port = header.strip().lower().rpartition(":")
    if not name or header.endswith("]"):
        name, port = header.strip().lower(), "0"
    if not port.isdecimal():
        return ""
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


class Guard:
    """Checks each request before the application sees it.

    Order: Host, token, room, body. The version header is on every answer, once a version is loaded;
    a request may name the version that answered it in ``scope["state"]["version"]``.

    Parameters
    ----------
    app
        The application.
    limits
        As in `[serve]`.
    token
        That requests must carry; "" for none.
    metrics
        Counts answers.
    serving
        Returns the version that serves; None before one does.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Serve,
        token: str,
        metrics: Metrics,
        serving: Callable[[], int | None],
    ) -> None:
        self._app = app
        self._limits = limits
        self._hosts = limits.hosts
        self._token = token.encode()
        self._metrics = metrics
        self._serving = serving
        self._at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send, self._limits, self._serving)
        began = time.perf_counter()
        self._at_work += 1
        self._metrics.in_progress.set(self._at_work)
        try:
            await self._answer(visit)
        finally:
            self._at_work -= 1
            self._metrics.in_progress.set(self._at_work)
            # Paths that are no route of ours are counted as one: there may be millions.
            path = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(path, str(visit.status)).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - began)

    async def _answer(self, visit: "_Visit") -> None:
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                self._let_in(visit)
                await self._app(visit.scope, visit.receive, visit.send)
        except Refused as refused:
            await visit.refuse(refused)
        except TimeoutError:
            await visit.refuse(self._too_slow(visit))
        except Exception as fault:
            # Without the message of the fault, which may quote a user.
            place = traceback.extract_tb(fault.__traceback__)[-1]
            logger.error("%s at %s:%s", type(fault).__name__, place.filename, place.lineno)
            self._metrics.errors.inc()
            if not visit.begun:
                await visit.refuse(Refused(500, "internal_error", "an unexpected error occurred"))

    def _let_in(self, visit: "_Visit") -> None:
        headers = Headers(scope=visit.scope)
        named = headers.getlist("host")
        if "*" not in self._hosts and (len(named) != 1 or host_of(named[0]) not in self._hosts):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "host_not_allowed",
                "the Host header names another machine; serve.allowed_hosts lists further names",
            )
        is_probe = visit.scope["path"] in _OPEN
        if self._token and not is_probe and not self._has_token(headers):
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                "invalid_token",
                "a valid token is required: Authorization: Bearer TOKEN, or x-api-key: TOKEN",
                headers={"www-authenticate": "Bearer"},
            )
        if self._at_work > self._limits.concurrency and not is_probe:
            raise unavailable(
                "overloaded",
                f"{self._limits.concurrency} requests are in progress, the limit of "
                "serve.concurrency; try again later",
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self._limits.max_body_bytes:
            raise visit.too_large()

    def _has_token(self, headers: Headers) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        return hmac.compare_digest(given.encode(), self._token)

    def _too_slow(self, visit: "_Visit") -> Refused:
        seconds = f"{self._limits.timeout_seconds:g} seconds"
        if visit.read_whole:
            return Refused(504, "timeout", f"the answer took longer than {seconds}")
        visit.broken = True
        return Refused(408, "timeout", f"the body did not arrive within {seconds}")


class _Visit:
    """One request and what became of it."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        limits: Serve,
        serving: Callable[[], int | None],
    ) -> None:
        self.scope = scope
        self.scope.setdefault("state", {})
        self.status = 0
        self.begun = False
        self.read_whole = False
        self.broken = False
        self._receive = receive
        self._send = send
        self._limits = limits
        self._serving = serving
        self._read = 0

    async def receive(self) -> Message:
        """Pass on a part of the body, and count it; also without Content-Length."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            self.read_whole = not message.get("more_body", False)
            if self._read > self._limits.max_body_bytes:
                raise self.too_large()
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer, with the version that gave it."""
        if message["type"] == "http.response.start":
            self.begun = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            if self.status >= HTTPStatus.BAD_REQUEST:
                await self._drain()
                if not self.read_whole:
                    headers["connection"] = "close"
            version = self.scope["state"].get("version") or self._serving()
            if version is not None:
                headers[VERSION_HEADER] = str(version)
            headers["x-content-type-options"] = "nosniff"
            headers["cache-control"] = "no-store"
        await self._send(message)

    async def refuse(self, refused: Refused) -> None:
        """Answer with a fault, unless an answer has begun: then the connection is closed."""
        if self.begun:
            raise ConnectionAbortedError(refused.code)
        body = told(refused.status_code, refused.detail, refused.code, refused.param)
        answer = JSONResponse(body, refused.status_code, refused.headers)
        await answer(self.scope, self.receive, self.send)

    def too_large(self) -> Refused:
        """Return the refusal of the body."""
        most = self._limits.max_body_bytes
        return Refused(413, "body_too_large", f"the body has more than {most} bytes")

    async def _drain(self) -> None:
        """Read the rest of a refused body and keep nothing: a client that sends sees no answer."""
        left = _DRAINED
        if self.read_whole or self.broken:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_DRAINING, self._limits.timeout_seconds)):
                while left > 0 and not self.read_whole:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        return
                    left -= len(message.get("body", b""))
                    self.read_whole = not message.get("more_body", False)
