"""The report: self-contained, without scripts, and user text is shown, never run."""

import json
import re

import pytest

from pipeline.reports.charts import Interval, intervals_chart
from pipeline.reports.cycle_report import write_report
from pipeline.results import CycleResult, RegressionsResult
from pipeline.store.store import Store
from training.faults import DataFault

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
    "spread": 0.1,
    "visible": 0.02,
    "reason": "r",
}

HIT = {"document": "d1", "text": HOSTILE, "similarity": 0.5, "relevant": True}
WORST = {
    "task": "new",
    "query": "q1",
    "text": HOSTILE,
    "before": 1.0,
    "after": 0.25,
    "rank_before": 1,
    "rank_after": None,
    "old": [HIT] * 3,
    "new": [HIT] * 3,
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
    cluster |= {"anchor_queries": [HOSTILE], "intra_cluster_distance": 0.3}
    return {
        "cycle": "0003",
        "outcome": "promoted",
        "decision": {
            "train": True,
            "reasons": [HOSTILE],
            "signals": [signal],
            "cause": {"cause": "concept", "why": HOSTILE, "answer": "retrain", "evidence": []},
            "clusters": [cluster],
        },
        "champion": {"version": 2},
        "candidate": {"version": 2},
        "verdict": {
            "promote": True,
            "outcome": "promoted",
            "reasons": [HOSTILE],
            "comparisons": [COMPARISON],
        },
        "lesson": {
            "recent": 90,
            "replayed": 60,
            "memory": 60,
            "held_out_queries": 30,
            "leaked": {"exact": 1, "near": 2},
            "sources": [{"source": HOSTILE, "recent": 90, "replayed": 60}],
        },
        "training": {
            "strategy": "replay",
            "run_id": "abc",
            "folder": "f",
            "selection": None,
            "seconds": 12.0,
            "held": 3,
            "log": [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}],
            "steps": 2,
            "pairs": 150,
            "precision": "fp32",
            "negatives": "",
            "merge": "no interpolation was asked for",
            "share": 1.0,
            "curve": [],
            "attempts": [attempt("replay", [0.8, 0.7], chosen=True)],
            "champion_selection": None,
        },
        "regressions": {
            "changes": [
                {
                    "task": "anchor/<b>past</b>",
                    "worse": 25,
                    "better": 3,
                    "ties": 4,
                    "dark": 1,
                    "found": 0,
                    "vanished": 2,
                }
            ],
            "worst_queries": [WORST] * 20,
            "dark_documents": [
                {"task": "new", "document": "d", "text": HOSTILE, "query": HOSTILE, "rank": 3}
            ],
        },
        "peak_memory_megabytes": 812.5,
        "intake": {"pairs": {"stored": 1, "known": 0, "quarantined": 0}, "warnings": [HOSTILE]},
        "seconds": {"total": 1.5},
        "run_id": "abc",
    }


def write(path, result):
    worse = result.get("regressions")
    return write_report(
        path,
        CycleResult.model_validate(result),
        RegressionsResult.model_validate(worse) if worse else None,
        result.get("model", "m"),
    )


def attempt(strategy, selection, chosen=False, fault=""):
    """Return the row of one training, as the result of a cycle holds it."""
    done = {"pairs": 150, "seconds": 12.0} if not fault else {"pairs": None, "seconds": None}
    row = {"strategy": strategy, "fault": fault, "selection": selection, "run_id": "abc", **done}
    return {**row, "chosen": chosen}


def test_strategies_that_were_tried_stand_side_by_side(tmp_path, result):
    rows = [
        attempt("naive", [0.9, 0.5]),
        attempt("replay", [0.8, 0.7], chosen=True),
        attempt("online", None, fault="training broke off: no finite loss <b>"),
    ]
    result["training"] |= {"attempts": rows, "champion_selection": [0.6, 0.7]}
    page = write(tmp_path / "report.html", result).read_text(encoding="utf-8")
    assert page.count("sent to the gate") == 1
    assert "no finite loss &lt;b&gt;" in page
    for name in ("champion", "naive", "replay"):
        assert f">{name}</text>" in page, "a point of the chart"


def test_blends_are_drawn_from_champion_to_candidate(tmp_path, result):
    shares = (0.0, 0.6, 1.0)
    curve = [{"share": share, "new": 0.5 + share / 10, "old": 0.7} for share in shares]
    result["training"] |= {"curve": curve, "share": 0.6}
    page = write(tmp_path / "report.html", result).read_text(encoding="utf-8")
    for name in ("champion", "60% candidate", "candidate"):
        assert f">{name}</text>" in page, "a point of the chart"


def test_the_page_runs_nothing_and_loads_nothing(tmp_path, result):
    page = write(tmp_path / "report.html", {**result, "model": HOSTILE}).read_text(encoding="utf-8")
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    assert "<b>past" not in page
    assert "{{ 7 * 7 }}" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert len(page) < 500_000


def test_the_same_result_gives_the_same_page(tmp_path, result):
    first = write(tmp_path / "a.html", result).read_bytes()
    assert write(tmp_path / "b.html", result).read_bytes() == first


def test_the_chart_shows_each_task_and_its_bound():
    chart = intervals_chart([Interval("new", 0.01, 0.02, 0.03, good=True, bound=0.0)], "gain")
    assert chart.count("<svg") == 1
    assert ">new<" in chart
    assert ">gain<" in chart


def test_a_long_name_is_cut_in_the_chart():
    chart = intervals_chart([Interval("anchor/" + "x" * 300, 0.0, 0.1, 0.2)], "difference")
    assert "x" * 60 not in chart


def test_a_quiet_cycle_has_a_report_too(tmp_path, result):
    quiet = {**result, "outcome": "quiet", "verdict": None, "candidate": None}
    del quiet["lesson"], quiet["training"], quiet["regressions"]
    quiet["decision"] = {"train": False, "reasons": ["nothing new"], "signals": []}
    page = write(tmp_path / "report.html", quiet).read_text(encoding="utf-8")
    assert "nothing new" in page
    assert "New and old tasks" not in page


def test_a_trigger_without_input_is_not_shown_as_quiet(tmp_path, result):
    missing = {"trigger": "similarity_shift", "fired": False, "reason": "not measured: no cosines"}
    result["decision"]["signals"] += [
        {**missing, "measured": False},
        {"trigger": "model_age", "fired": False, "reason": "trained 3 days ago"},
    ]
    page = write(tmp_path / "report.html", result).read_text(encoding="utf-8")
    assert "<b>model_age</b>: trained 3 days ago" in page
    assert "<b>similarity_shift</b> not measured: no cosines" in page


def test_an_unknown_cycle_is_refused_by_name(tmp_path):
    from pipeline.reports.cycle_report import report_of

    with (
        Store.open("sqlite://") as store,
        pytest.raises(DataFault, match="finished cycles: none yet"),
    ):
        report_of(store, tmp_path, "0009")


def test_what_got_worse_stands_side_by_side_and_in_the_json_twin(tmp_path, result):
    path = write(tmp_path / "report.html", result)
    page = path.read_text(encoding="utf-8")
    assert page.count('class="case"') == 20
    assert '1.000 → <span class="no">0.250</span>; best relevant document: rank 1 → beyond 10' in (
        page
    )
    assert "Relevant documents no longer found" in page
    assert "812" in page
    twin = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert twin["regressions"] == result["regressions"]


def test_a_candidate_that_lost_nothing_is_said_to_have_lost_nothing(tmp_path, result):
    result["regressions"] = {**result["regressions"], "worst_queries": [], "dark_documents": []}
    page = write(tmp_path / "report.html", result).read_text(encoding="utf-8")
    assert "No query got worse." in page
    assert "Relevant documents no longer found" not in page
