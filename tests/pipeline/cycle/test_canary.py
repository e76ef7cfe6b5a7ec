"""A canary on a real store and registry: traffic divided, harm ends it, success promotes."""

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from conftest import name_corpus
from made_streams import write_lines

from pipeline.cycle.approval import settle_approvals
from pipeline.cycle.canary import begin_canary, settle_canary
from pipeline.cycle.promotion import Champions
from pipeline.cycle.run import run_cycle
from pipeline.gate import Canary
from pipeline.operations.status import status_now
from pipeline.search import IndexSettings
from pipeline.service.hooks import Answered
from pipeline.service.query_log import QueryLog
from pipeline.service.route import CanaryRoute
from pipeline.store import Record, Store
from pipeline.workspace import LogSettings
from training.faults import DataFault
from training.unlabelled import ServedQuery, Shown

NOW = datetime(2026, 3, 2, tzinfo=UTC)
HALF = Canary(share=0.5, minimum=40, maximum_hours=24, margin=0.2, settle_minutes=10)


def later(hours):
    return NOW + timedelta(hours=hours)


def on_trial(opened, registered, canary=HALF):
    """Begin the canary of another version, and return it."""
    version = registered("0070", verdict="promoted")
    champion = opened.registry.champion()
    begin_canary(Champions.of(opened), canary, champion, version, "0070", NOW)
    return opened.registry.version(version.number)


def settle(opened, hours, *, approval=False, share=0.5):
    return settle_canary(Champions.of(opened), approval, share, later(hours))


def serve(store, route, users, *, clicks, hours=0.1, empty=0.0, seconds=(0.1, 0.1), seed=0):
    """Let users ask and click, as a service answers them.

    `clicks`, `empty` and `seconds` are (champion's, candidate's).
    """
    chance = np.random.default_rng(seed)
    empty = empty if isinstance(empty, tuple) else (empty, empty)
    row = store.running_canary()
    route.candidate()
    records = []
    for place in range(users):
        user = f"user {seed}-{place}"
        arm = int(route.version(user) == "candidate")
        for turn in range(1 + place % 2):
            shown = () if chance.random() < empty[arm] else (Shown("a"), Shown("b"))
            clicked = ("a",) if shown and chance.random() < clicks[arm] else ()
            line = ServedQuery(
                f"question {place} {turn}",
                shown,
                clicked,
                id=f"{seed}-{place}-{turn}",
                user=user,
                timestamp=later(hours).timestamp() + place / 100,
                version=(row.champion, row.candidate)[arm],
                seconds=float(chance.exponential(seconds[arm])),
            )
            records.append(Record(line))
    store.add("served", "recent", records)


@pytest.fixture
def route(opened):
    return CanaryRoute(opened.store, clock=lambda: later(0.2))


@pytest.mark.slow
def test_a_user_keeps_the_version_for_the_life_of_the_canary_across_restarts(
    opened, registered, route
):
    on_trial(opened, registered)
    route.candidate()
    users = [f"user {place}" for place in range(2000)]
    arms = [route.version(user) for user in users]
    assert arms.count("candidate") / 2000 == pytest.approx(0.5, abs=0.05)
    with Store.open(opened.settings.store_url) as another:
        restarted = CanaryRoute(another)
        restarted.candidate()
        assert [restarted.version(user) for user in users] == arms


def test_another_candidate_divides_the_users_anew(opened, registered, route):
    first = on_trial(opened, registered)
    route.candidate()
    before = [route.version(f"user {place}") for place in range(500)]
    settle(opened, 1, share=0.0)
    version = registered("0071", verdict="promoted")
    begin_canary(Champions.of(opened), HALF, opened.registry.champion(), version, "0071", later(1))
    assert route.candidate() == version.number != first.number
    after = [route.version(f"user {place}") for place in range(500)]
    agreed = sum(a == b for a, b in zip(before, after, strict=True))
    assert agreed / 500 == pytest.approx(0.5, abs=0.1)


def test_a_candidate_that_users_like_as_well_is_promoted_and_the_reason_says_why(
    opened, registered, route
):
    version = on_trial(opened, registered)
    serve(opened.store, route, 900, clicks=(0.6, 0.62))
    assert settle(opened, 0.2).state == "running"  # Nobody had the time to click yet.
    result = settle(opened, 1)
    assert result.state == "promoted"
    assert opened.registry.champion().number == version.number
    assert opened.registry.version(version.number).tags["anchorhold.canary"].startswith("promoted")
    last = opened.store.promotions()[-1]
    assert (last.version, last.action) == (version.number, "promote")
    assert last.reason.startswith("canary: success: ")
    assert route.candidate() is None
    assert settle(opened, 2) is None
    metrics = opened.registry.client.get_run(version.run_id).data.metrics
    assert metrics["canary/success_candidate"] == pytest.approx(0.62, abs=0.06)


def test_harm_stops_the_routing_at_once_and_the_next_run_ends_the_canary(opened, registered, route):
    version = on_trial(opened, registered)
    serve(opened.store, route, 300, clicks=(0.6, 0.6), empty=(0.0, 0.5))
    route = CanaryRoute(opened.store, clock=lambda: later(0.2))  # A service that starts again.
    assert route.candidate() is None
    assert route.version("anybody") == "champion"
    assert opened.store.running_canary().harm.startswith("empty: ")
    result = settle(opened, 0.3)
    assert (result.state, opened.registry.champion().number) == ("stopped", 2)
    assert result.reason.endswith(": harm")
    page = opened.registry.version(version.number)
    assert "candidate" not in page.aliases
    assert page.description.startswith("2026-03-02, canary stopped: empty:")
    assert status_now(opened, later(1)).awaiting_approval == ()
    with pytest.raises(DataFault, match="was stopped as canary"):
        Champions.of(opened).promote(version.number, reason="?", force=False, now=later(1))
    Champions.of(opened).promote(version.number, reason="we know", force=True, now=later(1))


@pytest.mark.parametrize(
    ("clicks", "seconds", "metric"),
    [((0.7, 0.3), (0.1, 0.1), "success"), ((0.6, 0.6), (0.1, 2.0), "slow")],
)
def test_fewer_clicks_and_slower_answers_are_harm(
    opened, registered, route, clicks, seconds, metric
):
    on_trial(opened, registered, dataclasses.replace(HALF, max_seconds=0.6))
    serve(opened.store, route, 500, clicks=clicks, seconds=seconds)
    found = status_now(opened, later(1)).canary
    assert [each.name for each in found.metrics if each.harm] == [metric]
    assert opened.store.canary_keys(1) == []  # A status changes nothing.
    assert settle(opened, 1).state == "stopped"


def test_what_was_counted_does_not_depend_on_how_often_one_looked(opened, registered, route):
    on_trial(opened, registered)
    serve(opened.store, route, 60, clicks=(0.6, 0.6))
    once = status_now(opened, later(1)).canary
    for hours in (0.1, 0.15, 0.2, 0.4, 0.45, 0.5):
        status_now(opened, later(hours))
        settle(opened, hours)
    assert settle(opened, 1).changed(reason="") == once.changed(reason="")
    keys = opened.store.canary_keys(1)
    assert sum(each.number > 0 for each in keys) == len({each.key for each in keys}) - 1
    # Nothing is read twice.
    assert opened.store.running_canary().cut == opened.store.last_sequence()


def test_who_comes_between_two_looks_is_counted_before_the_first_users_are_settled(
    opened, registered, route
):
    on_trial(opened, registered)
    serve(opened.store, route, 60, clicks=(0.6, 0.6))
    settle(opened, 0.15)
    before = opened.store.canary_keys(1)
    serve(opened.store, route, 30, clicks=(0.6, 0.6), hours=0.15, seed=1)
    settle(opened, 0.2)
    after = opened.store.canary_keys(1)
    assert after[: len(before)] == before
    assert len(after) == len(before) + 30


def test_a_candidate_on_trial_that_was_deleted_ends_no_run(opened, registered):
    version = on_trial(opened, registered)
    opened.store.begin_cycle(later(1))
    opened.registry.client.delete_model_version("tiny-search", str(version.number))
    tables = dataclasses.replace(opened.settings.tables, index=IndexSettings(mode="rebuild"))
    opened = opened.following(dataclasses.replace(opened.settings, tables=tables))
    assert run_cycle(opened, later(1)).canary is None
    assert run_cycle(opened, later(2)).canary.state == "ended"


def test_vectors_that_were_only_handed_out_count_for_neither_version(opened, registered, route):
    on_trial(opened, registered)
    serve(opened.store, route, 60, clicks=(0.6, 0.6))
    before = status_now(opened, later(1)).canary
    with QueryLog(Store.open(opened.settings.store_url), LogSettings()) as log:
        for number in range(50):
            log.record(
                query=f"vector {number}", results=None, version=2, seconds=9.0, session="",
                user=f"other {number}", query_id=f"v{number}",
            )  # fmt: skip
    assert opened.store.count_served() > 50
    assert status_now(opened, later(1)).canary == before


def test_too_few_users_until_the_end_keep_the_champion(opened, registered, route):
    version = on_trial(opened, registered)
    serve(opened.store, route, 20, clicks=(0.6, 0.6))
    result = settle(opened, 25)
    assert (result.state, opened.registry.champion().number) == ("kept", 2)
    assert "inconclusive: only" in result.reason
    Champions.of(opened).promote(version.number, reason="by hand", force=False, now=later(26))


@pytest.mark.parametrize(("on_timeout", "state"), [("promote", "promoted"), ("keep", "kept")])
def test_without_any_feedback_time_decides_as_the_settings_say(
    opened, registered, route, on_timeout, state
):
    on_trial(opened, registered, dataclasses.replace(HALF, on_timeout=on_timeout))
    serve(opened.store, route, 200, clicks=(0.0, 0.0))
    assert settle(opened, 1).state == "running"
    result = settle(opened, 25)
    assert result.state == state
    assert "no click or rating was recorded" in result.reason


def test_with_approval_a_person_decides_after_the_canary(opened, registered, route):
    version = on_trial(opened, registered)
    assert status_now(opened, NOW).awaiting_approval == ()
    serve(opened.store, route, 900, clicks=(0.6, 0.62))
    assert settle(opened, 1, approval=True).state == "passed"
    assert opened.registry.champion().number == 2
    waiting = status_now(opened, later(1)).awaiting_approval
    assert [each.version for each in waiting] == [version.number]
    opened.registry.tag(version, {"anchorhold.approval": "approved"})
    assert settle_approvals(Champions.of(opened), opened.store, later(2)).version == version.number


def test_a_move_by_hand_ends_the_canary(opened, registered, route):
    version = on_trial(opened, registered)
    Champions.of(opened).roll_back(None, reason="complaints", now=later(1))
    assert opened.store.running_canary() is None
    assert opened.store.canaries()[0].state == "ended"
    page = opened.registry.version(version.number)
    assert page.tags["anchorhold.canary"] == "ended: version 1 serves"
    assert route.candidate() is None
    assert version.number not in {move.version for move in opened.store.promotions()}


def test_a_promotion_by_hand_ends_the_canary_too(opened, registered):
    version = on_trial(opened, registered)
    Champions.of(opened).promote(version.number, reason="at once", force=False, now=later(1))
    assert opened.store.canaries()[0].state == "promoted"
    assert settle(opened, 2) is None


def test_a_run_that_was_killed_behind_the_move_finishes_the_canary(opened, registered):
    version = on_trial(opened, registered)
    opened.registry.promote(version, expected=2)  # What a killed run has done already.
    assert settle(opened, 1).state == "promoted"
    assert opened.store.running_canary() is None


def test_a_champion_that_others_moved_ends_the_canary(opened, registered):
    on_trial(opened, registered)
    opened.registry.client.set_registered_model_alias("tiny-search", "champion", "1")
    assert "the champion is now version 1" in settle(opened, 1).reason


def test_in_shadow_mode_users_keep_the_champion_and_both_answers_are_compared(opened, registered):
    clock = [later(0)]
    on_trial(opened, registered, dataclasses.replace(HALF, shadow=True, max_seconds=1.0))
    route = CanaryRoute(opened.store, clock=lambda: clock[0])
    assert route.candidate() == 3
    keys = [f"user {place}" for place in range(300)]
    assert {route.version(key) for key in keys} == {"champion"}
    shadowed = [key for key in keys if route.shadows(key)]
    assert len(shadowed) == pytest.approx(150, abs=40)
    for place, key in enumerate(shadowed * 2):
        empty = place % 3 == 0
        route.compare(key, Answered(["a", "b"], 0.1), Answered([] if empty else ["b", "c"], 0.1))
    route._due = 0.0
    route.candidate()
    found = status_now(opened, later(1)).canary
    assert found.candidate_keys == len(shadowed)  # Each user counts once.
    assert found.overlap == pytest.approx(1 / 3, abs=0.01)
    assert [each.name for each in found.metrics if each.harm] == ["empty"]
    # What only the candidate answered is nobody's traffic.
    assert opened.store.count_served() == 0


def test_run_tries_what_passed_and_trains_no_second_candidate(workspace, travel_arrives):
    from pipeline.workspace import load_settings, open_workspace

    write_lines(workspace / "corpus" / "pages.jsonl", [{"id": "d1", "text": "about cards"}])
    canary = "[canary]\nshare = 0.5\nminimum = 40\nmargin = 0.2\nsettle_minutes = 10\n"
    name_corpus(workspace, f'\n{canary}[index]\nmode = "rebuild"\nbuild = "after"\n')

    def run(hours):
        settings = load_settings(workspace)
        with open_workspace(settings, doing="run", now=later(hours)) as opened:
            return run_cycle(opened, later(hours))

    assert run(-1).outcome == "bootstrapped"
    travel_arrives()
    tried = run(0)
    assert (tried.outcome, tried.awaiting_canary, tried.champion.version) == (
        "inconclusive", True, 1,
    )  # fmt: skip
    assert "is on trial as canary" in tried.verdict.reasons[-1]
    with open_workspace(load_settings(workspace), doing="test", now=later(0)) as opened:
        assert opened.indexes.numbers() == [1, 2]  # A canary searches before it is promoted.
    write_lines(workspace / "corpus" / "more.jsonl", [{"id": "d2", "text": "about hotels"}])
    second = run(0.05)
    with open_workspace(load_settings(workspace), doing="test", now=later(0)) as opened:
        assert {opened.indexes.stamp(number).documents for number in (1, 2)} == {2}
    assert (second.outcome, second.candidate, second.canary.state) == ("quiet", None, "running")
    with Store.open(load_settings(workspace).store_url) as store:
        route = CanaryRoute(store, clock=lambda: later(0.2))
        serve(store, route, 900, clicks=(0.5, 0.6))
    result = run(1)
    assert (result.canary.state, result.champion.version) == ("promoted", 2)
    assert result.canary.candidate == tried.candidate.version == 2
