"""The sheet: filled in anywhere, read back in order, up to the first question without an answer."""

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from made_questions import made_questions, made_session
from made_records import sheets

from pipeline.judging import Questions, read_sheet, write_sheet
from pipeline.store import Store
from training.faults import DataFault


@pytest.fixture
def session():
    with Store.open("sqlite://") as store:
        yield made_session(store)


def fill(file, answers, delimiter=","):
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    for row, answer in zip(rows[1:], answers, strict=False):
        row[2] = answer
    with file.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines, delimiter=delimiter).writerows(rows)


def test_answers_of_a_sheet_are_stored_once_and_in_order(session, tmp_path):
    sheet = tmp_path / "questions.csv"
    assert write_sheet(session, sheet) == 10
    assert read_sheet(session, sheet) == (0, "")
    fill(sheet, ["1", "2", "=", "0"], delimiter=";")
    assert read_sheet(session, sheet) == (4, "")
    left = [each.left for each in session.answers()]
    found = [each.answer for each in session.answers()]
    assert found[0] == left[0]
    assert found[1] != left[1]
    assert found[2:] == ["same", "none"]
    assert read_sheet(session, sheet) == (0, "")
    assert write_sheet(session, tmp_path / "rest.csv") == 6


def test_what_follows_a_question_without_an_answer_waits(session, tmp_path):
    sheet = tmp_path / "questions.csv"
    write_sheet(session, sheet)
    fill(sheet, ["1", "", "2", "2"])
    stored, waits = read_sheet(session, sheet)
    assert stored == 1
    assert "question 2 has no answer; 2 answers after it wait" in waits
    fill(sheet, ["1", "0", "2", "2"])
    assert read_sheet(session, sheet)[0] == 3


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("judging,question,answer\n1,1,maybe\n", "line 2: answer is 'maybe'; allowed are 1"),
        ("judging,question,answer\n9,1,1\n", "line 2: is of judging 9, but this is judging 1"),
        ("judging,question,answer\n1,one,1\n", "line 2: question is 'one'"),
        ("question,answer\n1,1\n", "the column 'judging' is missing"),
        ("", "the column 'answer' is missing"),
    ],
)
def test_a_sheet_that_cannot_be_used_is_refused_and_nothing_is_stored(
    session, tmp_path, text, fault
):
    (tmp_path / "sheet.csv").write_text(text)
    with pytest.raises(DataFault, match=fault):
        read_sheet(session, tmp_path / "sheet.csv")
    assert session.answers() == []


def test_no_cell_is_a_formula(tmp_path):
    rankings = {"=cmd()": (("a",), ("b",))}
    texts = {"a": "+1 is the answer", "b": "@sum"}
    questions = Questions.draw((3, 5), ["=cmd()"], rankings, texts, results=1, seed=0)
    with Store.open("sqlite://") as store:
        write_sheet(made_session(store, questions), tmp_path / "sheet.csv")
    rows = list(csv.reader((tmp_path / "sheet.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert rows[1][3] == "'=cmd()"
    assert sorted(rows[1][4:]) == ["'+1 is the answer", "'@sum"]


def test_there_is_no_sheet_when_all_is_answered(tmp_path):
    with Store.open("sqlite://") as store:
        session = made_session(store, made_questions(2))
        session.answer(0, "same")
        with pytest.raises(DataFault, match="all questions are answered"):
            write_sheet(session, tmp_path / "sheet.csv")


@settings(max_examples=60)
@given(sheets())
def test_any_sheet_is_read_or_refused_with_its_name(content):
    with tempfile.TemporaryDirectory() as folder, Store.open("sqlite://") as store:
        file = Path(folder, "questions.csv")
        file.write_bytes(content)
        session = made_session(store)
        try:
            stored, _ = read_sheet(session, file)
        except DataFault as fault:
            assert str(fault).startswith(str(file))
            stored = 0
        assert stored == len(session.answers())
