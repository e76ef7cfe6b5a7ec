"""The page of a simulated year: who has only the page can tell what was found."""

import re

import pytest
from browser import CHROMIUM, Browser
from made_reports import HOSTILE

from pipeline.reports import terminal, write_simulation_page
from pipeline.reports.simulation_words import TITLES, cell, false_alarms
from pipeline.reports.terminal_page import rows_of
from pipeline.results import CAUSES, QuietYears, SimulatedDrift, SimulatedTraining, SimulationResult

QUIET = QuietYears(weeks=52, alarms=1, low=0.0005, high=0.1, trainings=0, named=("temporal",))


def drift(cause, strength, named, checks, seed=0):
    return SimulatedDrift(
        cause=cause, strength=strength, seed=seed, week=9, checks=checks, named=named,
        right=named == cause, acts="train" if checks else "", why="topics changed",
        before=HOSTILE, after=f"{HOSTILE} {'unbroken' * 40}\nnext line",
    )  # fmt: skip


@pytest.fixture(scope="module")
def result():
    drifts = [drift(cause, 1.0, cause, 1) for cause in CAUSES]
    drifts += [drift("concept", 0.1, "none", None), drift("vocabulary", 0.1, "concept", 2)]
    drifts += [drift("temporal", 0.1, "temporal", 3)]
    return SimulationResult(
        corpus=HOSTILE, settings="the settings of mine", texts=3000, texts_per_week=300, weeks=52,
        patience=4, strengths=(0.1, 1.0), seeds=1, term="server", others=("waiter", "dinner"),
        drifts=tuple(drifts), quiet=QUIET, advice=(f"Change {HOSTILE}.",), seconds=100.0,
        trainings=(
            SimulatedTraining(cause="concept", poisoned=False, outcome="promoted", right=True,
                              pairs=400, gain=0.05, kept=-0.004, seconds=60, why="it gains"),
            SimulatedTraining(cause="concept", poisoned=True, outcome="rejected", right=True,
                              pairs=300, gain=-0.2, kept=-0.1, seconds=60, why="it loses"),
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    return write_simulation_page(tmp_path_factory.mktemp("page") / "new" / "year.html", result)


def test_the_page_answers_what_was_noticed_missed_and_learned(page, result):
    text = re.sub(
        r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page.read_text(), flags=re.S)
    )
    assert "6 of 6 kinds" in text
    assert "1 false alarm in 52 quiet weekly checks" in text
    assert "seen, but called “new topics”" in text
    assert "after 3 weeks" in text
    assert "missed" in text
    assert "promoted (as it should)" in text
    assert "“server” takes the place of “waiter” and “dinner”" in text
    assert all(title in text for cause, title in TITLES.items() if cause != "none")


def test_the_page_is_one_small_file_without_scripts(page):
    written = page.read_text()
    assert len(written) < 1_000_000
    assert "<script" not in written
    assert not re.search(r"(src|href)=", written)
    assert HOSTILE not in written or "<" not in HOSTILE


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_phone_shows_the_page_without_scrolling_sideways(page, tmp_path):
    with Browser(tmp_path / "profile") as browser:
        browser.open(page.as_uri())
        browser.wait(f"location.href === {page.as_uri()!r}")
        for width, dark in ((1280, False), (390, True)):
            browser.size(width, 900, dark=dark)
            assert browser.look("document.documentElement.scrollWidth") <= width


def test_the_terminal_shows_the_same_matrix(result):
    rows = [each for each in rows_of(result) if hasattr(each, "cells")]
    matrix = {cells[1]: cells[2:] for cells in rows[0].cells}
    assert matrix["concept"] == ("missed", "in the first week")
    assert matrix["pipeline"][0] == "not tried"
    assert any("6 of 6 causes" in str(part) for part in terminal.parts_of(result))


def test_several_years_are_summed_up():
    found = [drift("concept", 0.3, "concept", checks, seed=checks) for checks in (1, 2, 2)]
    assert cell(found).short == "after 2 weeks"
    assert cell([*found[:2], drift("concept", 0.3, "none", None)]).short.endswith("in 2 of 3 years")
    assert cell([drift("concept", 0.3, "none", None)] * 3).state == "missed"


def test_false_alarms_are_told_per_year_with_an_interval():
    assert false_alarms(QUIET).endswith(
        "that is 1.0 per year, and with 95 % confidence between 0.0 and 5.2"
    )
