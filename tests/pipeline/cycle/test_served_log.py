"""A served log under a check: what was answered feeds the triggers that concern answers."""

import shutil
from types import SimpleNamespace

import pytest
from conftest import NOW
from made_streams import BANK, sentences, write_lines

from pipeline.cycle.check import check_now, comparable
from pipeline.cycle.run import run_cycle
from pipeline.observation import Answered, Observe
from pipeline.store import Record
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.pairs import HoldOut
from training.unlabelled import Document, ServedQuery, Shown

ROWS = sentences(BANK, 700, 50)


def log(rows, *, start=0, shown=lambda place, rank: place + rank, answers=None):
    """Return a line per row, with the documents of these places; the first row has place start."""
    return [
        ServedQuery(
            row["query"],
            tuple(Shown(ROWS[shown(place, rank) % len(ROWS)]["id"]) for rank in range(3)),
            answer=answers(place) if answers else "",
            session=f"s{place}",
        )
        for place, row in enumerate(rows, start)
    ]


def own_words(place):
    return f"please open the application number {place} and then choose the button called replace"


@pytest.fixture(scope="module")
def with_log(tmp_path_factory, turned_once):
    """Return a workspace whose champion was checked on 400 lines of a log: nothing was found."""
    space = shutil.copytree(turned_once, tmp_path_factory.mktemp("log") / "space")
    with open_workspace(load_settings(space), doing="run", now=NOW) as opened:
        documents = [Document(row["id"], row["positive"]) for row in ROWS]
        store(opened, "document", documents)
        store(opened, "served", log(ROWS[:400], answers=own_words))
        found = run_cycle(opened, NOW)
        assert found.outcome == "quiet", found.decision.reasons
    return space


def store(opened, kind, contents):
    opened.store.add(kind, "recent", [Record(each) for each in contents])


@pytest.fixture
def signals(with_log, tmp_path):
    def check(lines, documents=()):
        space = shutil.copytree(with_log, tmp_path / "copy")
        with open_workspace(load_settings(space), doing="test", now=NOW) as opened:
            store(opened, "document", documents)
            store(opened, "served", lines)
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
    records = [
        {"query": line.query, "results": [each.id for each in line.shown], "session": line.session}
        for line in lines
    ]
    write_lines(tmp_path / "today.jsonl", records)
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
    made = [Document(f"made-{n}", own_words(n)) for n in range(60)]
    found = signals(log(ROWS[400:500], start=400), made)
    assert found["feedback_loop"].fired
    assert "new documents repeat past answers" in found["feedback_loop"].reason


def test_few_texts_and_few_documents_are_concentration(signals):
    alike = [{"query": f"lost card {n} lost card"} for n in range(100)] * 3
    found = signals(log(alike, shown=lambda place, rank: rank))
    assert "probability of the same document twice" in found["feedback_loop"].reason
    assert found["feedback_loop"].fired, found["feedback_loop"].reason


def test_without_lines_of_the_reference_period_nothing_is_compared(opened):
    store(opened, "document", [Document(row["id"], row["positive"]) for row in ROWS])
    store(opened, "served", log(ROWS[:300]))
    found = check_now(opened, traffic=None, pairs=None, now=NOW).signals
    assert not {signal.trigger: signal for signal in found}["similarity_shift"].measured


def test_a_trained_champion_is_compared_on_queries_that_gave_no_pairs():
    answered = Answered(before=log(ROWS[:300]), recent=log(ROWS[400:], start=400))
    tables = SimpleNamespace(holdout=HoldOut(), observe=Observe(reference=50))
    first = comparable(answered, tables, trained=False)
    later = comparable(answered, tables, trained=True)
    assert first.before == answered.before[-50:]
    assert 0 < len(later.before) <= 50
    assert all(HoldOut().holds(line.query) for line in later.before)
    assert later.recent == answered.recent
