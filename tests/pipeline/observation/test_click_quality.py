"""Clicks and ratings as a measure of quality: per user, before and now."""

import random
from dataclasses import replace

import numpy as np
from made_clicks import made_log

from drift_triggers import Observation, QualityDrop, Sample
from pipeline.observation import Answered, click_quality
from training.unlabelled import ServedQuery, Shown
from training.unlabelled.votes import Ballot

NONE = Sample((), np.empty((0, 2), np.float32))
SHOWN = tuple(Shown(str(n)) for n in range(5))


def check(before, recent):
    tasks = click_quality(Answered(before=before, recent=recent), Ballot())
    return QualityDrop().check(Observation(NONE, NONE, quality=tasks))


def test_equal_answers_are_quiet_and_worse_ones_a_drop():
    made = made_log(visits=6)
    before, now = made.served[:1200], made.served[1200:]
    assert not check(before, now).fired
    down = [replace(line, shown=line.shown[::-1], clicked=()) for line in now]
    clicked = [
        line if n % 3 else replace(line, clicked=(line.shown[4].id,)) for n, line in enumerate(down)
    ]
    found = check(before, clicked)
    assert found.fired
    assert found.reason.startswith("retrieval got worse: clicks on")
    assert "users" in found.reason


def asked(user, count, first, seed):
    """Return queries of a user who clicks the first result this often."""
    draw = random.Random(f"{user} {seed}")
    return [
        ServedQuery(
            f"question {user} {seed} {n}",
            SHOWN,
            ("0",) if draw.random() < first else (),
            user=f"u{user}",
            session=f"s{user} {n // 8} {seed}",
        )
        for n in range(count)
    ]


def period(seed, users=30):
    """Return lines of users who differ much in how often they ask and click."""
    draw = random.Random(seed)
    lines = []
    for user in range(users):
        lines += asked(f"{seed} {user}", draw.randint(1, 60), draw.choice((0.1, 0.5, 0.9)), seed)
    return lines


def test_the_p_values_are_valid_although_the_lines_of_a_user_are_no_independent_witnesses():
    low = 0
    for seed in range(40):
        before, now = period(seed), period(1000 + seed)
        tasks = click_quality(Answered(before=before, recent=now), Ballot())
        first = {"clicks": tasks["clicks on the first result"]}
        low += QualityDrop().check(Observation(NONE, NONE, quality=first)).p_value <= 0.05
    assert low <= 6


def test_one_busy_user_makes_no_difference():
    before, now = period(1), period(2)
    busy = [replace(line, user="busy") for line in asked("busy", 500, 0.0, 3)]
    plain, flooded = (
        click_quality(Answered(before=before, recent=lines), Ballot())
        for lines in (now, [*now, *busy])
    )
    task = "clicks on the first result"
    assert len(flooded[task].now) == len(plain[task].now) + 1
    assert abs(flooded[task].now.mean() - plain[task].now.mean()) < 0.02


def test_a_log_that_stopped_to_record_clicks_is_no_loss():
    made = made_log()
    silent = [replace(line, clicked=()) for line in made.served]
    assert not check(made.served, silent).measured


def test_ratings_count_where_there_are_some():
    rated = [
        ServedQuery(f"q{n}", SHOWN, feedback=(("0", 1 if n % 10 else -1),), user=f"u{n}")
        for n in range(60)
    ]
    worse = [replace(line, feedback=(("0", 1 if n % 2 else -1),)) for n, line in enumerate(rated)]
    assert not check(rated, rated).fired
    assert check(rated, worse).reason.startswith("retrieval got worse: ratings")
