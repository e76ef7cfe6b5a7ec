"""Documents of an anchor set from another parser: what moves is measured, nothing is decided."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from made_streams import BANK, sentences, texts_of, write_lines

from pipeline.cycle.charted import cycle_metrics
from pipeline.cycle.check import check_now
from pipeline.cycle.run import run_cycle
from pipeline.workspace.settings import Anchor
from training.faults import DataFault

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def parsed_again(opened, change, most=None):
    """The workspace with another parse of its anchor set, and its decision."""
    root = opened.settings.root
    corpus = (root / "anchors" / "bank" / "corpus.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in corpus.splitlines()][:most]
    write_lines(root / "again.jsonl", [{**row, "text": change(row["text"])} for row in rows])
    tables = opened.settings.tables
    anchors = {"bank": replace(tables.anchors["bank"], reparsed="again.jsonl")}
    settings = replace(opened.settings, tables=replace(tables, anchors=anchors))
    return opened.following(settings)


def checked(opened, tmp_path):
    write_lines(tmp_path / "texts.jsonl", texts_of(sentences(BANK, 60, 33)))
    return check_now(opened, traffic=tmp_path / "texts.jsonl", pairs=None, now=NOW)


def test_the_same_texts_move_nothing(opened, tmp_path):
    (found,) = checked(parsed_again(opened, str), tmp_path).measures.reparsed
    assert (found.task, found.missing, found.identical) == ("anchor/bank", 0, 1.0)
    assert found.cosine == pytest.approx(1.0, abs=1e-5)
    assert found.neighbours == 1.0
    assert found.before == found.after
    assert found.low <= 0.0 <= found.high


def test_texts_that_a_parser_spoils_move_and_cost_what_is_told(opened, tmp_path):
    (found,) = checked(parsed_again(opened, lambda text: text[-4:]), tmp_path).measures.reparsed
    assert found.identical == 0.0
    assert found.cosine < 0.99
    assert found.neighbours < 0.9
    assert found.after < found.before
    assert found.low <= found.after - found.before <= found.high < 0.0
    assert found.reason.startswith("anchor/bank parsed again: ")


def test_a_part_of_the_documents_can_be_given_and_a_run_records_it(opened):
    again = parsed_again(opened, str.upper, most=40)
    write_lines(opened.settings.root / "traffic" / "b.jsonl", texts_of(sentences(BANK, 60, 33)))
    result = run_cycle(again, NOW)
    (found,) = result.decision.measures.reparsed
    assert found.documents == 40
    assert found.missing > 0
    metrics = opened.registry.client.get_run(result.run_id).data.metrics
    expected = dict(cycle_metrics(result))
    for name in ("cosine", "neighbours", "difference", "difference_low"):
        assert metrics[f"reparsed/bank/{name}"] == expected[f"reparsed/bank/{name}"]


def test_a_file_that_is_missing_or_of_other_documents_is_refused_by_name(opened, tmp_path):
    again = parsed_again(opened, str)
    write_lines(opened.settings.root / "again.jsonl", [{"_id": "x", "text": "other"}])
    with pytest.raises(DataFault, match=r"again\.jsonl: has no document of anchor/bank"):
        checked(again, tmp_path)
    (opened.settings.root / "again.jsonl").unlink()
    with pytest.raises(DataFault, match=r"again\.jsonl is missing"):
        checked(again, tmp_path)
    with pytest.raises(ValueError, match="a set of one folder"):
        Anchor(path="a", further=["b"], reparsed="again.jsonl")
