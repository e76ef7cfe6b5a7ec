"""The real MiniLM learns from documentation and questions about it, without one label."""

import json
from datetime import UTC, datetime

import pytest
from made_streams import write_lines

from pipeline.demo.docstrings import documentation_pairs
from pipeline.operations import Workspace
from training.evaluation import EvaluationSet
from training.pairs import HoldOut

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.slow
def test_documents_and_a_log_lead_to_a_verdict_that_hidden_labels_do_not_contradict(
    tmp_path, minilm, monkeypatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    known = documentation_pairs(["sklearn"], most=450)
    new = documentation_pairs(["mlflow", "torch"], most=400)
    (tmp_path / "anchorhold.toml").write_text(
        f'[model]\nname = "docs"\nbase = {json.dumps(str(minilm))}\n\n'
        '[data]\ncorpus = ["corpus/*.jsonl"]\nlog = ["log/*.jsonl"]\n\n'
        '[gate]\nproxies = "allow"\n\n[known_items]\nshare = 0.35\n'
    )

    def arrive(name, pairs):
        rows = [{"id": each.id, "text": each.positive} for each in pairs]
        asked = [{"query": each.query, "session": each.id} for each in pairs]
        write_lines(tmp_path / "corpus" / f"{name}.jsonl", rows)
        write_lines(tmp_path / "log" / f"{name}.jsonl", asked)

    arrive("known", known)
    with Workspace.open(tmp_path, now=NOW) as workspace:
        first = workspace.run()
        assert any("frozen as anchor/known-items" in each for each in first.decision.reasons)
        arrive("new", new)
        result = workspace.run()
        assert result.verdict is not None, result.decision.reasons
        assert result.verdict.without_labels
        tasks = {each.task for each in result.verdict.comparisons}
        assert {"anchor/known-items", "proxy/known-items", "proxy/lexical"} <= tasks
        held_out = [each for each in new if HoldOut().holds(each.query)]
        truth = EvaluationSet.from_pairs("truth", held_out, new)
        with workspace._opened("test") as opened:
            before, after = (
                opened.scores.of(opened.versions.folder(opened.registry.version(each)), [truth])
                .tasks["truth"]
                .mean("ndcg_at_10")
                for each in (1, result.candidate.version)
            )
        assert after > before - 0.01
        if result.verdict.promote:
            assert after > before
