"""The candidate: trained on what may be trained on, and merged only by pairs set aside."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from made_streams import TRAVEL, sentences, write_lines

from pipeline.cycle.check import window_of
from pipeline.cycle.lesson import prepare_lesson
from pipeline.cycle.train_work import TrainTask, TrainWork
from training.finetuning.negatives import Negatives
from training.pairs.caps import Caps
from training.pairs.memory import Memory
from training.pairs.pair import normalised
from training.progress import no_progress
from training.retention.merge import Merge

NOW = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def lesson_of(opened):
    write_lines(opened.settings.root / "pairs" / "more.jsonl", sentences(TRAVEL, 200, 41))
    opened.take_in(NOW)

    def prepare(**tables):
        changed = replace(opened.settings, tables=replace(opened.settings.tables, **tables))
        under = replace(opened, settings=changed)
        champion = under.versions.champion()
        folder = under.versions.folder(champion)
        window = window_of(under, champion)
        parts = (under.settings, under.store, under.anchor_sets, under.encoders)
        return under, folder, prepare_lesson(*parts, folder, window)

    return prepare


def trained(opened, folder, lesson, path):
    work = TrainWork.of(opened.settings, opened.encoders, folder, lesson)
    return work.train(TrainTask.of("configured", path, opened.settings, lesson), no_progress)


def test_nothing_that_is_measured_is_trained_on(lesson_of):
    opened, folder, lesson = lesson_of()
    measured = {
        normalised(query)
        for each in [lesson.new_task, *lesson.anchors, *folder.learned_anchors()]
        for query in each.queries.values()
    }
    trained = {normalised(text) for pair in lesson.mixture.pairs for text in (pair.query,)}
    assert measured
    assert not measured & trained
    assert lesson.mixture.recent > 0
    assert lesson.mixture.replayed > 0
    assert lesson.overlap(opened.settings.tables.leakage) == 0
    assert lesson.facts() == lesson_of()[2].facts(), "prepared again, it is the same lesson"


def test_blends_are_chosen_by_pairs_that_are_neither_trained_on_nor_judged_by(lesson_of, tmp_path):
    opened, folder, lesson = lesson_of(merge=Merge(shares=(0.5,)))
    selected = {query for each in lesson.selection.sets for query in each.queries.values()}
    assert selected
    assert not selected & {pair.query for pair in lesson.mixture.pairs}
    assert not selected & set(lesson.new_task.queries.values())
    done = trained(opened, folder, lesson, tmp_path)
    assert [blend.share for blend in done.curve] == [0.0, 0.5, 1.0]
    assert (tmp_path / done.folder / "model.safetensors").exists()


def test_a_memory_divided_into_regions_is_divided_by_the_champion(lesson_of):
    _, _, whole = lesson_of(memory=Memory(capacity=60))
    opened, folder, divided = lesson_of(memory=Memory(capacity=60, regions=3))
    assert {pair.id for pair in divided.memory} != {pair.id for pair in whole.memory}
    again = Memory(capacity=60, regions=3).absorb(
        folder.memory(), [], opened.encoders.load(folder.model).encode
    )
    assert len(again) == 60
    # Which pairs the regions choose depends on the weights, and so whether one repeats a query.
    measured = [text for each in divided.measured_on for text in each.queries.values()]
    kept, _ = opened.settings.tables.leakage.clean(again, measured)
    assert divided.memory == kept


def test_hard_negatives_are_mined_when_asked_for(lesson_of, tmp_path):
    opened, folder, lesson = lesson_of(negatives=Negatives(enabled=True))
    done = trained(opened, folder, lesson, tmp_path)
    assert "hard negatives for" in done.negatives


def test_one_source_brings_no_more_than_its_share(opened, lesson_of):
    other = [{**row, "source": "forum"} for row in sentences(TRAVEL, 40, 43)]
    write_lines(opened.settings.root / "pairs" / "forum.jsonl", other)
    opened.take_in(NOW)
    _, _, lesson = lesson_of(caps=Caps(source=0.5))
    counts = Counter(pair.source for pair in lesson.learned)
    assert len(counts) == 2
    assert len(set(counts.values())) == 1
