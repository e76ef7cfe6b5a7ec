"""The log of what was served: sampled, redacted, written in batches, never in anybody's way."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from serving import wait_for

from pipeline.intake import Intake
from pipeline.intake.redaction import Redaction
from pipeline.service.hooks import NotShown, UnknownQuery
from pipeline.service.query_log import QueryLog
from pipeline.store import Record, Store, StoreUnusable, Traffic, database
from pipeline.workspace import LogSettings
from training.faults import AnchorholdError
from training.unlabelled import Document, ServedQuery, Shown

ROOT = Path(__file__).resolve().parents[3]
SHOWN = (Shown("d1", score=0.8), Shown("d2", score=0.5))


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def store(url):
    with Store.open(url) as opened:
        yield opened


@pytest.fixture
def opened(url):
    """Open logs of the store that write only when they are told to, and close them at the end."""
    logs = []

    def made(redaction=None, clock=lambda: 1_767_225_600.0, **settings):
        table = LogSettings(**{"flush_seconds": 3600.0, **settings})
        logs.append(QueryLog(Store.open(url), table, Intake(), redaction, clock=clock))
        return logs[-1]

    yield made
    for each in logs:
        each.close()


def ask(log, query="where is my card", id="q1", results=SHOWN, **about):
    given = {"version": 3, "seconds": 0.02, "session": "s1", "user": "u1", **about}
    log.record(query=query, results=results, query_id=id, **given)


def test_what_was_served_is_stored_as_a_line_of_a_log_and_as_traffic(store, opened):
    log = opened()
    ask(log)
    assert log.flush(10)
    (line,) = store.served()
    assert line == ServedQuery(
        "where is my card",
        SHOWN,
        id="q1",
        source="service",
        session="s1",
        user="u1",
        timestamp=1_767_225_600.0,
        version=3,
        seconds=0.02,
    )
    (text,) = store.traffic("recent")
    assert text == Traffic(line.query, "q1", "service", line.timestamp, "s1", "u1")


def test_a_line_that_cannot_be_kept_does_not_end_the_writing(store, opened):
    log = opened()
    ask(log, "no text is its user", id="q1", user=None)
    ask(log, id="q2")
    assert log.flush(10)
    ask(log, id="q3")
    assert log.flush(10)
    assert [line.id for line in store.served()] == ["q2", "q3"]
    assert log.counts()["failed"] == 1


def test_lines_of_the_service_are_counted_as_those_of_a_file(store, opened):
    log = opened()
    for number in range(3):
        ask(log, id=f"q{number}")
        log.flush(10)
    log.feedback(query_id="q0", clicked=["d1"])
    log.flush(10)
    (counted,) = store.counts().files
    assert (counted.file, counted.kind, counted.stored) == ("service", "served", 3)
    assert counted.became["with_results"] == counted.became["lines"] == 3
    assert (counted.became["events"], counted.became["amended"]) == (1, 1)
    assert log.counts()["written"] == 3


def test_a_query_that_only_asked_for_its_vector_is_a_line_without_results(store, opened):
    log = opened()
    ask(log, results=None)
    log.flush(10)
    assert store.served()[0].shown == ()


def test_texts_of_results_are_left_to_the_corpus_where_it_has_them(store, opened):
    store.add("document", "recent", [Record(Document("d1", "about cards"))])
    log = opened()
    ask(log, results=(Shown("d1", "about cards", 0.8), Shown("", "a text of its own")))
    log.flush(10)
    assert store.served()[0].shown == (Shown("d1", "", 0.8), Shown("", "a text of its own"))


def test_a_batch_is_written_when_it_is_full(store, opened):
    log = opened(flush_lines=5)
    for number in range(4):
        ask(log, id=f"q{number}")
    time.sleep(0.3)
    assert store.count_served() == 0
    ask(log, id="q4")
    wait_for(lambda: store.count_served() == 5)


def test_a_batch_is_written_when_its_time_is_up(store, opened):
    log = opened(flush_seconds=0.2)
    ask(log)
    assert store.count_served() == 0
    wait_for(lambda: store.count_served() == 1)


def test_closing_writes_all_that_waits_and_takes_no_more(store, opened):
    log = opened()
    for number in range(2_500):
        ask(log, id=f"q{number}")
    log.close()
    log.close()
    assert store.count_served() == store.count_traffic() == 2_500
    ask(log, id="late")
    assert log.counts()["dropped"] == 1


def test_a_line_that_cannot_be_stored_is_quarantined_and_the_others_stay(store, opened):
    log = opened()
    bad = ("half \ud800", "a \0 b", "x" * 200_000, " ")
    for number, query in enumerate((*bad, "good")):
        ask(log, query, id=f"q{number}")
    ask(log, id="q9", results=(Shown("d\ud800"),))
    log.flush(10)
    assert [line.query for line in store.served()] == ["good"]
    assert len(store.quarantine()) == 5


def test_sessions_are_kept_or_left_out_as_a_whole(store, opened):
    log = opened(share=0.5)
    for session in range(200):
        for number in range(3):
            ask(log, id=f"{session}-{number}", session=f"session {session}")
    log.flush(10)
    per_session = {}
    for line in store.served():
        per_session[line.session] = per_session.get(line.session, 0) + 1
    assert set(per_session.values()) == {3}
    assert 70 < len(per_session) < 130
    assert log.counts()["not_sampled"] == 600 - 3 * len(per_session)
    again = opened(share=0.5)
    for session in range(200):
        ask(again, id=f"{session}-again", session=f"session {session}")
    again.flush(10)
    assert {line.session for line in store.served()} == set(per_session)


def test_queries_without_a_session_are_sampled_each_alone(store, opened):
    log = opened(share=0.25)
    for number in range(400):
        ask(log, id=f"q{number}", session="", user="u1")
    log.flush(10)
    assert 60 < store.count_served() < 140


def test_a_full_queue_drops_lines_counts_them_and_delays_nobody(store, url, opened):
    log = opened(queue_lines=100, flush_lines=10)
    with Store.open(url) as other, other.rehearsal():
        # While another process writes, nothing can be written.
        other.add("traffic", "recent", [Record(Traffic("a text"))])
        longest = 0.0
        for number in range(500):
            began = time.perf_counter()
            ask(log, id=f"q{number}")
            longest = max(longest, time.perf_counter() - began)
        assert log.feedback(query_id="q499") == "not sampled"
        assert log.feedback(query_id="q1", clicked=["d1"]) == "dropped"
    assert longest < 1.0
    assert log.flush(30)
    assert (store.count_served(), log.counts()["dropped"]) == (100, 400)
    assert log.counts()["feedback_dropped"] == 1


def test_a_database_in_use_for_longer_than_a_writer_waits_loses_nothing(
    store, url, opened, monkeypatch
):
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.05)
    log = opened(flush_lines=1)
    with Store.open(url) as other, other.rehearsal():
        other.add("traffic", "recent", [Record(Traffic("a text"))])
        for number in range(20):
            ask(log, id=f"q{number}")
        wait_for(lambda: log.counts()["retries"] > 2)
    assert log.flush(30)
    assert store.count_served() == 20


def test_lines_that_could_not_be_written_at_the_end_are_told(store, url, monkeypatch):
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.05)
    log = QueryLog(Store.open(url), LogSettings(flush_seconds=3600.0))
    ask(log)
    with Store.open(url) as other, other.rehearsal():
        other.add("traffic", "recent", [Record(Traffic("a text"))])
        with pytest.raises(StoreUnusable, match=r"1 lines of the log are lost: .*locked"):
            log.close(timeout=0.3)


def test_two_processes_write_the_same_store_and_every_line_arrives(store, url, tmp_path, opened):
    code = """
import sys
from pipeline.store import Record, Store, Traffic
with Store.open(sys.argv[1]) as store:
    for number in range(40):
        store.add("traffic", "recent", [Record(Traffic(f"text {number}"))] * 20)
"""
    log = opened(flush_lines=20)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code, url], env=environment) as other:
        threads = [
            threading.Thread(
                target=lambda thread=thread: [
                    ask(log, id=f"{thread}-{number}") for number in range(250)
                ]
            )
            for thread in range(4)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert other.wait(60) == 0
    assert log.flush(30)
    assert (store.count_served(), store.count_traffic()) == (1_000, 1_800)
    assert len({line.id for line in store.served()}) == 1_000


def test_a_killed_process_loses_at_most_the_batch_that_was_not_written(store, url):
    """It names each line before it hands it over; all but the last batch must be stored."""
    code = """
import sys, time
from pipeline.service.query_log import QueryLog
from pipeline.store import Store
from pipeline.workspace import LogSettings
log = QueryLog(Store.open(sys.argv[1]), LogSettings(flush_lines=1000, flush_seconds=0.5))
for number in range(100_000):
    moment = time.time()
    log.record(query=f"query {number}", results=None, version=1, seconds=0.0, session="",
               user="", query_id=str(number))
    print(number, moment, flush=True)
    time.sleep(0.002)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, url]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as other:
        told = []
        while not (told and told[-1][1] - told[0][1] > 2.0):
            number, moment = other.stdout.readline().split()
            told.append((int(number), float(moment)))
        other.send_signal(signal.SIGKILL)
        killed = time.time()
        rest = [line.split() for line in other.stdout]
        told += [(int(number), float(moment)) for number, moment in rest]
    stored = {int(line.id) for line in store.served()}
    lost = [moment for number, moment in told if number not in stored]
    assert len(stored) > 100
    assert stored == set(range(len(stored)))
    # Half a second is the setting; the rest is the writing itself, on a busy machine.
    assert all(killed - moment < 0.5 + 2.0 for moment in lost)


def test_a_forked_process_is_told_that_it_has_no_writer(opened):
    log = opened()
    child = os.fork()
    if not child:
        try:
            ask(log)
        except AnchorholdError as fault:
            os._exit(0 if "open it in the forked process" in str(fault) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_feedback_is_added_to_a_line_that_is_stored_or_still_waits(store, opened):
    log = opened()
    ask(log)
    assert log.feedback(query_id="q1", clicked=["d2"], feedback={"d1": 1}) == "taken"
    log.flush(10)
    assert log.feedback(query_id="q1", clicked=["d1"], feedback={"d1": -1, "d2": 1}) == "taken"
    log.flush(10)
    (line,) = store.served()
    assert line.clicked == ("d2", "d1")
    assert dict(line.feedback) == {"d1": -1, "d2": 1}


def test_feedback_is_taken_after_a_restart(store, opened):
    log = opened()
    ask(log)
    log.close()
    after = opened()
    assert after.feedback(query_id="q1", clicked=["d2"]) == "taken"
    with pytest.raises(NotShown):
        after.feedback(query_id="q1", clicked=["d9"])
    after.flush(10)
    assert store.served()[0].clicked == ("d2",)


def test_feedback_that_comes_twice_changes_nothing(store, opened):
    log = opened()
    ask(log)
    for _ in range(3):
        log.feedback(query_id="q1", clicked=["d2", "d2"], feedback={"d2": 1})
        log.flush(10)
    (line,) = store.served()
    assert (line.clicked, line.feedback) == (("d2",), (("d2", 1),))
    assert store.counts().files[0].became["amended"] == 1


@pytest.mark.parametrize("id", ["q2", "", "\ud800", "a\0b"])
def test_feedback_on_an_unknown_query_is_refused(opened, id):
    log = opened()
    ask(log)
    with pytest.raises(UnknownQuery, match="was answered; feedback must name one"):
        log.feedback(query_id=id, clicked=["d1"])


@pytest.mark.parametrize(
    "given",
    [
        {"clicked": ["d9"]},
        {"clicked": ["d1", ""]},
        {"feedback": {"d9": 1}},
        {"feedback": {"d1": 2}},
        {"feedback": {"d1": 0}},
    ],
)
def test_feedback_that_names_what_was_not_shown_is_refused_as_a_whole(store, opened, given):
    log = opened()
    ask(log)
    with pytest.raises(NotShown):
        log.feedback(query_id="q1", **given)
    log.flush(10)
    assert (store.served()[0].clicked, store.served()[0].feedback) == ((), ())


def test_where_the_log_does_not_know_the_results_any_may_be_named(store, opened):
    log = opened()
    ask(log, results=None)
    assert log.feedback(query_id="q1", clicked=["d7"]) == "taken"
    with pytest.raises(NotShown):
        log.feedback(query_id="q1", clicked=["d\ud800"])
    log.flush(10)
    assert store.served()[0].clicked == ("d7",)


def test_feedback_on_what_sampling_left_out_is_told_so(store, opened):
    log = opened(share=0.0)
    ask(log)
    assert log.feedback(query_id="q1", clicked=["d1"]) == "not sampled"
    log.flush(10)
    assert store.served() == []


def test_an_answer_is_kept_with_its_query_and_redacted(store, opened):
    log = opened()
    ask(log)
    log.feedback(query_id="q1", answer="Write to help@example.org and wait.")
    log.feedback(query_id="q1", clicked=["d1"])
    log.flush(10)
    (line,) = store.served()
    assert (line.answer, line.clicked) == ("Write to [e-mail] and wait.", ("d1",))


def test_an_answer_that_cannot_be_stored_is_named_and_the_clicks_stay(store, opened):
    log = opened()
    ask(log)
    log.feedback(query_id="q1", clicked=["d1"], answer="half \ud800")
    log.flush(10)
    assert (store.served()[0].answer, store.served()[0].clicked) == ("", ("d1",))
    assert "the answer to the query 'q1'" in store.quarantine()[0].reason


def test_nothing_personal_reaches_the_database_or_the_program_s_log(
    store, url, opened, tmp_path, caplog
):
    log = opened(redact="mask")
    secret = "ada.lovelace@example.org"
    ask(log, f"mail {secret} or +49 171 1234567", user=secret, session=f"of {secret}")
    ask(log, f"\0 {secret}", id="q2")
    log.feedback(query_id="q1", answer=f"{secret} \0")
    log.close()
    for file in tmp_path.iterdir():
        assert b"lovelace" not in file.read_bytes()
    assert "lovelace" not in caplog.text
    (line,) = store.served()
    assert line.query == "mail [e-mail] or [phone]"
    assert line.user.startswith("redacted-") and line.session.startswith("redacted-")


def test_a_redactor_that_fails_keeps_the_text_out_and_is_counted(store, opened, tmp_path, caplog):
    def own(text):
        if "secret" in text:
            raise RuntimeError(f"cannot redact {text}")
        return text.replace("Ada", "[name]")

    log = opened(Redaction("mask", own))
    ask(log, "a secret word", id="q1")
    ask(log, "call Ada", id="q2")
    log.feedback(query_id="q2", clicked=["d1"], answer="a secret answer")
    log.flush(10)
    assert log.feedback(query_id="q1", clicked=["d1"]) == "not sampled"
    log.close()
    (line,) = store.served()
    assert (line.query, line.clicked, line.answer) == ("call [name]", ("d1",), "")
    assert log.counts()["refused"] == 1
    assert b"secret" not in (tmp_path / "store.db").read_bytes()
    assert "secret" not in caplog.text and "RuntimeError" in caplog.text


def test_a_batch_that_is_tried_again_counts_what_it_refuses_once(store, url, opened, monkeypatch):
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.05)
    log = opened(Redaction("mask", lambda text: "" if "secret" in text else text), flush_lines=2)
    with Store.open(url) as other, other.rehearsal():
        other.add("traffic", "recent", [Record(Traffic("a text"))])
        ask(log, "a secret word", id="q1")
        ask(log, id="q2")
        wait_for(lambda: log.counts()["retries"] > 1)
    log.flush(30)
    assert (log.counts()["refused"], log.counts()["written"]) == (1, 1)
    assert [line.id for line in store.served()] == ["q2"]


@pytest.mark.parametrize("own", [lambda text: "", lambda text: None, lambda text: 7])
def test_a_redactor_that_returns_no_text_keeps_the_line_out(store, opened, own):
    log = opened(Redaction("mask", own))
    ask(log)
    log.flush(10)
    assert (store.served(), store.quarantine(), log.counts()["refused"]) == ([], [], 1)


def test_a_log_open_for_hours_takes_todays_moments(store, opened):
    now = [datetime(2026, 1, 1, tzinfo=UTC).timestamp()]
    log = opened(clock=lambda: now[0])
    ask(log)
    log.flush(10)
    now[0] += 30 * 3600
    ask(log, id="q2")
    log.flush(10)
    assert [line.id for line in store.served()] == ["q1", "q2"]
