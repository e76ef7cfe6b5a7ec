"""One decision out of many signals, sparing over a whole life."""

import numpy as np
import pytest

from drift_triggers.policy import PastCheck, Policy
from drift_triggers.signal import Signal


def signal(p_value=None, fired=True, trigger="embedding_shift", blocks=False):
    return Signal(trigger, fired, "why", p_value=p_value, blocks=blocks)


WEAK, CLEAR = signal(5e-4), signal(1e-12)


def checks(*signals, launched=False, fresh=True):
    return [
        PastCheck(24.0 * day, (one,), launched=launched, fresh=fresh)
        for day, one in enumerate(signals)
    ]


def test_nothing_fired_means_no_training_and_says_so():
    decision = Policy().decide([signal(1e-20, fired=False)], [], 0.0)
    assert not decision.train
    assert decision.reasons == ("no trigger fired",)


@pytest.mark.parametrize("before", [0, 1, 299, 2000])
def test_a_clear_shift_starts_training_in_the_check_that_sees_it_however_late(before):
    past = checks(*[signal(0.5, fired=False)] * before)
    decision = Policy().decide([CLEAR], past, 24.0 * before)
    assert decision.train
    assert decision.reasons[0].startswith("embedding_shift")


def test_weak_evidence_needs_confirmation_by_a_second_check_in_a_row():
    policy = Policy()
    first = policy.decide([WEAK], [], 0.0)
    assert not first.train
    assert first.reasons == ("embedding_shift needs confirmation by the next check: why",)
    assert policy.decide([WEAK], checks(WEAK), 24.0).train
    assert not policy.decide([WEAK], checks(WEAK, signal(0.4, fired=False)), 48.0).train
    assert not policy.decide([WEAK], checks(signal(5e-4, trigger="vocabulary")), 24.0).train


def test_checks_of_the_same_texts_do_not_confirm_one_another():
    assert not Policy().decide([WEAK], checks(WEAK), 24.0, fresh=False).train
    assert Policy().decide([CLEAR], checks(CLEAR), 24.0, fresh=False).train


def test_a_longer_persistence_asks_for_more_checks():
    policy = Policy(persistence=3)
    assert not policy.decide([WEAK], checks(WEAK), 24.0).train
    assert policy.decide([WEAK], checks(WEAK, WEAK), 48.0).train
    stale = [checks(WEAK)[0], PastCheck(24.0, (WEAK,), launched=False, fresh=False)]
    assert not policy.decide([WEAK], stale, 48.0).train


def test_a_training_is_followed_by_a_cooldown_also_for_schedules():
    due = signal(None, trigger="fresh_data")
    past = checks(CLEAR, launched=True)
    for one in (CLEAR, due):
        resting = Policy(cooldown_hours=48.0).decide([one], past, 24.0)
        assert not resting.train
        assert "less than 48 hours ago" in resting.reasons[0]
        assert Policy(cooldown_hours=48.0).decide([one], past, 48.0).train


def test_a_clock_that_was_set_back_keeps_the_cooldown_but_not_for_years():
    due, policy = signal(None, trigger="fresh_data"), Policy(cooldown_hours=48.0)
    past = checks(CLEAR, launched=True)
    year = 365 * 24.0
    for hours, train in ((-1.0, False), (-47.0, False), (-48.0, True), (-year, True), (1.0, False)):
        assert policy.decide([due], past, hours).train is train


def test_schedules_start_training_by_themselves():
    assert Policy().decide([signal(None, trigger="model_age")], [], 0.0).train


def test_a_guard_blocks_everything_and_is_named():
    guard = signal(None, trigger="data_quality", blocks=True)
    decision = Policy().decide([CLEAR, guard], [], 0.0)
    assert not decision.train
    assert decision.blocked_by == ("data_quality",)
    assert "data_quality blocks training: why" in decision.reasons
    assert any("embedding_shift" in reason for reason in decision.reasons)


def test_more_tests_share_the_same_error_rate():
    edge = signal(3e-5)
    others = [signal(0.5, fired=False, trigger=f"t{number}") for number in range(9)]
    assert Policy().decide([edge], [], 0.0).train
    assert not Policy().decide([edge, *others], [], 0.0).train


def test_a_trigger_without_input_is_not_counted_as_a_test():
    edge = signal(3e-5)
    missing = [Signal.unmeasured(f"t{number}", "no input") for number in range(9)]
    alone, together = (Policy().decide(each, [], 0.0) for each in ([edge], [edge, *missing]))
    assert alone.train
    assert together.train
    assert together.reasons == alone.reasons


def test_an_earlier_check_without_input_confirms_nothing():
    missing = Signal.unmeasured("embedding_shift", "no input")
    assert not Policy().decide([WEAK], checks(missing), 24.0).train
    assert not Policy().decide([WEAK], checks(WEAK, missing), 48.0).train


def test_quiet_and_not_measured_give_different_reasons():
    missing = Signal.unmeasured("similarity_shift", "no cosines")
    nothing, quiet = (
        Policy().decide(signals, [], 0.0)
        for signals in ([missing], [missing, signal(0.5, fired=False)])
    )
    assert not nothing.train
    assert not quiet.train
    assert nothing.reasons != quiet.reasons


def test_decisions_carry_every_signal_and_change_nothing():
    given, past = [WEAK, CLEAR], checks(WEAK)
    decision = Policy().decide(given, past, 24.0)
    assert decision.signals == (WEAK, CLEAR)
    assert given == [WEAK, CLEAR]
    assert past == checks(WEAK)


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
        past.append(PastCheck(24.0 * day, tuple(signals), launched=False))
    return False


def test_a_quiet_year_of_uniform_p_values_starts_training_in_at_most_five_percent_of_lives():
    # Few enough lives to be quick; the bound is the 99.9 % quantile of Binomial(100, 0.05).
    generator = np.random.default_rng(0)
    assert sum(life(generator, Policy()) for _ in range(100)) <= 13


FORM = Signal("text_shape", True, "no capitals", p_value=1e-30, effect=0.9, cause="pipeline")
SHIFTED = Signal("embedding_shift", True, "shifted", p_value=1e-30, effect=0.2, cause="concept")
HARM = Signal("quality_drop", True, "worse", p_value=5e-4, effect=0.1, cause="retrieval_loss")


def test_a_changed_form_without_a_loss_of_quality_is_reported_and_starts_no_training():
    decision = Policy().decide([FORM, SHIFTED], [], 0.0)
    assert not decision.train
    assert [reason.split()[0] for reason in decision.reasons] == ["text_shape", "embedding_shift"]
    assert all("quality_drop shows no loss" in reason for reason in decision.reasons)
    held = Signal("quality_drop", False, "as before", p_value=0.4, effect=0.0)
    assert not Policy().decide([FORM, SHIFTED, held], [], 0.0).train


def test_a_changed_form_that_costs_quality_starts_training_at_once():
    decision = Policy().decide([FORM, SHIFTED, HARM], [], 0.0)
    assert decision.train
    assert decision.reasons[0].startswith("text_shape (significant at once")


@pytest.mark.parametrize("trigger", ["fresh_data", "model_age", "similarity_shift", "my_own"])
def test_a_changed_form_holds_back_only_what_form_can_move(trigger):
    other = Signal(trigger, True, "due")
    decision = Policy().decide([FORM, other], [], 0.0)
    assert decision.train
    assert len(decision.reasons) == 1
    assert decision.reasons[0].startswith(trigger)


def test_new_topics_in_a_new_form_start_training():
    topics = Signal("out_of_distribution", True, "new", p_value=1e-30, effect=0.95, cause="concept")
    assert Policy().decide([FORM, topics], [], 0.0).train
