"""Live pages about a workspace, for this machine only; every request only reads."""

import json
import re
import threading
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qs, urlsplit

from pipeline.machine.local_page import LocalHandler, LocalServer
from pipeline.operations.compare import compare_as_accepted, comparison_values
from pipeline.operations.history import history_of, report_file
from pipeline.operations.status import status_now
from pipeline.reports import filled, history_page
from pipeline.results import UiResult
from pipeline.workspace import OpenWorkspace
from training.faults import AnchorholdError

_HTML, _JSON = "text/html; charset=utf-8", "application/json; charset=utf-8"
_REPORT = re.compile(r"cycles/([0-9]{4,9})/report\.(html|json)")
_VERSION = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Pages:
    """What can be asked for, by its name below the token.

    Parameters
    ----------
    opened
        The open workspace; used by one request at a time.
    clock
        The present.
    """

    def __init__(self, opened: OpenWorkspace, clock: Callable[[], datetime]) -> None:
        self._opened = opened
        self._clock = clock
        self._drawn: tuple[object, bytes] | None = None

    def page(self, name: str, asked: dict[str, str]) -> tuple[bytes, str] | None:
        """Return a page or file and its kind; None where there is none of that name.

        Parameters
        ----------
        name
            The path below the token.
        asked
            The fields of the query.

        Raises
        ------
        AnchorholdError
            What it would show cannot be read now; the message says why.
        """
        if name in ("", "history.html"):
            return self._history(), _HTML
        if name == "history.json":
            found = history_of(self._opened.settings, self._opened.store).to_json()
            return json.dumps(found, indent=1).encode(), _JSON
        if name == "status":
            return self._status(), _HTML
        if name == "compare":
            return self._compare(asked), _HTML
        report = _REPORT.fullmatch(name)
        return None if report is None else self._report(report[1], report[2])

    def _history(self) -> bytes:
        """Return the page of all cycles; it is drawn anew when something happened."""
        store = self._opened.store
        unfinished = store.unfinished_cycle()
        state = (
            store.finished_cycles(),
            unfinished.id if unfinished else None,
            len(store.promotions()),
            len(store.discards()),
            len(store.acceptances()),
            sorted(store.pruned("cycle")),
        )
        if self._drawn is None or self._drawn[0] != state:
            page = history_page(history_of(self._opened.settings, store))
            self._drawn = state, page.encode()
        return self._drawn[1]

    def _status(self) -> bytes:
        # rich, which draws tables for terminals, is loaded only here.
        from pipeline.reports.terminal_page import rows_of

        shown = {
            "model": self._opened.settings.tables.model.name,
            "parts": rows_of(status_now(self._opened, self._clock())),
            "at": self._clock(),
        }
        return filled("status.html", shown).encode()

    def _compare(self, asked: dict[str, str]) -> bytes:
        opened = self._opened
        model = opened.settings.tables.model.name
        names = [asked.get(key, "") for key in ("a", "b")]
        there = [str(each.number) for each in opened.registry.versions()]
        shown = {"model": model, "versions": there[::-1], "chosen": names, "live": True}
        if not any(names):
            return filled("choose.html", shown).encode()
        if not all(map(_VERSION.fullmatch, names)):
            raise AnchorholdError("a version is a number or an alias, such as 3 or champion")
        result = compare_as_accepted(names, opened)
        return filled("compare.html", {**comparison_values(result, model), "live": True}).encode()

    def _report(self, cycle: str, ending: str) -> tuple[bytes, str] | None:
        file = report_file(self._opened.settings.state, cycle).with_suffix(f".{ending}")
        if not file.is_file():
            return None
        return file.read_bytes(), _HTML if ending == "html" else _JSON


def serve_pages(
    opened: OpenWorkspace,
    port: int,
    *,
    clock: Callable[[], datetime],
    stop: threading.Event,
    tell: Callable[[str], None],
) -> UiResult:
    """Serve the pages until `stop` is set.

    Parameters
    ----------
    opened
        The open workspace; it is not locked.
    port
        Where to listen; 0: any free port.
    clock
        The present.
    stop
        Ends the serving.
    tell
        Is given the address when the pages can be opened.

    Raises
    ------
    DataFault
        The port cannot be used.
    """
    with _Server(Pages(opened, clock), port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            tell(server.address)
            stop.wait()
        finally:
            server.shutdown()
            thread.join()
            with server.lock:  # a request that reads still does so
                answered = server.requests
        return UiResult(address=server.address, requests=answered)


class _Server(LocalServer):
    def __init__(self, pages: Pages, port: int) -> None:
        super().__init__(_Handler, port)
        self.pages = pages
        self.requests = 0


class _Handler(LocalHandler):
    # The style of a page is part of it: each is one file.
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )

    def do_GET(self) -> None:
        name = self.named()
        if name is None:
            return
        server = cast(_Server, self.at)
        asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        status = HTTPStatus.OK
        with server.lock:
            server.requests += 1
            try:
                found = server.pages.page(name, asked)
            except AnchorholdError as fault:
                status = HTTPStatus.SERVICE_UNAVAILABLE
                found = filled("fault.html", {"fault": str(fault)}).encode(), _HTML
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self.send(*found, status)

    do_HEAD = do_GET

    def _refuse(self) -> None:
        """Refuse what could change something."""
        self.close_connection = True  # a body may follow, which nobody reads
        if self.named() is not None:
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED, "these pages only show")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse
