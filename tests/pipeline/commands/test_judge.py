"""The terminal mode of `anchorhold judge`: keys become answers."""

import io
import sys

import pytest

from pipeline.commands.judge import _ask
from pipeline.judging import Shown

SHOWN = Shown(
    2, "lost\x1b[2J card", ("Call us.", "Not compared."), ("Pay [red]here[/red]. " * 90,), 1
)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("1\n", "left"), ("2", "right"), ("=\n", "same"), ("0\n", "none"), ("U\n", "undo"),
     ("q\n", None), ("", None), ("\nleft\n2\n", "right")],
)  # fmt: skip
def test_each_key_is_an_answer_and_the_end_of_the_input_stops(typed, answer, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert _ask(SHOWN, "Undecided.") == answer
    told = capsys.readouterr()
    assert told.out == ""
    assert "question 3: lost [2J card" in told.err
    assert "1. Call us." in told.err
    assert "Not compared" not in told.err
    assert "[red]here[/red]" in told.err
    assert len(told.err) < 1_500
