"""The guard on a real store and registry: harm after a promotion is rolled back, once."""

import dataclasses
import logging
from datetime import timedelta

import numpy as np
import pytest
from conftest import NOW
from made_streams import TRAVEL, sentences

from pipeline.cycle.canary_keys import successes
from pipeline.cycle.guard import guard_champion
from pipeline.cycle.promotion import Champions
from pipeline.cycle.run import run_cycle
from pipeline.gate import Guard
from pipeline.operations.status import status_now
from pipeline.store import Record
from training.faults import DataFault
from training.pairs import Pair
from training.unlabelled import ServedQuery, Shown


def later(hours):
    return NOW + timedelta(hours=hours)


def served(store, version, clicks, *, hours, users=600, seed=0):
    """Let users of a version ask and click, at a time after its promotion."""
    chance = np.random.default_rng(seed + version)
    store.add(
        "served",
        "recent",
        [
            Record(
                ServedQuery(
                    f"question {place}",
                    (Shown("a"), Shown("b")),
                    ("b",) if chance.random() < clicks else (),
                    id=f"{seed}-{version}-{place}",
                    user=f"user {seed}-{place}",
                    timestamp=later(hours).timestamp() + place / 10,
                    version=version,
                )
            )
            for place in range(users)
        ],
    )


def guard(opened, at, **settings):
    tables = opened.settings.tables
    tables = dataclasses.replace(tables, guard=Guard(**settings))
    watched = opened.following(dataclasses.replace(opened.settings, tables=tables))
    return guard_champion(watched, Champions.of(opened), later(at))


def test_run_rolls_a_promotion_back_that_users_dislike_and_marks_the_lineage(opened):
    served(opened.store, 1, 0.6, hours=-10)
    served(opened.store, 2, 0.3, hours=1)
    result = run_cycle(opened, later(3))
    assert (result.rolled_back.version, result.champion.version) == (2, 1)
    assert result.rolled_back.reason.startswith("by itself: success fell from ")
    last = opened.store.promotions()[-1]
    assert (last.version, last.previous, last.action) == (1, 2, "rollback")
    assert opened.registry.version(2).tags["anchorhold.rolled_back"] == last.reason
    assert [each.version for each in status_now(opened, later(3)).rolled_back] == [2]
    with pytest.raises(DataFault, match="must not be promoted again"):
        Champions.of(opened).promote(2, reason="?", force=False, now=later(3))
    assert run_cycle(opened, later(4)).rolled_back is None


@pytest.mark.parametrize(
    ("before", "after", "hours", "settings"),
    [
        (0.6, 0.58, 3, {}),  # As good, but for chance.
        (0.6, 0.3, 100, {}),  # The hours of the guard are over.
        (0.6, 0.3, 3, {"enabled": False}),
        (0.6, 0.0, 3, {}),  # Nothing is recorded any more: that says nothing about users.
        (0.6, 0.3, 1.2, {}),  # They are still reading.
    ],
)
def test_nothing_is_rolled_back_without_evidence_of_harm(opened, before, after, hours, settings):
    served(opened.store, 1, before, hours=-10)
    served(opened.store, 2, after, hours=1)
    assert guard(opened, hours, **settings) is None


def test_a_promotion_is_recorded_when_it_happens_not_when_its_cycle_began(opened):
    last = opened.store.promotions()[-1]
    assert (last.action, last.cycle) == ("promote", "0002")
    assert NOW == opened.store.cycle("0002").started < last.at < later(1)


def test_what_a_user_does_later_does_not_change_what_was_counted():
    def line(user, moment, clicked):
        return ServedQuery("where", user=user, timestamp=moment, clicked=clicked, version=2)

    lines = [line("a", 10.0, ("b",)), line("a", 60.0, ()), line("b", 50.0, ())]
    assert successes(lines, since=0.0, until=20.0, window=100.0) == ([0.5], True)
    lines += [line("a", 111.0, ()), line("c", 5.0, ("b",))]
    assert successes(lines[:4], since=0.0, until=80.0, window=100.0) == ([0.5, 0.0], True)
    assert successes(lines, since=6.0, until=20.0, window=100.0) == ([0.5], True)


def test_a_forced_promotion_is_a_persons_word(opened):
    Champions.of(opened).promote(1, reason="by hand", force=True, now=NOW)
    served(opened.store, 2, 0.6, hours=-10)
    served(opened.store, 1, 0.3, hours=1)
    assert guard(opened, 3) is None


def test_it_does_not_swing_to_and_fro(opened, registered, caplog):
    served(opened.store, 1, 0.6, hours=-10)
    served(opened.store, 2, 0.3, hours=1)
    assert guard(opened, 3).version == 2
    assert guard(opened, 4) is None
    again = registered("0070", verdict="promoted", parent="1")
    Champions.of(opened).promote(again.number, reason="the next one", force=False, now=later(5))
    served(opened.store, 1, 0.6, hours=4, seed=1)
    served(opened.store, again.number, 0.3, hours=6)
    with caplog.at_level(logging.WARNING):
        assert guard(opened, 8) is None
    assert "version 2 was, 5 hours ago; `anchorhold rollback` does it" in caplog.text
    assert guard(opened, 8, hours=4).version == again.number


def test_without_a_version_to_return_to_the_champion_stays(opened, caplog):
    served(opened.store, 1, 0.6, hours=-10)
    served(opened.store, 2, 0.3, hours=1)
    opened.registry.client.delete_model_version("tiny-search", "1")
    assert guard(opened, 3) is None
    assert "version 2 does harm (success fell" in caplog.text
    assert opened.registry.champion().number == 2


def test_pairs_labelled_after_the_promotion_that_the_version_before_answers_better_roll_back(
    opened,
):
    """Version 2 learned travel; under these labels its answers are wrong ones."""
    before = opened.encoders.load(opened.versions.folder(opened.registry.version(1)).model)
    now = opened.encoders.load(opened.versions.folder(opened.registry.version(2)).model)
    texts = [row["positive"] for row in sentences(TRAVEL, 300, 9)]
    queries = [row["query"] for row in sentences(TRAVEL, 300, 10)]
    likes = before.encode(queries) @ before.encode(texts, kind="document").T
    other = now.encode(queries) @ now.encode(texts, kind="document").T
    best, rank = likes.argmax(axis=1), (-other).argsort(axis=1).argsort(axis=1)
    chosen = [place for place in range(len(queries)) if rank[place, best[place]] > 10]
    pairs = [Pair("", queries[place], texts[best[place]]) for place in chosen]
    assert len({pair.query for pair in pairs}) >= 30
    opened.store.add("pair", "recent", [Record(pair) for pair in pairs])
    left = guard(opened, 1)
    assert left.version == 2
    assert "fresh pairs: ndcg_at_10 differs by -" in left.reason
