"""A served log under a check: what was answered feeds the triggers that concern answers."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import NOW
from made_streams import BANK, sentences, write_lines

from pipeline.cycle.check import check_now, comparable, window_of
from pipeline.cycle.run import run_cycle
from pipeline.cycle.window import gather
from pipeline.observation import Answered, Observe
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.pairs import HoldOut
from training.unlabelled import ServedQuery

ROWS = sentences(BANK, 700, 50)


def log(rows, *, start=0, shown=lambda place, rank: place + rank, answers=None):
    """Return a line per row, with the documents of these places; the first row has place start."""
    return [
        {
            "query": row["query"],
            "results": [
                {"id": ROWS[shown(place, rank) % len(ROWS)]["id"], "score": 0.9 - rank / 10}
                for rank in range(3)
            ],
            "answer": answers(place) if answers else "",
            "session": f"s{place}",
        }
        for place, row in enumerate(rows, start)
    ]


def texts(rows):
    return [{"id": row["id"], "text": row["positive"]} for row in rows]


def own_words(place):
    return f"please open the application number {place} and then choose the button called replace"


@pytest.fixture(scope="module")
def with_log(tmp_path_factory, turned_once):
    """Return a workspace whose champion was checked on 400 lines of a log: nothing was found."""
    space = shutil.copytree(turned_once, tmp_path_factory.mktemp("log") / "space")
    file = space / "anchorhold.toml"
    keys = '[data]\ncorpus = ["corpus/*.jsonl"]\nlog = ["log/*.jsonl"]\n'
    file.write_text(file.read_text().replace("[data]\n", keys))
    write_lines(space / "corpus" / "all.jsonl", texts(ROWS))
    write_lines(space / "log" / "1.jsonl", log(ROWS[:400], answers=own_words))
    with open_workspace(load_settings(space), doing="run", now=NOW) as opened:
        found = run_cycle(opened, NOW)
        assert found.outcome == "quiet", found.decision.reasons
    return space


@pytest.fixture
def signals(with_log, tmp_path):
    def check(lines, documents=()):
        space = shutil.copytree(with_log, tmp_path / "copy")
        write_lines(space / "corpus" / "later.jsonl", documents)
        write_lines(space / "log" / "2.jsonl", lines)
        with open_workspace(load_settings(space), doing="test", now=NOW) as opened:
            found = check_now(opened, traffic=None, pairs=None, now=NOW)
        return {signal.trigger: signal for signal in found.signals}

    return check


def test_answers_as_good_as_before_are_quiet(signals):
    found = signals(log(ROWS[400:], start=400))
    for name in ("similarity_shift", "feedback_loop"):
        assert found[name].measured
        assert not found[name].fired, found[name].reason
    assert "median margin to the second document" in found["similarity_shift"].reason


def test_answers_that_match_their_queries_less_are_a_shift(signals):
    found = signals(log(ROWS[400:], start=400, shown=lambda place, rank: place + 17 + rank))
    assert found["similarity_shift"].fired, found["similarity_shift"].reason


@pytest.mark.parametrize("worse", [0, 17])
def test_a_file_of_a_log_can_be_checked_in_place_of_what_is_stored(with_log, tmp_path, worse):
    lines = log(ROWS[400:], start=400, shown=lambda place, rank: place + worse + rank)
    write_lines(tmp_path / "today.jsonl", lines)
    with open_workspace(load_settings(with_log), doing="test", now=NOW, exclusive=False) as opened:
        before = opened.store.last_sequence()
        file = tmp_path / "today.jsonl"
        found = check_now(opened, traffic=None, pairs=None, log=file, now=NOW)
        assert opened.store.last_sequence() == before
    signals = {signal.trigger: signal for signal in found.signals}
    assert signals["similarity_shift"].fired == bool(worse), signals["similarity_shift"].reason
    assert not signals["embedding_shift"].fired


def test_texts_that_repeat_what_the_system_answered_block(signals):
    copies = [{"query": f"{own_words(n)} {n}"} for n in range(100)]
    found = signals([*log(ROWS[400:500], start=400), *log(copies)])
    assert found["feedback_loop"].fired
    assert found["feedback_loop"].blocks
    assert "repeat past answers" in found["feedback_loop"].reason


def test_new_documents_that_repeat_what_the_system_answered_block(signals):
    made = [{"id": f"made-{n}", "text": own_words(n)} for n in range(60)]
    found = signals(log(ROWS[400:500], start=400), made)
    assert found["feedback_loop"].fired
    assert "new documents repeat past answers" in found["feedback_loop"].reason


def test_few_texts_and_few_documents_are_concentration(signals):
    alike = [{"query": f"lost card {n} lost card"} for n in range(100)] * 3
    found = signals(log(alike, shown=lambda place, rank: rank))
    assert "probability of the same document twice" in found["feedback_loop"].reason
    assert found["feedback_loop"].fired, found["feedback_loop"].reason


@pytest.mark.slow
def test_the_command_says_what_the_log_shows(with_log, tmp_path):
    space = shutil.copytree(with_log, tmp_path / "copy")
    lines = log(ROWS[400:], start=400, shown=lambda place, rank: place + 17 + rank)
    write_lines(space / "log" / "2.jsonl", lines)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "check", "-w", str(space), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = {each["trigger"]: each for each in json.loads(done.stdout)["signals"]}
    assert found["similarity_shift"]["fired"]
    assert found["similarity_shift"]["cause"] == "retrieval_loss"


def test_without_lines_of_the_reference_period_nothing_is_compared(with_log, tmp_path):
    space = shutil.copytree(with_log, tmp_path / "copy")
    with open_workspace(load_settings(space), doing="test", now=NOW) as opened:
        gathered = gather(opened.store, window_of(opened, opened.versions.champion()), Observe())
        assert gathered.answered == Answered(), "the log was checked, and nothing came since"


def test_a_trained_champion_is_compared_on_queries_that_gave_no_pairs():
    lines = [ServedQuery(row["query"]) for row in ROWS]
    answered = Answered(before=lines[:300], recent=lines[300:])
    tables = SimpleNamespace(holdout=HoldOut(), observe=Observe(reference=50))
    first = comparable(answered, tables, trained=False)
    later = comparable(answered, tables, trained=True)
    assert first.before == answered.before[-50:]
    assert 0 < len(later.before) <= 50
    assert all(HoldOut().holds(line.query) for line in later.before)
    assert later.recent == answered.recent
