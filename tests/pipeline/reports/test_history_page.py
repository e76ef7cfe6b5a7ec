"""The page of all cycles: whole, small, quiet, and readable at every width."""

import re

import pytest
from browser import CHROMIUM, Browser
from made_history import OUTCOMES, made_history

from pipeline.reports import write_history_page
from pipeline.results import HistoryResult

HOSTILE = "<script>alert('x')</script> $\\frac{1}{0}$ & {{ 7 * 7 }}"


def page_of(tmp_path, found):
    return write_history_page(tmp_path / "history.html", found).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "hours", [12, *(pytest.param(each, marks=pytest.mark.slow) for each in (24, 1, 24 * 7))]
)
def test_five_hundred_cycles_fit_in_a_megabyte(tmp_path, hours):
    page = page_of(tmp_path, made_history(500, hours=hours, tasks=40, triggers=15))
    assert len(page.encode()) < 1_000_000
    assert "500 cycles" in page


def test_each_cycle_is_on_the_time_line_and_linked_where_its_report_is_left(tmp_path):
    page = page_of(tmp_path, made_history(60))
    cells = re.findall(r'class="cell [a-z_]+"[^>]* title="([^"]*)"', page)
    assert len(cells) == 60
    assert cells[1] == "2026-01-02, cycle 0002: promoted, version 2"
    assert page.count('<a class="cell') == 30
    assert page.count('href="cycles/0002/report.html"') == 2, "time line and table"
    assert 'href="cycles/0003/report.html"' not in page
    for outcome in OUTCOMES:
        assert f'class="cell {outcome}"' in page


def test_older_cycles_are_summed_up_by_month(tmp_path):
    page = page_of(tmp_path, made_history(400))
    assert "Before these" in page
    assert (
        '<td data-label="month">2026-01</td><td class="number" data-label="cycles">31</td>' in page
    )


def test_the_page_runs_nothing_loads_nothing_and_shows_texts_as_texts(tmp_path):
    page = page_of(tmp_path, made_history(20, text=HOSTILE))
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    outside = re.findall(r'(?:src|href|action)\s*=\s*["\']?((?:https?:)?//[^"\']*)', page)
    assert outside == []
    assert set(re.findall(r"url\((.)", page)) <= {"#"}, "only parts of the page itself"


def test_each_drawing_says_what_it_shows(tmp_path):
    page = page_of(tmp_path, made_history(20, tasks=6, triggers=15))
    drawings = re.findall(r"<svg[^>]*>", page)
    assert len(drawings) > 30
    assert all(re.search(r'role="img" aria-label="[^"]{10,}"', each) for each in drawings)
    assert 'aria-label="trigger_3 over time: trigger_3 fired in ' in page


def test_a_drift_chart_tells_how_often_a_trigger_fired_and_its_limit(tmp_path):
    page = page_of(tmp_path, made_history(22))
    fired = sum((number * 7 % 11) / 11 > 0.5 for number in range(22))
    assert f"fired in {fired} of 22 checks; now 0.364, limit 0.5" in page


def test_scores_join_the_versions_that_served(tmp_path):
    page = page_of(tmp_path, made_history(14))
    assert "version 14: 0.800; version 1: 0.800" in page


def test_without_a_finished_cycle_the_page_says_so(tmp_path):
    page = page_of(tmp_path, HistoryResult(model="m"))
    assert "No cycle is finished yet." in page
    assert "<svg" not in page
    begun = page_of(tmp_path, HistoryResult(model="m", unfinished="0001"))
    assert "cycle 0001 was begun" in begun


def test_the_same_history_gives_the_same_page(tmp_path):
    assert page_of(tmp_path, made_history(9)) == page_of(tmp_path, made_history(9))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_the_page_fits_a_telephone_in_light_and_dark(tmp_path):
    long = "a_word_without_any_end_" * 12
    place = write_history_page(tmp_path / "history.html", made_history(60, text=long))
    with Browser(tmp_path / "profile") as browser:
        for width, dark in ((1280, False), (1280, True), (390, False), (390, True)):
            browser.size(width, 900, dark=dark)
            browser.open(place.as_uri())
            assert browser.look("document.documentElement.scrollWidth <= innerWidth")
            inner = "[...document.querySelectorAll('.wide')]"
            if width == 390:
                assert browser.look(f"{inner}.every(e => e.scrollWidth <= e.clientWidth)")
            ground = browser.look("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 150) == dark
            assert browser.look(LEAST_CONTRAST) >= 4.5


LEAST_CONTRAST = """(() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => {
    v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const seen = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)|transparent/.test(c)) return c; }
    return 'rgb(255, 255, 255)'; };
  let least = 21;
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const style = getComputedStyle(e); if (style.display === 'none') continue;
    const [a, b] = [light(e.closest('svg') ? style.fill : style.color), light(seen(e))];
    least = Math.min(least, (Math.max(a, b) + .05) / (Math.min(a, b) + .05));
  }
  return least; })()"""
"""The lowest contrast of a text with its ground, by the formula of WCAG."""
