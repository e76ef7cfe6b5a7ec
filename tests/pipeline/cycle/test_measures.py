"""The numbers of a check beside its triggers: JSON and MLflow have all of them."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from made_streams import BANK, TRAVEL, sentences, texts_of, write_lines

from pipeline.cycle.charted import cycle_metrics
from pipeline.cycle.check import check_now
from pipeline.cycle.provenance import provenance
from pipeline.cycle.run import run_cycle
from pipeline.cycle.window import window_now
from pipeline.results import Measures

NOW = datetime(2026, 3, 9, tzinfo=UTC)
COOK = ("recipe", "salt", "cook", "menu")


def declaring(opened, **declared):
    """The workspace with other settings of the intake."""
    tables = opened.settings.tables
    tables = replace(tables, intake=replace(tables.intake, **declared))
    return opened.following(replace(opened.settings, tables=tables))


def mixed(seed):
    """Texts mixed as the reference is, from two sources."""
    bank = [{**row, "source": "app"} for row in texts_of(sentences(BANK, 60, seed))]
    travel = sentences(TRAVEL, 60, seed, prefix="t")
    return [*bank, *({**row, "source": "mail"} for row in texts_of(travel))]


def test_a_declared_change_of_the_pipeline_is_told_and_not_taken_for_new_topics(opened, tmp_path):
    write_lines(tmp_path / "texts.jsonl", texts_of(sentences(COOK, 120, 32)))
    file = tmp_path / "texts.jsonl"
    plain = check_now(opened, traffic=file, pairs=None, now=NOW)
    assert plain.train and plain.cause.cause != "pipeline"
    assert plain.measures.preprocessing[0].changed_share == 0.0
    changed = check_now(
        declaring(opened, text_preprocessing="cleaner 4"), traffic=file, pairs=None, now=NOW
    )
    assert not changed.train
    assert changed.cause.cause == "pipeline"
    assert any("made by 'cleaner 4' (records, rules 1)" in reason for reason in changed.reasons)
    texts = changed.measures.preprocessing[0]
    assert (texts.records, texts.changed_share) == ("texts", 1.0)
    assert [(each.known > 0, each.recent) for each in texts.read_by] == [(False, 120), (True, 0)]


def test_what_read_the_records_is_noted_with_them(opened):
    root, store = opened.settings.root, opened.store
    facts = opened.versions.folder(opened.versions.champion()).facts()

    def recent(count):
        window = window_now(
            store, champion=2, facts=facts, settings="", waiting=opened.settings.waiting
        )
        return provenance(store, window, "traffic", count).preprocessing["texts"]

    write_lines(root / "traffic" / "new.jsonl", texts_of(sentences(BANK, 30, 40)))
    opened.take_in(NOW)
    assert recent(30).changed == 0.0
    write_lines(root / "traffic" / "newer.jsonl", texts_of(sentences(BANK, 10, 41)))
    declaring(opened, text_preprocessing="cleaner 4").take_in(NOW)
    assert recent(40).changed == 0.25
    assert recent(10).changed == 1.0
    assert sorted(recent(40).recent.values()) == [10, 30]


@pytest.fixture
def measured(opened, tmp_path):
    write_lines(tmp_path / "texts.jsonl", mixed(32))
    return check_now(opened, traffic=tmp_path / "texts.jsonl", pairs=None, now=NOW)


def test_geometry_regions_and_sources_are_numbers(measured):
    found = measured.measures
    assert 0.0 <= found.geometry.centre_moved <= 2.0
    regions = found.occupancy
    assert regions.regions > 1
    assert regions.beyond_chance == pytest.approx(
        max(0.0, regions.total_variation - regions.by_chance)
    )
    assert regions.moved[0].text
    app = next(each for each in found.sources if each.source == "app")
    assert app.texts[1] == 60
    assert 0.0 <= app.far[1] <= 1.0
    assert app.pieces[1] >= 1.0
    assert found.form.change == "nothing"
    assert found.form.relation == "unknown"


def test_fields_that_only_recent_texts_have_are_numbers_with_a_test(measured):
    fields = {(each.records, each.field): each for each in measured.measures.fields}
    found = fields["texts", "source"]
    assert found.missing == (1.0, 0.0)
    assert (found.change, found.p_value < 1e-4) == ("new", True)
    quality = next(each for each in measured.signals if each.trigger == "data_quality")
    assert "texts: 'source' is new" in quality.reason
    assert not quality.fired
    assert ("pairs", "source") in fields
    assert ("texts", "session") not in fields


def test_json_keeps_the_measures_and_older_results_have_none(measured):
    written = json.dumps(measured.to_json(), allow_nan=False)
    read = type(measured).model_validate(json.loads(written))
    assert read.measures == measured.measures
    older = {name: value for name, value in measured.to_json().items() if name != "measures"}
    assert type(measured).model_validate(older).measures is None


def test_mlflow_has_every_number_of_a_cycle(opened):
    write_lines(opened.settings.root / "traffic" / "new.jsonl", mixed(43))
    result = run_cycle(opened, NOW)
    assert isinstance(result.decision.measures, Measures)
    run = opened.registry.client.get_run(result.run_id)
    expected = dict(cycle_metrics(result))
    assert all(math.isfinite(value) for value in expected.values())
    for name in (
        "geometry/centre_moved",
        "occupancy/total_variation",
        "source/app/pieces_per_word_recent",
        "source/mail/far_recent",
        "missing/texts/source_recent",
        "preprocessing/texts_changed",
        "contrast/form",
    ):
        assert run.data.metrics[name] == pytest.approx(expected[name])
    assert run.data.tags["anchorhold.source"] == result.source
