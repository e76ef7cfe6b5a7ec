"""The report as a browser shows it: on a desk and on a phone, by day and by night, and to ears."""

from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from made_reports import COMPARISON, HOSTILE, MAP, made_result

from pipeline.reports.cycle_report import write_report
from pipeline.results import CheckedTexts, CycleResult, IndexPlan, RegressionsResult

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

TEXTS = {
    "map": MAP,
    "missing": [{"records": "texts", "field": "timestamp", "known": 0.1, "recent": None}],
}
SET = {
    "task": f"anchor/{HOSTILE}", "digest": "d", "queries": 9, "relevant": [0.1, 0.2, 0.3, 0.4, 0.5],
    "random": [0.0, 0.1, 0.1, 0.2, 0.2], "edges": [0.0, 0.5, 1.0], "relevant_counts": [3, 6],
    "random_counts": [8, 1],
}  # fmt: skip


def made_plan(text):
    """Return a plan for an index whose texts are long, with documents that a bridge loses."""
    figure = {"mean": 0.5, "low": 0.4, "high": 0.6, "queries": 9}
    lost = {"document": text, "text": text, "query": text, "rank": 3, "task": f"anchor/{text}"}
    quality = {"recall_kept": figure, "loss": figure, "dark": 1, "dark_documents": [lost]}
    return IndexPlan.model_validate(
        {
            "old": 1, "new": 2, "verdict": "re-embed", "reason": text, "chosen": "procrustes",
            "cost": {"documents": 9, "bytes": 9, "index_bytes": 9, "minutes": 1, "timed": 9,
                     "cached": 0},
            "documents_digest": "d", "sampled": 9, "queries": 9, "fitted_on": 9,
            "confidence": 0.95, "before": quality, "re_embedded": quality,
            "bridges": [{**quality, "kind": "procrustes"}], "neighbours": figure,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(tmp_path, browser):
    """Return a browser in which a report is open whose every text is long and hostile."""
    result = made_result()
    long = HOSTILE + " " + "unbroken" * 30
    result["verdict"]["comparisons"] = [
        {**COMPARISON, "task": "new", "rule": "gain", "holds": False, "needs": 900},
        {**COMPARISON, "task": f"anchor/{long}", "low": -0.2, "high": -0.1, "holds": False},
        {**COMPARISON, "task": f"new/source={long}", "judged": False},
    ]
    result["decision"]["reasons"] = [long]
    result["cosines"] = [{"version": 1, "sets": [SET]}, {"version": 2, "sets": [SET]}]
    made = CycleResult.model_validate(result)
    earlier = [made.model_copy(update={"cycle": f"{number:04}"}) for number in range(3)]
    path = write_report(
        tmp_path / "report.html",
        made,
        RegressionsResult.model_validate(result["regressions"]),
        long,
        made_plan(long),
        texts=CheckedTexts.model_validate(TEXTS),
        earlier=earlier,
    )
    browser.open(path.as_uri())
    browser.wait(f"location.href === {path.as_uri()!r}")
    browser.look("document.querySelectorAll('details').forEach(each => each.open = true)")
    return browser


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_its_screen(page, width, dark):
    page.size(width, 900, dark=dark)
    assert page.look("document.documentElement.scrollWidth") <= width


def test_a_phone_shows_tables_without_scrolling_them(page):
    page.size(390, 900)
    assert page.look(
        "[...document.querySelectorAll('.stack, .fit')]"
        ".every(each => each.getBoundingClientRect().right <= 390)"
    )
    assert page.look("document.querySelectorAll('.wide').length") >= 5
    assert page.look(
        "[...document.querySelectorAll('.wide')]"
        ".every(each => each.scrollWidth <= each.clientWidth)"
    )


def test_the_page_holds_no_script_and_asks_for_nothing(page):
    assert page.look("document.scripts.length") == 0
    assert page.look("performance.getEntriesByType('resource').length") == 0
    assert page.look("document.querySelectorAll('link, img, iframe, object, embed').length") == 0
    handlers = (
        "[...document.querySelectorAll('*')].filter("
        "each => [...each.attributes].some(one => one.name.startsWith('on'))).length"
    )
    assert page.look(handlers) == 0


def test_every_picture_says_in_words_what_it_shows(page):
    assert page.look("document.querySelectorAll('svg').length") >= 8
    assert page.look(
        "[...document.querySelectorAll('svg')].every(each => each.getAttribute('role') === 'img'"
        " && each.getAttribute('aria-label').length > 20)"
    )


def test_letters_of_pictures_can_be_read_on_a_phone(page):
    page.size(390, 900)
    smallest = page.look(
        "Math.min(...[...document.querySelectorAll('svg text')]"
        ".filter(each => each.textContent.trim())"
        ".map(each => parseFloat(getComputedStyle(each).fontSize)"
        " * each.ownerSVGElement.getBoundingClientRect().width"
        " / each.ownerSVGElement.viewBox.baseVal.width))"
    )
    assert smallest >= 9


def test_night_and_day_have_other_colours_in_text_and_pictures(page):
    seen = []
    for dark in (False, True):
        page.size(1280, 900, dark=dark)
        seen.append(
            [
                page.look(f"getComputedStyle(document.querySelector('{where}')).{what}")
                for where, what in (
                    ("body", "backgroundColor"),
                    ("body", "color"),
                    ("svg text", "fill"),
                )
            ]
        )
    assert all(day != night for day, night in zip(*seen, strict=True))


def test_no_id_is_used_twice(page):
    ids = "[...document.querySelectorAll('[id]')].map(each => each.id)"
    assert page.look(f"{ids}.length") == page.look(f"new Set({ids}).size")


def test_the_first_screen_of_a_desk_holds_all_three_answers(page):
    page.size(1280, 900)
    bottoms = (
        "[...document.querySelectorAll('.card .short')]"
        ".map(each => each.getBoundingClientRect().bottom)"
    )
    assert page.look(f"{bottoms}.length") == 3
    page.look("scrollTo(0, 0)")
    assert page.look(f"Math.max(...{bottoms})") < 900


def test_a_report_stays_below_one_megabyte(page, tmp_path):
    assert Path(tmp_path / "report.html").stat().st_size < 1_000_000
