"""The terminal: user text is shown as it is, whatever it looks like."""

import pytest

from drift_triggers import Signal
from pipeline.reports import terminal
from pipeline.results import DecisionResult

HOSTILE = "[bold]not bold[/bold] [link=http://x]here[/link] np.ndarray[int]"
HIT = {"document": "d1", "text": HOSTILE, "cosine": 0.5, "relevant": True}
CHANGE = {"task": "new", "worse": 1, "better": 2, "ties": 3, "dark": 4, "found": 5, "vanished": 6}
COMPARED = {
    "metric": "ndcg_at_10",
    "versions": [{"version": 1, "aliases": ["previous"]}, {"version": 2, "aliases": []}],
    "tasks": [
        {
            "task": HOSTILE,
            "queries": 6,
            "means": [0.5, 0.6],
            "differences": [
                {"difference": 0.1, "low": -0.1, "high": 0.3, "better": 2, "worse": 1, "ties": 3}
            ],
        }
    ],
    "regressions": [
        {
            "version": 2,
            "changes": [CHANGE],
            "worst_queries": [
                {
                    "task": "new",
                    "text": HOSTILE,
                    "before": 1.0,
                    "after": 0.5,
                    "old": [HIT],
                    "new": [{**HIT, "relevant": False}],
                }
            ],
            "dark_documents": [],
        }
    ],
    "notes": ["anchor/past changed"],
}


def said(capsys, kind, result):
    terminal.show(kind, result)
    return capsys.readouterr().out


def words(text):
    return " ".join(text.replace("│", " ").split())


def test_a_comparison_is_told_with_what_got_worse(capsys):
    told = said(capsys, "compare", COMPARED)
    assert "0.600 +0.100" in words(told)
    assert "3 the same" in words(told)
    assert "documents gone dark from version 1 (previous) to 2: new 4" in told
    assert "1.000 → 0.500" in told
    assert "✓ 0.50" in told
    assert "· 0.50" in told
    assert "anchor/past changed" in told


def test_user_text_is_never_markup(capsys):
    told = words(said(capsys, "compare", COMPARED))
    assert "[bold]not" in told
    assert "\\[" not in told


@pytest.mark.parametrize("fell", [True, False])
def test_an_evaluation_tells_what_fell(capsys, fell):
    row = {
        "task": "anchor/past",
        "queries": 100,
        "now": 0.5,
        "accepted": 0.7,
        "difference": -0.2,
        "low": -0.3,
        "high": -0.1,
        "margin": 0.02,
        "fell": fell,
    }
    unknown = dict.fromkeys(("accepted", "difference", "low", "high"))
    other = {**row, **unknown, "task": "anchor/other", "fell": False}
    told = said(
        capsys,
        "evaluate",
        {
            "version": 2,
            "aliases": ["champion"],
            "metric": "ndcg_at_10",
            "tasks": [row, other],
            "notes": ["anchor/other: not the set"],
        },
    )
    assert "version 2, champion" in told
    assert ("fell by more than 0.02" in words(told)) == fell
    assert "anchor/other: not the set" in told


def test_a_trigger_without_input_is_not_shown_as_quiet(capsys):
    signals = (
        Signal("model_age", False, "young"),
        Signal.unmeasured("similarity_shift", "nothing"),
    )
    decision = DecisionResult(train=False, reasons=("no trigger fired",), signals=signals)
    told = words(said(capsys, "check", decision.model_dump()))
    assert "model_age no" in told
    assert "similarity_shift not measured" in told
