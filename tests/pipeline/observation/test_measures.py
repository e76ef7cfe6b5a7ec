"""Numbers beside the triggers, on made windows."""

from dataclasses import replace

import pytest
from made_windows import CASES, FOREIGN, asked, from_sources, made, world

from drift_triggers import Signal
from pipeline.observation import data_age, measures_of
from pipeline.results import Measures
from pipeline.store import Traffic
from training.pairs import Pair

DAY = 86400.0


def measured(observation, *names):
    return measures_of(observation, [made(name).check(observation) for name in names], {})


def test_the_age_of_what_was_learned_is_that_of_its_dated_records():
    pairs = [Pair(str(day), "q", "a", timestamp=day * DAY) for day in (0, 40, 80)]
    texts = [Traffic("undated"), Traffic("dated", timestamp=90 * DAY)]
    found = data_age(pairs, texts, 100 * DAY)
    assert (found.newest_days, found.median_days, found.oldest_days) == (10.0, 40.0, 100.0)
    assert found.dated == 0.8
    assert data_age([Pair("", "q", "a")], [], 0.0) is None


@pytest.mark.parametrize(("case", "change"), [("TextShape", "form"), ("Vocabulary", "content")])
def test_form_is_told_from_content(case, change):
    found = measured(CASES[case], "TextShape", "OutOfDistribution", "Vocabulary")
    assert found.form.change == change
    assert found.form.relation == "unknown"


def test_the_relation_is_what_quality_says():
    held = measured(world(), "TextShape", "QualityDrop").form
    assert (held.change, held.relation) == ("nothing", "holds")
    lost = measured(CASES["QualityDrop"], "TextShape", "QualityDrop").form
    assert (lost.relation, lost.loss > 0.05, lost.loss_p_value < 0.001) == ("lost", True, True)


def test_jargon_of_one_source_shows_in_its_pieces_and_distances():
    known = from_sources(world().reference)
    jargon = asked(9, 60, (4, 5), words=FOREIGN)
    mixed = from_sources(asked(2, 200), jargon)
    words = (*jargon.words[:60], *mixed.words[60:])
    found = measured(world(replace(mixed, words=words), reference=known))
    mail, app = (
        next(each for each in found.sources if each.source == name) for name in ("mail", "app")
    )
    assert mail.texts == (60, 60)
    assert mail.pieces[1] > mail.pieces[0] + 0.2
    assert app.pieces[1] == pytest.approx(app.pieces[0], abs=0.1)
    assert mail.far[1] > 0.5 > app.far[1]


def test_too_few_texts_have_no_regions_and_no_triggers_no_contrast():
    few = measures_of(world(asked(2, 5)), [], {})
    assert (few.geometry, few.occupancy, few.sources, few.form) == (None, None, (), None)
    unmeasured = [Signal.unmeasured("text_shape", "nothing was given")]
    assert measures_of(world(asked(2, 5)), unmeasured, {}) == Measures.model_validate(
        {"preprocessing": [each.model_dump() for each in few.preprocessing]}
    )
