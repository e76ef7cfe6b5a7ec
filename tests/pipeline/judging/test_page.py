"""The page: asked by real HTTP and, where Chromium is installed, used by keyboard."""

import http.client
import re
import threading
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from browser import CHROMIUM, Browser
from made_questions import made_questions, made_session

from pipeline.judging import Questions, serve
from pipeline.store import Store
from training.faults import DataFault


class Client:
    """A page that is served in a thread until it is stopped."""

    def __init__(self, session):
        self.session = session
        ready = threading.Event()

        def tell(address):
            self.address = address
            ready.set()

        self.thread = threading.Thread(target=serve, args=(session, tell))
        self.thread.start()
        assert ready.wait(20)
        self.parts = urlsplit(self.address)
        self.origin = f"http://{self.parts.netloc}"

    def ask(self, method, name="", form=None, *, path=None, **headers):
        connection = http.client.HTTPConnection(self.parts.netloc, timeout=20)
        given = {"Origin": self.origin} if method == "POST" else {}
        body = urlencode(form or {}) if method == "POST" else None
        given |= {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(method, path or self.parts.path + name, body, given)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def stop(self):
        if self.thread.is_alive():
            self.ask("POST", "stop")
            self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def page(tmp_path):
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        client = Client(made_session(store))
        yield client
        client.stop()


def test_a_person_answers_undoes_and_stops_with_forms_alone(page):
    answer, text = page.ask("GET")
    assert answer.status == 200
    assert page.session.questions.asked[0].query in text
    assert "0 answers" in text
    assert "version" not in text, "blind"
    answer, _ = page.ask("POST", "answer", {"turn": 0, "answer": "left"})
    assert (answer.status, answer.headers["Location"]) == (303, page.parts.path)
    page.ask("POST", "answer", {"turn": 1, "answer": "none"})
    assert "2 answers" in page.ask("GET")[1]
    page.ask("POST", "undo")
    assert [each.turn for each in page.session.answers()] == [0]
    answer, text = page.ask("POST", "stop")
    assert "Judging stopped" in text
    page.thread.join(20)
    assert not page.thread.is_alive()


def test_an_answer_that_is_sent_twice_counts_once(page):
    for _ in range(2):
        page.ask("POST", "answer", {"turn": 0, "answer": "left"})
    assert len(page.session.answers()) == 1


def test_only_this_machine_with_the_address_and_the_page_itself_can_answer(page):
    form = {"turn": 0, "answer": "left"}
    refused = [
        page.ask("GET", Host="evil.example"),
        page.ask("GET", path="/"),
        page.ask("GET", path="/wrong-token/"),
        page.ask("GET", path=f"{page.parts.path}../../etc/passwd"),
        page.ask("GET", "page_server.py"),
        page.ask("POST", "answer", form, Origin="http://evil.example"),
        page.ask("POST", "answer", form, Origin="null"),
        page.ask("POST", "answer", form, Host="evil.example"),
        page.ask("POST", "answer", {"turn": 0, "answer": "better"}),
        page.ask("POST", "answer", {"turn": "²", "answer": "left"}),
        page.ask("POST", "answer", {**form, "more": "x" * 20_000}),
        page.ask("POST", "elsewhere", form),
    ]
    assert [answer.status for answer, _ in refused] == [403, 404, 404, 404, 404, 403, 403, 403, 400,
                                                        400, 403, 404]  # fmt: skip
    assert page.session.answers() == []


def test_nothing_is_loaded_from_elsewhere_and_no_other_page_may_frame_it(page):
    answer, text = page.ask("GET")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(re.findall(r'(?:src|href|action)="([^"]+)"', text)) == {
        "page.css", "page.js", "answer", "undo", "stop",
    }  # fmt: skip
    for name in ("page.css", "page.js"):
        answer, text = page.ask("GET", name)
        assert answer.status == 200
        assert "http" not in text


def test_text_of_users_is_shown_as_text():
    bad = '<script>alert("x")</script>'
    questions = Questions.draw(
        (3, 5), [bad], {bad: (("a",), ("b",))}, {"a": bad, "b": "<b>b</b>"}, results=1, seed=0
    )
    with Store.open("sqlite://") as store:
        client = Client(made_session(store, questions))
        text = client.ask("GET")[1]
        client.ask("POST", "answer", {"turn": 0, "answer": "left"})
        assert "All questions are answered" in client.ask("GET")[1]
        client.stop()
    assert bad not in text
    assert text.count("&lt;script&gt;") == 2


def test_a_port_in_use_is_refused(page):
    with pytest.raises(DataFault, match=f"port {page.parts.port} cannot be used"):
        serve(page.session, print, page.parts.port)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_the_page_is_used_by_keyboard_and_fits_a_telephone(tmp_path, request):
    with (
        Store.open(f"sqlite:///{tmp_path}/store.db") as store,
        Browser(tmp_path / "profile") as browser,
    ):
        client = Client(made_session(store, made_questions(results=2)))
        browser.size(1280, 800)
        browser.open(client.address)
        for turn, key in enumerate("12=0"):
            browser.wait(f"document.querySelector('[name=turn]')?.value === '{turn}'")
            browser.press(key)
        browser.wait("document.querySelector('[name=turn]')?.value === '4'")
        browser.press("u")
        browser.wait("document.querySelector('[name=turn]')?.value === '3'")
        kept = client.session.answers()
        assert [each.answer == each.left for each in kept] == [True, False, False]
        assert kept[1].answer in ("first", "second")
        assert kept[2].answer == "same"
        for width, height in ((390, 844), (1280, 800)):
            browser.size(width, height)
            assert browser.look("document.documentElement.scrollWidth <= innerWidth")
            bottom = "document.querySelector('.answers').getBoundingClientRect().bottom"
            assert browser.look(f"{bottom} <= innerHeight"), "the buttons are always in reach"
            browser.photograph(tmp_path / f"{width}.png")
            assert (tmp_path / f"{width}.png").stat().st_size > 5_000
        browser.press("q")
        browser.wait("document.body.innerText.includes('Judging stopped')")
        client.thread.join(20)
        assert not client.thread.is_alive()


def test_the_files_of_the_page_are_part_of_the_package():
    folder = Path(serve.__code__.co_filename).parent / "page"
    assert {each.name for each in folder.iterdir()} == {"page.html", "page.css", "page.js"}
