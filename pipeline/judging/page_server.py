"""The page: questions in a local browser; only this machine, and only who has its address."""

import secrets
import threading
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args
from urllib.parse import parse_qs, urlsplit

from pipeline.judging.sentences import certainty
from pipeline.judging.session import Choice, Session
from training.faults import DataFault

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "page"
_STATIC = {"page.css": "text/css", "page.js": "text/javascript"}
_LONGEST_FORM = 10_000
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def serve(session: Session, tell: Callable[[str], None], port: int = 0) -> None:
    """Serve the page on this machine until the person stops.

    The address holds a random token, requests must name this host, and forms must come from the
    page itself: neither another user of the machine nor another page in the browser can answer.
    Nothing is loaded from elsewhere.

    Parameters
    ----------
    session
        Questions and answers.
    tell
        Is given the address when the page can be opened.
    port
        Where to listen; 0: any free port.

    Raises
    ------
    DataFault
        The port is in use.
    """
    try:
        server = _Server(session, port)
    except OSError as fault:
        raise DataFault(f"port {port} cannot be used: {fault.strerror}; name another") from None
    with server:
        tell(server.address)
        server.serve_forever(poll_interval=0.1)


class _Server(ThreadingHTTPServer):
    """Listens on the loopback interface only."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, session: Session, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.session = session
        self.token = secrets.token_urlsafe(24)
        self.lock = threading.Lock()
        """The store is used by one request at a time."""

    @property
    def hosts(self) -> tuple[str, str]:
        port = self.server_address[1]
        return f"127.0.0.1:{port}", f"localhost:{port}"

    @property
    def address(self) -> str:
        return f"http://{self.hosts[0]}/{self.token}/"


class _Handler(BaseHTTPRequestHandler):
    server_version = "anchorhold"
    sys_version = ""
    timeout = 60
    """Seconds after which an idle connection is closed."""

    @property
    def _at(self) -> _Server:
        return cast(_Server, self.server)

    def do_GET(self) -> None:
        name = self._named()
        if name is None:
            return
        if name in _STATIC:
            self._send((_FOLDER / name).read_bytes(), _STATIC[name])
        elif name == "":
            self._show()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        name, session = self._named(), self._at.session
        if name is None:
            return
        form = self._form()
        if form is None:
            self.send_error(HTTPStatus.FORBIDDEN, "the form must come from this page")
        elif name == "answer":
            turn, choice = form.get("turn", ""), form.get("answer", "")
            if not (turn.isascii() and turn.isdigit()) or choice not in get_args(Choice):
                self.send_error(HTTPStatus.BAD_REQUEST, "answer must be left, right, same or none")
                return
            with self._at.lock:
                # Refused where somebody answered it already; the next page shows what is next.
                session.answer(int(turn), cast(Choice, choice))
            self._redirect()
        elif name == "undo":
            with self._at.lock:
                session.undo()
            self._redirect()
        elif name == "stop":
            self._show(ended=True)
            threading.Thread(target=self._at.shutdown).start()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _named(self) -> str | None:
        """Return what is asked for below the token; None, and an answer is sent, if not allowed."""
        parts = urlsplit(self.path).path.split("/")
        if self.headers.get("Host") not in self._at.hosts:
            self.send_error(HTTPStatus.FORBIDDEN, "this page is for this machine only")
        elif len(parts) != 3 or not secrets.compare_digest(
            parts[1].encode(), self._at.token.encode()
        ):
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            return parts[2]
        return None

    def _form(self) -> dict[str, str] | None:
        """Return the fields of a form of this page; None where another page sent it."""
        own = {f"http://{host}" for host in self._at.hosts}
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Origin") not in own or not length.isdigit():
            return None
        if int(length) > _LONGEST_FORM:
            return None
        text = self.rfile.read(int(length)).decode("utf-8", "replace")
        return {key: values[0] for key, values in parse_qs(text).items()}

    def _show(self, *, ended: bool = False) -> None:
        session = self._at.session
        with self._at.lock:
            answered, now = len(session.answers()), session.standing()
            shown = {
                "ended": ended,
                "question": session.next(),
                "answered": answered,
                "certainty": certainty(now, session.margin),
                "decided": now.finding != "undecided",
                "total": answered + now.expected if now.expected else None,
            }
        page = _templates().get_template("page.html").render(shown)
        self._send(page.encode("utf-8"), "text/html; charset=utf-8")

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _redirect(self) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", f"/{self._at.token}/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the address would stand in logs."""


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader

    return Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
