"""The page: questions in a local browser; only this machine, and only who has its address."""

import threading
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args
from urllib.parse import parse_qs

from pipeline.judging.sentences import certainty
from pipeline.judging.session import Choice, Session
from pipeline.machine.local_page import LocalHandler, LocalServer

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "page"
_STATIC = {"page.css": "text/css", "page.js": "text/javascript"}
_LONGEST_FORM = 10_000


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
    with _Server(session, port) as server:
        tell(server.address)
        server.serve_forever(poll_interval=0.1)


class _Server(LocalServer):
    def __init__(self, session: Session, port: int) -> None:
        super().__init__(_Handler, port)
        self.session = session


class _Handler(LocalHandler):
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )

    @property
    def _at(self) -> _Server:
        return cast(_Server, self.server)

    def do_GET(self) -> None:
        name = self.named()
        if name is None:
            return
        if name in _STATIC:
            self.send((_FOLDER / name).read_bytes(), _STATIC[name])
        elif name == "":
            self._show()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        name, session = self.named(), self._at.session
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
            self.redirect()
        elif name == "undo":
            with self._at.lock:
                session.undo()
            self.redirect()
        elif name == "stop":
            self._show(ended=True)
            threading.Thread(target=self._at.shutdown).start()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

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
        self.send(page.encode("utf-8"), "text/html; charset=utf-8")


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader

    return Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
