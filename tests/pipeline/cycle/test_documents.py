"""A workspace with documents: pairs that name them learn as pairs that hold their texts."""

from datetime import UTC, datetime

import pytest
from made_streams import BANK, TRAVEL, sentences, write_lines

from pipeline.cycle.check import check_now
from pipeline.cycle.run import run_cycle
from pipeline.operations.status import status_now
from pipeline.results import DocumentCounts
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def name_documents(space, rows, file):
    """Write the answers of the rows as documents, and the rows with their ids."""
    documents = [{"id": f"{file}-{row['id']}", "text": row["positive"]} for row in rows]
    write_lines(space / "corpus" / f"{file}.jsonl", documents)
    write_lines(
        space / file / "named.jsonl",
        [{**row, "positive": f"{file}-{row['id']}"} for row in rows],
    )


def with_corpus(space):
    settings = space / "anchorhold.toml"
    settings.write_text(
        settings.read_text().replace("[data]\n", '[data]\ncorpus = ["corpus/*.jsonl", "docs"]\n')
    )
    (space / "docs").mkdir()
    (space / "docs" / "fees.md").write_text("# Fees\n\nA card costs nothing.\n")
    write_lines(space / "corpus" / "one.jsonl", [{"id": "one", "text": "One."}])


def test_a_file_beside_the_workspace_names_its_documents(turned, tmp_path):
    with_corpus(turned)
    rows = sentences(TRAVEL, 40, 9)
    name_documents(turned, rows, "pairs")
    (turned / "pairs" / "named.jsonl").unlink()
    named, written = tmp_path / "named.jsonl", tmp_path / "written.jsonl"
    write_lines(named, [{**row, "positive": f"pairs-{row['id']}"} for row in rows])
    write_lines(written, rows)
    with open_workspace(load_settings(turned), doing="test", now=NOW) as opened:
        opened.take_in(NOW)
        found = check_now(opened, traffic=None, pairs=named, now=NOW)
        same = check_now(opened, traffic=None, pairs=written, now=NOW)
        counts = status_now(opened, NOW).records.documents
    assert [each.effect for each in found.signals] == [each.effect for each in same.signals]
    assert counts == DocumentCounts(documents=42, versions=42, discarded=0)


@pytest.mark.slow
def test_pairs_that_name_documents_lead_to_the_same_promotion(workspace, travel_arrives):
    with_corpus(workspace)
    (workspace / "history" / "bank.jsonl").unlink()
    name_documents(workspace, sentences(BANK, 200), "history")
    outcomes = []
    for _ in range(2):
        with open_workspace(load_settings(workspace), doing="run", now=NOW) as opened:
            result = run_cycle(opened, NOW)
            outcomes.append(result.outcome)
            stored = {pair.positive for pair in opened.store.pairs()}
        travel_arrives()
        (workspace / "pairs" / "travel.jsonl").unlink(missing_ok=True)
        name_documents(workspace, sentences(TRAVEL, 300, 3), "pairs")
    assert outcomes == ["bootstrapped", "promoted"]
    assert {row["positive"] for row in sentences(TRAVEL, 300, 3)} <= stored
    assert result.intake.corpus.stored > 0
