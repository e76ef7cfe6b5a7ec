"""Local pages by real HTTP: they show, they are for this machine, and nothing can be changed."""

import http.client
import json
import threading
from urllib.parse import urlsplit

import pytest
from browser import CHROMIUM, Browser

from pipeline import Workspace
from training.faults import DataFault


class Client:
    """The pages of a workspace, served in a thread until they are stopped."""

    def __init__(self, folder):
        self.stopped, ready = threading.Event(), threading.Event()

        def tell(address):
            self.address = address
            ready.set()

        def serve():
            with Workspace.open(folder) as space:
                self.result = space.ui(stop=self.stopped, tell=tell)

        self.thread = threading.Thread(target=serve)
        self.thread.start()
        assert ready.wait(120)
        self.parts = urlsplit(self.address)

    def ask(self, name="", method="GET", *, path=None, **headers):
        connection = http.client.HTTPConnection(self.parts.netloc, timeout=120)
        connection.request(method, path or self.parts.path + name, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def stop(self):
        self.stopped.set()
        self.thread.join(120)
        assert not self.thread.is_alive()


@pytest.fixture
def pages(turned):
    client = Client(turned)
    yield client
    client.stop()


def test_all_cycles_their_reports_status_and_two_versions_are_shown(pages, turned):
    answer, text = pages.ask()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "2 cycles" in text
    assert 'href="cycles/0002/report.html"' in text
    report = pages.ask("cycles/0002/report.html")[1]
    assert report == (turned / ".anchorhold/cycles/0002/report.html").read_text(encoding="utf-8")
    assert json.loads(pages.ask("cycles/0002/report.json")[1])["cycle"] == "0002"
    assert len(json.loads(pages.ask("history.json")[1])["cycles"]) == 2
    status = pages.ask("status")[1]
    assert "version 2 of cycle 0002 serves" in status
    assert '<td data-label="outcome">promoted</td>' in status
    assert "<option selected>1</option>" in pages.ask("compare")[1]
    compared = pages.ask("compare?a=1&b=champion")[1]
    assert "Old task bank" in compared
    assert "versions side by side" in compared


def test_what_happens_meanwhile_is_on_the_next_page(pages, turned):
    assert "rolled back" not in pages.ask()[1]
    with Workspace.open(turned) as space:
        space.rollback(reason="users <i>complained</i>")
    text = pages.ask()[1]
    assert "users &lt;i&gt;complained&lt;/i&gt;" in text
    assert "version 1 of cycle 0001 serves" in pages.ask("status")[1]


def test_only_this_machine_with_the_address_is_answered(pages):
    token = pages.parts.path
    refused = {
        "another host": (pages.ask(Host="evil.example"), 403),
        "another port": (pages.ask(Host="127.0.0.1:1"), 403),
        "no token": (pages.ask(path="/"), 404),
        "token without a slash": (pages.ask(path=token.rstrip("/")), 404),
        "a wrong token": (pages.ask(path="/wrong/status"), 404),
        "no token, a report": (pages.ask(path="/cycles/0002/report.html"), 404),
    }
    assert {name: answer.status for name, ((answer, _), _) in refused.items()} == {
        name: status for name, (_, status) in refused.items()
    }
    assert all("cycle 0002" not in text for (_, text), _ in refused.values())
    assert pages.ask(Host=f"localhost:{pages.parts.port}")[0].status == 200


@pytest.mark.parametrize(
    "name",
    [
        "../../../anchorhold.toml",
        "cycles/../../anchorhold.toml",
        "cycles/%2e%2e/%2e%2e/anchorhold.toml",
        "cycles/0002/../../store.db",
        "cycles/0002%2freport.html",
        "cycles/0002/report.html/..",
        "cycles/0002/report.html%00",
        "cycles/%D9%A0%D9%A0%D9%A0%D9%A2/report.html",
        "cycles/0002/",
        "cycles/0009/report.html",
        "//etc/passwd",
        "store.db",
        "status/",
    ],
)
def test_no_other_file_can_be_asked_for(pages, name):
    answer, text = pages.ask(name)
    assert answer.status == 404
    assert "[model]" not in text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_request_changes_anything(pages, method):
    assert pages.ask("status", method)[0].status == 405
    assert pages.ask("", method)[0].status == 405


def test_a_head_request_gets_no_body_and_nothing_may_be_framed_kept_or_run(pages):
    answer, text = pages.ask("status", "HEAD")
    assert (answer.status, text) == (200, "")
    assert int(answer.headers["Content-Length"]) > 1000
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("a=1&b=1", "fewer than two different"),
        ("a=1&b=99", "99"),
        ("a=1&b=../../x", "number or an alias"),
        ("a=1&b=%3Cscript%3E", "number or an alias"),
        ("a=1", "number or an alias"),
    ],
)
def test_versions_that_cannot_be_compared_are_refused_in_a_sentence(pages, asked, why):
    answer, text = pages.ask(f"compare?{asked}")
    assert answer.status == 503
    assert why in text
    assert "Traceback" not in text
    assert "<script" not in text


def test_the_pages_can_be_counted_and_a_port_in_use_is_refused(pages, turned):
    pages.ask("status")
    with (
        Workspace.open(turned) as space,
        pytest.raises(DataFault, match=f"port {pages.parts.port} cannot be used"),
    ):
        space.ui(port=pages.parts.port)
    with Workspace.open(turned) as space, pytest.raises(DataFault, match="0 to 65535"):
        space.ui(port=70_000)
    pages.stop()
    assert pages.result.requests == 1
    assert pages.result.address == pages.address


def test_many_requests_at_once_are_all_answered(pages):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(pages.ask("status")[0].status))
        for _ in range(6)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    assert found == [200] * 6


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_person_finds_the_way_from_the_time_line_to_two_versions(pages, tmp_path):
    with Browser(tmp_path / "profile") as browser:
        browser.size(390, 844)
        browser.open(pages.address)
        browser.look("document.querySelectorAll('.cells a')[1].click()")
        browser.wait("location.pathname.endsWith('/cycles/0002/report.html')")
        assert "promoted" in browser.look("document.body.innerText")
        for name in ("", "status", "compare"):
            browser.open(pages.address + name)
            browser.wait(f"location.pathname.endsWith('/{name}')")
            assert browser.look("document.documentElement.scrollWidth <= innerWidth"), name
        browser.look("document.querySelector('form button').click()")
        browser.wait("location.search === '?a=1&b=2'")
        assert "Old task bank" in browser.look("document.body.innerText")
