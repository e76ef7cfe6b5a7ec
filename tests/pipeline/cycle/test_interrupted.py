"""A cycle that was interrupted goes on where the workspace lies now, whatever was lost."""

import shutil
from datetime import UTC, datetime

import pytest

from pipeline.operations import Workspace

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def delete_candidate(registry) -> None:
    registry.client.delete_model_version(registry.name, "2")


def delete_runs(registry) -> None:
    for run in registry.client.search_runs([registry.experiment]):
        registry.client.delete_run(run.info.run_id)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "lost", "outcome"),
    [
        ("evaluate", None, "promoted"),
        ("evaluate", delete_candidate, "inconclusive"),
        ("train/configured", delete_runs, "promoted"),
        ("train/configured", "cycles", "inconclusive"),
    ],
)
def test_it_is_finished_with_what_is_left(interrupted, tmp_path, stage, lost, outcome):
    space = shutil.copytree(interrupted[stage], tmp_path / "moved")
    with Workspace.open(space, now=NOW) as workspace:
        if isinstance(lost, str):
            shutil.rmtree(space / ".anchorhold" / lost)
        elif lost is not None:
            with workspace._opened("test") as opened:
                lost(opened.registry)
        result = workspace.run()
        assert (result.cycle, result.outcome) == ("0002", outcome)
        if outcome == "inconclusive":
            assert "was deleted: " in result.verdict.reasons[0]
            assert workspace.run().outcome == "promoted"
        assert workspace.status().champion.cycle == ("0002" if outcome == "promoted" else "0003")


@pytest.mark.slow
def test_a_missing_first_champion_is_told_in_the_verdict(turned):
    from made_streams import sentences, write_lines

    words = ("recipe", "salt", "cook", "menu", "the", "my")
    with (turned / "anchorhold.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[triggers.fresh_data]\nminimum_pairs = 100\n")
    with Workspace.open(turned, now=NOW) as workspace:
        with workspace._opened("test") as opened:
            opened.registry.client.delete_model_version(opened.registry.name, "1")
        write_lines(turned / "pairs" / "cooking.jsonl", sentences(words, 300, 8))
        result = workspace.run()
    assert any("first champion was deleted" in each for each in result.verdict.reasons)
