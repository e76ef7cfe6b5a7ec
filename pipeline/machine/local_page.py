"""A web server for pages of this machine: loopback only, and only for who has the address."""

import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

from training.faults import DataFault

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class LocalServer(ThreadingHTTPServer):
    """Listens on the loopback interface only.

    The address holds a random token and requests must name this host, so that neither another user
    of the machine nor another page in the browser reads or changes anything.

    Parameters
    ----------
    handler
        What answers a request.
    port
        Where to listen; 0: any free port.

    Raises
    ------
    DataFault
        The port cannot be used.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: "type[LocalHandler]", port: int) -> None:
        try:
            super().__init__(("127.0.0.1", port), handler)
        except (OSError, OverflowError) as fault:
            why = fault.strerror if isinstance(fault, OSError) else "allowed are 0 to 65535"
            raise DataFault(f"port {port} cannot be used: {why}; name another") from None
        self.token = secrets.token_urlsafe(24)
        self.lock = threading.Lock()
        """A store is used by one request at a time."""

    @property
    def hosts(self) -> tuple[str, str]:
        """What a request may name as its host."""
        port = self.server_address[1]
        return f"127.0.0.1:{port}", f"localhost:{port}"

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://{self.hosts[0]}/{self.token}/"


class LocalHandler(BaseHTTPRequestHandler):
    """Checks a request and sends an answer; what it shows is up to its children."""

    server_version = "anchorhold"
    sys_version = ""
    timeout = 60
    """Seconds after which an idle connection is closed."""
    policy = "default-src 'none'"
    """The Content-Security-Policy of every answer."""

    @property
    def at(self) -> LocalServer:
        """The server."""
        return cast(LocalServer, self.server)

    def named(self) -> str | None:
        """Return what is asked for below the token; None, and an answer is sent, if not allowed."""
        token, slash, name = urlsplit(self.path).path.removeprefix("/").partition("/")
        if self.headers.get("Host") not in self.at.hosts:
            self.send_error(HTTPStatus.FORBIDDEN, "this page is for this machine only")
        elif not slash or not secrets.compare_digest(token.encode(), self.at.token.encode()):
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            return name
        return None

    def send(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Answer with a page or a file; a HEAD request gets the head of the answer only."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def redirect(self) -> None:
        """Answer with the way to the first page."""
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", f"/{self.at.token}/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def end_headers(self) -> None:
        """Send the headers that every answer has, and end them."""
        for name, value in {"Content-Security-Policy": self.policy, **_HEADERS}.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the address would stand in logs."""
