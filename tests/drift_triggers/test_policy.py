"""One decision out of many signals, sparing over a whole life."""

import numpy as np
import pytest

from drift_triggers.policy import Look, Policy
from drift_triggers.signal import Signal


def signal(p_value=None, fired=True, trigger="embedding_shift", blocks=False):
    return Signal(trigger, fired, "why", p_value=p_value, blocks=blocks)


THIN, PLAIN = signal(5e-4), signal(1e-12)


def looks(*signals, launched=False, fresh=True):
    return [
        Look(24.0 * day, (one,), launched=launched, fresh=fresh) for day, one in enumerate(signals)
    ]


def test_nothing_fired_means_no_training_and_says_so():
    decision = Policy().decide([signal(1e-20, fired=False)], [], 0.0)
    assert not decision.train
    assert decision.reasons == ("no trigger fired",)


@pytest.mark.parametrize("before", [0, 1, 299, 2000])
def test_a_plain_shift_launches_in_the_look_that_sees_it_however_late(before):
    past = looks(*[signal(0.5, fired=False)] * before)
    decision = Policy().decide([PLAIN], past, 24.0 * before)
    assert decision.train
    assert "embedding_shift: plain" in decision.reasons[0]


def test_thin_evidence_waits_for_a_second_look_in_a_row():
    policy = Policy()
    first = policy.decide([THIN], [], 0.0)
    assert not first.train
    assert "waits for another look" in first.reasons[0]
    assert policy.decide([THIN], looks(THIN), 24.0).train
    assert not policy.decide([THIN], looks(THIN, signal(0.4, fired=False)), 48.0).train
    assert not policy.decide([THIN], looks(signal(5e-4, trigger="vocabulary")), 24.0).train


def test_looks_at_the_same_texts_do_not_confirm_one_another():
    assert not Policy().decide([THIN], looks(THIN), 24.0, fresh=False).train
    assert Policy().decide([PLAIN], looks(PLAIN), 24.0, fresh=False).train


def test_a_longer_persistence_asks_for_more_looks():
    policy = Policy(persistence=3)
    assert not policy.decide([THIN], looks(THIN), 24.0).train
    assert policy.decide([THIN], looks(THIN, THIN), 48.0).train
    stale = [looks(THIN)[0], Look(24.0, (THIN,), launched=False, fresh=False)]
    assert not policy.decide([THIN], stale, 48.0).train


def test_a_launch_is_followed_by_a_rest_also_for_schedules():
    due = signal(None, trigger="fresh_data")
    past = looks(PLAIN, launched=True)
    for one in (PLAIN, due):
        resting = Policy(cooldown_hours=48.0).decide([one], past, 24.0)
        assert not resting.train
        assert "less than 48 hours ago" in resting.reasons[0]
        assert Policy(cooldown_hours=48.0).decide([one], past, 48.0).train


def test_schedules_launch_by_themselves():
    assert Policy().decide([signal(None, trigger="model_age")], [], 0.0).train


def test_a_guard_blocks_everything_and_is_named():
    guard = signal(None, trigger="data_quality", blocks=True)
    decision = Policy().decide([PLAIN, guard], [], 0.0)
    assert not decision.train
    assert decision.blocked_by == ("data_quality",)
    assert "data_quality forbids training: why" in decision.reasons
    assert any("embedding_shift" in reason for reason in decision.reasons)


def test_more_tests_share_the_same_error_rate():
    edge = signal(3e-5)
    others = [signal(0.5, fired=False, trigger=f"t{number}") for number in range(9)]
    assert Policy().decide([edge], [], 0.0).train
    assert not Policy().decide([edge, *others], [], 0.0).train


def test_decisions_carry_every_signal_and_change_nothing():
    given, past = [THIN, PLAIN], looks(THIN)
    decision = Policy().decide(given, past, 24.0)
    assert decision.signals == (THIN, PLAIN)
    assert given == [THIN, PLAIN]
    assert past == looks(THIN)


def life(generator, policy, tests=6, days=365, fire_level=0.001):
    past = []
    for day in range(days):
        values = generator.random(tests)
        signals = [
            Signal(f"t{number}", bool(value <= fire_level), "simulated", p_value=float(value))
            for number, value in enumerate(values)
        ]
        decision = policy.decide(signals, past[-2:], 24.0 * day)
        if decision.train:
            return True
        past.append(Look(24.0 * day, tuple(signals), launched=False))
    return False


def test_a_quiet_year_of_uniform_p_values_launches_in_at_most_five_percent_of_lives():
    # Few enough lives to be quick; the bound is the 99.9 % quantile of Binomial(100, 0.05).
    generator = np.random.default_rng(0)
    assert sum(life(generator, Policy()) for _ in range(100)) <= 13
