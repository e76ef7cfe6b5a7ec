"""The terminal: every result has a text, and user text is shown as it is."""

import inspect
import re

import made_reports
import pytest

from drift_triggers import Signal
from pipeline.operations.workspace import Workspace
from pipeline.reports import terminal
from pipeline.reports.lines import lines_of
from pipeline.results import (
    CompareResult,
    CycleResult,
    DecisionResult,
    DemoResult,
    DiscardResult,
    DoctorResult,
    EvaluateResult,
    InitResult,
    Result,
    StatusResult,
)

HOSTILE = "[bold]not bold[/bold] [link=http://x]here[/link] np.ndarray[int]"
HIT = {"document": "d1", "text": HOSTILE, "similarity": 0.5, "relevant": True}
CHANGE = {"task": "new", "worse": 1, "better": 2, "ties": 3, "dark": 4, "found": 5, "vanished": 6}
WORST = {
    "task": "new",
    "query": "q",
    "text": HOSTILE,
    "before": 1.0,
    "after": 0.5,
    "rank_before": 1,
    "rank_after": None,
    "old": [HIT],
    "new": [{**HIT, "relevant": False}],
}
SIGNAL = {
    "trigger": "embedding_shift",
    "fired": True,
    "p_value": 0.0005,
    "effect": 0.2,
    "threshold": 0.05,
    "cause": "concept",
    "reason": HOSTILE,
    "examples": [HOSTILE] * 5,
}
COMPARISON = {**made_reports.COMPARISON, "task": "anchor/past", "rule": "floor"}
COMPARED = CompareResult.model_validate(
    {
        "metric": "ndcg_at_10",
        "confidence": 0.95,
        "versions": [{"version": 1, "aliases": ["previous"]}, {"version": 2, "aliases": []}],
        "sets": [],
        "tasks": [
            {
                "task": HOSTILE,
                "queries": 6,
                "means": [0.5, 0.6],
                "differences": [
                    {
                        "difference": 0.1,
                        "low": -0.1,
                        "high": 0.3,
                        "better": 2,
                        "worse": 1,
                        "ties": 3,
                    }
                ],
            }
        ],
        "regressions": [
            {"version": 2, "changes": [CHANGE], "worst_queries": [WORST], "dark_documents": []}
        ],
        "notes": ["anchor/past changed"],
    }
)


def shown(capsys, result):
    terminal.show(result)
    return capsys.readouterr().out


def words(text):
    return " ".join(text.replace("│", " ").split())


def test_every_result_of_a_verb_has_a_text():
    returned = {
        inspect.signature(verb).return_annotation
        for _, verb in inspect.getmembers(Workspace, inspect.isfunction)
    }
    results = {each for each in returned if inspect.isclass(each) and issubclass(each, Result)}
    assert len(results) >= 11
    assert results | {DemoResult} <= {*terminal.parts_of.registry, *lines_of.registry}
    with pytest.raises(NotImplementedError, match="Result"):
        terminal.show(Result())


def test_a_comparison_is_shown_with_what_got_worse(capsys):
    told = shown(capsys, COMPARED)
    assert "0.600 +0.100" in words(told)
    assert "3 the same" in words(told)
    assert "no longer found from version 1 (previous) to 2: new 4" in told
    assert "1.000 → 0.500" in told
    assert "✓ 0.50" in told
    assert "· 0.50" in told
    assert "anchor/past changed" in told


def test_user_text_is_never_markup(capsys):
    told = words(shown(capsys, COMPARED))
    assert "[bold]not" in told
    assert "\\[" not in told


@pytest.mark.parametrize("fell", [True, False])
def test_an_evaluation_shows_what_fell(capsys, fell):
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
    other = {"task": "anchor/other", "queries": 100, "now": 0.5, "margin": 0.02}
    result = EvaluateResult.model_validate(
        {
            "version": 2,
            "aliases": ["champion"],
            "metric": "ndcg_at_10",
            "tasks": [row, other],
            "fell": ["anchor/past"] if fell else [],
            "notes": ["anchor/other: the set changed"],
            "run_id": "run",
        }
    )
    told = shown(capsys, result)
    assert "version 2, champion" in told
    assert ("fell by more than 0.02" in words(told)) == fell
    assert "anchor/other: the set changed" in told


def test_a_decision_shows_signals_and_examples(capsys):
    decision = DecisionResult.model_validate(
        {"train": True, "reasons": ["it drifted"], "signals": [SIGNAL]}
    )
    told = shown(capsys, decision)
    assert told.startswith("training is called for\n  it drifted\n")
    assert "0.0005" in told
    assert told.count(f"\n  {HOSTILE}") == 3, "three examples, each on one line"
    blocked = decision.changed(train=False, blocked_by=("data_quality",))
    assert shown(capsys, blocked).startswith("training is blocked by data_quality")


def test_a_trigger_without_input_is_not_shown_as_quiet(capsys):
    signals = (
        Signal("model_age", False, "young"),
        Signal.unmeasured("similarity_shift", "no cosines were given"),
    )
    decision = DecisionResult(train=False, reasons=("no trigger fired",), signals=signals)
    told = words(shown(capsys, decision))
    assert "model_age no" in told
    assert "similarity_shift: not measured" in told
    assert "similarity_shift no " not in told


def test_a_cycle_shows_the_verdict_and_what_got_worse(capsys):
    result = CycleResult.model_validate(
        {
            "cycle": "0003",
            "outcome": "inconclusive",
            "decision": {"train": True, "reasons": ["it drifted"]},
            "champion": {"version": 1},
            "candidate": {"version": 2},
            "verdict": {
                "promote": False,
                "outcome": "inconclusive",
                "reasons": ["too few queries"],
                "comparisons": [
                    COMPARISON,
                    {**COMPARISON, "task": "new", "rule": "gain", "holds": False, "needs": 900},
                    {**COMPARISON, "task": "anchor/past/de", "judged": False},
                ],
            },
            "regressions": {"changes": [CHANGE]},
            "intake": {"warnings": ["a.csv: 'postive' is not read"]},
            "seconds": {"total": 61.4},
            "run_id": "run",
        }
    )
    told = words(shown(capsys, result))
    assert told.startswith("cycle 0003: inconclusive; version 1 serves (61 s)")
    assert "(against the origin)" in told
    assert "no harm shown" in told
    assert "relevant documents no longer found: 4" in told
    assert "too few queries" in told
    assert "warning: a.csv: 'postive' is not read" in told


def test_the_outlook_shows_how_many_pass_and_the_cheapest_remedies_first(capsys):
    remedies = [
        {"kind": "label", "task": "anchor/a", "answers": n, "chance": 0.8, "reason": f"label {n}"}
        for n in (10, 20, 30, 40)
    ]
    result = InitResult.model_validate(
        {
            "workspace": "w",
            "settings": "w/anchorhold.toml",
            "folders": ["pairs"],
            "outlook": {
                "chance": 0.1,
                "anchors_chance": 0.1,
                "tasks": [],
                "limiting": "anchor/a",
                "per_year": 12,
                "monthly": True,
                "reasons": ["about 10 of 100", "anchor/a limits it"],
                "remedies": remedies,
                "warnings": ["a year without a promotion"],
            },
        }
    )
    told = shown(capsys, result)
    assert "gate: about 10 of 100; anchor/a limits it\n  cheapest: label 10\n  or: label 20" in told
    assert "label 40" not in told
    assert "warning: a year without a promotion" in told


def test_the_status_shows_what_is_excluded_unfinished_and_waits_for_approval(capsys):
    counts = {"stored": 100, "learned": 60, "waiting": 30, "discarded": 10}
    result = StatusResult.model_validate(
        {
            "model": "search",
            "champion": {"version": 2, "cycle": "0002", "fingerprint": "f", "age_days": 1.5},
            "waiting": {"pairs": 30, "traffic": 0},
            "records": {
                "pairs": counts,
                "traffic": {**counts, "discarded": 0},
                "served": {**counts, "discarded": 0},
            },
            "log": {"with_results": 70, "with_clicks": 20, "unknown_ids": 3, "not_shown": 2},
            "quarantined": 4,
            "anchors": [],
            "gate": {"meaningful": False, "warnings": ["too few queries"]},
            "awaiting_approval": [{"version": 3, "cycle": "0003"}],
            "rolled_back": [{"version": 1, "reason": HOSTILE}],
            "cycles": [
                {
                    "cycle": "0002",
                    "outcome": "promoted",
                    "started": "2026-03-01T12:00:00+00:00",
                    "champion": 2,
                }
            ],
            "history": {"rows": 2, "verified": True},
            "unfinished": "0004",
            "promotions": [],
        }
    )
    told = shown(capsys, result)
    assert "pairs: 100 stored = 60 learned + 30 waiting + 10 excluded" in told
    assert "traffic: 100" not in told
    assert "served log: 100 lines, 70 with results, 20 with clicks, 0 with feedback" in told
    assert "3 ids that no document has, 2 clicks or ratings of what was not shown" in told
    assert "anchorhold promote 3" in told
    assert "cycle 0004 is unfinished" in told
    assert "warning: too few queries" in told
    assert "2026-03-01T12:00:00+00:00" in told


def test_an_exclusion_shows_what_the_champion_keeps(capsys):
    result = DiscardResult.model_validate(
        {
            "action": "discard",
            "number": 3,
            "kind": "source",
            "name": "forum",
            "reason": "spam",
            "who": "ada",
            "at": "2026-03-01T12:00:00+00:00",
            "pairs": 5,
            "traffic": 2,
            "discarded": {"pairs": 5, "traffic": 2},
            "champion": {"version": 2, "in_memory": 4},
        }
    )
    told = shown(capsys, result)
    assert "5 pairs and 2 texts of the source 'forum' excluded" in told
    assert "version 2 keeps 4" in told
    kept_none = result.changed(champion=None)
    assert "keeps" not in shown(capsys, kept_none)


def steered(value):
    """Return a value with escapes in each of its texts."""
    if isinstance(value, dict):
        return {key: steered(each) for key, each in value.items()}
    if isinstance(value, list):
        return [steered(each) for each in value]
    return f"\x1b[2J\x1b]0;title\x07\x9b31m{value}" if isinstance(value, str) else value


@pytest.mark.parametrize("width", ["60", "200"])
def test_a_comparison_of_texts_with_escapes_steers_no_terminal(capsys, monkeypatch, width):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", width)
    hostile = CompareResult.model_validate(steered(COMPARED.to_json()))
    told = re.sub(r"\x1b\[[0-9;]*m", "", shown(capsys, hostile))
    assert "not bold" in words(told)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", told)


def test_the_doctor_shows_each_remedy_and_counts(capsys):
    result = DoctorResult.model_validate(
        {
            "workspace": "w",
            "quick": True,
            "checks": [
                {"part": "lock", "state": "ok", "says": "nobody is at work"},
                {
                    "part": "disk",
                    "state": "problem",
                    "says": "it is full",
                    "remedy": "a larger one",
                },
            ],
            "problems": 1,
            "warnings": 0,
            "seconds": 0.1,
        }
    )
    assert shown(capsys, result).splitlines() == [
        "ok      lock: nobody is at work",
        "problem disk: it is full",
        "        to do: a larger one",
        "w: 1 problem (checks made: 2, in 0.1 s)",
    ]


def test_a_cycle_says_what_its_screens_held_back(capsys):
    result = CycleResult.model_validate(made_reports.made_result())
    told = words(shown(capsys, result))
    assert "screens of 95 labelled pairs: 5 are held back; 2 held back earlier still wait" in told
    assert "instructions 5 5" in told
