"""The report: self-contained, without scripts, and user text is shown, never run."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_reports import GROUP, HOSTILE, MAP, attempt, made_result

from pipeline.reports.charts import Interval, intervals_chart
from pipeline.reports.cycle_report import write_report
from pipeline.reports.drawing import shown
from pipeline.results import CheckedTexts, CycleResult, RegressionsResult
from pipeline.store.store import Store
from training.faults import DataFault


@pytest.fixture
def result():
    return made_result()


def write(path, result, texts=None):
    worse = result.get("regressions")
    return write_report(
        path,
        CycleResult.model_validate(result),
        RegressionsResult.model_validate(worse) if worse else None,
        result.get("model", "m"),
        texts=texts,
    )


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


def elements(page):
    """Return each element of a page with the names of its attributes."""
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, tuple(name for name, _ in attrs)))

    reader = Reader()
    reader.feed(page)
    reader.close()
    return found


TEXT = st.text(min_size=1, max_size=30) | st.sampled_from(
    [
        HOSTILE,
        '"><img src=x onerror=alert(1)>',
        "' onload='x",
        "</svg></style><b>",
        "{{ 7 }}",
        "&lt;",
    ]
)


@settings(max_examples=4, deadline=None)
@given(text=TEXT.filter(shown))
def test_no_text_of_a_user_adds_an_element_or_an_attribute(text, tmp_path_factory):
    def page(said):
        made = json.loads(json.dumps(made_result()).replace(json.dumps(HOSTILE)[1:-1], "SAID"))
        texts = {"map": {**MAP, "groups": [{**GROUP, "terms": ["SAID"], "examples": ["SAID"]}]}}
        whole = json.loads(
            json.dumps({"made": made, "texts": texts}).replace("SAID", json.dumps(said)[1:-1])
        )
        path = tmp_path_factory.mktemp("page") / "report.html"
        return write(path, whole["made"], CheckedTexts.model_validate(whole["texts"])).read_text(
            encoding="utf-8"
        )

    assert elements(page(text)) == elements(page("plain"))


def test_what_the_screens_held_back_is_shown_with_an_estimate_of_wrong_labels(tmp_path, result):
    page = write(tmp_path / "report.html", result).read_text(encoding="utf-8")
    assert "What the screens found" in page
    assert (
        "Screens of the 95 labelled pairs: 5 are held back; 2 held back earlier still wait" in page
    )
    assert "about 10% of source" in page
    assert '<td class="number" data-label="held back">5</td>' in page
    del result["lesson"]["screened"]
    assert "screens" not in write(tmp_path / "without.html", result).read_text(encoding="utf-8")
