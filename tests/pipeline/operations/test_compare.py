"""Comparison of versions: the same queries, every task, with intervals."""

import json
import re

import pytest

from pipeline.operations.compare import compare_versions, write_comparison
from pipeline.reports import task_name
from training.faults import DataFault


def compare(opened, *references):
    return compare_versions(references, opened)


def test_versions_are_compared_on_every_task_that_one_of_them_knows(opened):
    found = compare(opened, "1", "champion")
    assert [each.version for each in found.versions] == [1, 2]
    assert "champion" in found.versions[1].aliases
    rows = {row.task: row for row in found.tasks}
    assert set(rows) == {"anchor/bank", "anchor/learned-0002"}
    for row in rows.values():
        versus = row.differences[0]
        assert versus.difference == pytest.approx(row.means[1] - row.means[0])
        assert versus.low <= versus.difference <= versus.high
        assert versus.better + versus.worse <= row.queries


def test_a_comparison_says_how_far_the_texts_moved(opened, tmp_path):
    found = compare(opened, "1", "champion")
    (moved,) = found.movement
    assert (moved.old, moved.new) == (1, 2)
    assert {each.task for each in moved.sets} == {"anchor/bank", "anchor/learned-0002"}
    assert all(each.cosine < 1.0 and each.neighbours is not None for each in moved.sets)
    write_comparison(tmp_path / "page.html", found, "tiny-search")
    assert "How far the texts moved" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_one_version_alone_is_nothing_to_compare(opened):
    with pytest.raises(DataFault, match="two different versions"):
        compare(opened, "2", "champion")


def test_origin_names_the_first_champion_and_equal_versions_count_once(opened):
    found = compare(opened, "origin", "1", "champion")
    assert [each.version for each in found.versions] == [1, 2]


def test_what_got_worse_comes_with_the_documents_of_both(opened):
    found = compare(opened, "champion", "1")
    rows = {row.task: row.differences[0] for row in found.tasks}
    changes = {each.task: each for each in found.regressions[0].changes}
    assert set(changes) == set(rows)
    for task, versus in rows.items():
        assert changes[task].worse == versus.worse
        assert changes[task].better == versus.better
    worst = found.regressions[0].worst_queries
    assert worst
    assert len(worst) <= 20
    falls = [each.before - each.after for each in worst]
    assert falls == sorted(falls, reverse=True)
    assert all(len(each.old) == len(each.new) == 3 for each in worst)


def test_a_set_that_changed_since_a_version_was_accepted_is_scored_on_and_named(opened):
    assert compare(opened, "1", "2").notes == ()
    corpus = opened.settings.root / "anchors" / "bank" / "corpus.jsonl"
    more = json.dumps({"id": "another", "text": "how the card is gone"})
    corpus.write_text(corpus.read_text() + more + "\n")
    found = compare(opened, "1", "2")
    assert [note.split(" (")[0] for note in found.notes] == [
        "anchor/bank changed since version 1 was accepted",
        "anchor/bank changed since version 2 was accepted",
    ]
    digests = {each.name: each.digest[:12] for each in found.sets}
    assert digests["anchor/bank"] in found.notes[0]


def test_the_page_holds_everything_and_runs_nothing(opened, tmp_path):
    place = tmp_path / "sides" / "page.html"
    found = write_comparison(place, compare(opened, "1", "2"), "<b>tiny</b>")
    page = place.read_text(encoding="utf-8")
    assert found.page == str(place)
    assert "&lt;b&gt;tiny" in page
    assert "<script" not in page
    assert "<svg" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    for row in found.tasks:
        assert task_name(row.task) in page
    assert len(page) < 500_000
    (tmp_path / "file").touch()
    with pytest.raises(DataFault, match="cannot be written"):
        write_comparison(tmp_path / "file" / "page.html", found, "tiny")
