"""The report: self-contained, without scripts, and user text is shown, never run."""

import re

import pytest

from pipeline.report import intervals_chart, write_report
from pipeline.store import Store
from training.pairs import DataFault

HOSTILE = "<script>alert('x')</script> $\\frac{1}{0}$ & {{ 7 * 7 }}"
COMPARISON = {
    "task": "anchor/<b>past</b>",
    "metric": "ndcg_at_10",
    "champion": 0.7,
    "candidate": 0.71,
    "difference": 0.01,
    "low": -0.01,
    "high": 0.03,
    "queries": 200,
    "holds": True,
    "needs": None,
    "rule": "no worse",
    "margin": 0.02,
}


@pytest.fixture
def result():
    signal = {
        "trigger": "embedding_shift",
        "fired": True,
        "p_value": 1e-9,
        "effect": 0.2,
        "threshold": 0.05,
        "cause": "concept",
        "reason": HOSTILE,
        "examples": [HOSTILE] * 3,
    }
    cluster = {"share": 0.4, "examples": [HOSTILE], "terms": [HOSTILE], "nearest": [HOSTILE]}
    cluster["anchor_queries"] = [HOSTILE]
    return {
        "cycle": "0003",
        "outcome": "promoted",
        "decision": {
            "train": True,
            "reasons": [HOSTILE],
            "signals": [signal],
            "cause": {"cause": "concept", "why": HOSTILE, "answer": "retrain"},
            "clusters": [cluster],
        },
        "champion": {"version": 2},
        "candidate": {"version": 2},
        "verdict": {"promote": True, "reasons": [HOSTILE], "comparisons": [COMPARISON]},
        "lesson": {
            "recent": 90,
            "replayed": 60,
            "memory": 60,
            "held_out_queries": 30,
            "leaked": {"exact": 1, "near": 2},
        },
        "training": {"log": [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]},
        "intake": {"pairs": {"stored": 1, "known": 0, "quarantined": 0}, "warnings": [HOSTILE]},
        "seconds": {"total": 1.5},
        "run_id": "abc",
    }


def test_the_page_runs_nothing_and_loads_nothing(tmp_path, result):
    page = write_report(tmp_path / "report.html", result, HOSTILE).read_text(encoding="utf-8")
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    assert "<b>past" not in page
    assert "{{ 7 * 7 }}" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert len(page) < 500_000


def test_the_same_result_gives_the_same_page(tmp_path, result):
    first = write_report(tmp_path / "a.html", result, "m").read_bytes()
    assert write_report(tmp_path / "b.html", result, "m").read_bytes() == first


def test_the_chart_shows_each_task_and_its_bound():
    chart = intervals_chart([COMPARISON, {**COMPARISON, "task": "new", "rule": "gain"}])
    assert "<svg" in chart
    assert ">new<" in chart


def test_a_quiet_cycle_has_a_report_too(tmp_path, result):
    quiet = {**result, "outcome": "quiet", "verdict": None, "candidate": None}
    del quiet["lesson"], quiet["training"]
    quiet["decision"] = {"train": False, "reasons": ["nothing new"], "signals": []}
    page = write_report(tmp_path / "report.html", quiet, "m").read_text(encoding="utf-8")
    assert "nothing new" in page
    assert "New and old tasks" not in page


def test_an_unknown_cycle_is_refused_by_name(tmp_path):
    from pipeline.report import report_of

    with Store.open("sqlite://") as store, pytest.raises(DataFault, match="finished: none yet"):
        report_of(store, tmp_path, "0009")
