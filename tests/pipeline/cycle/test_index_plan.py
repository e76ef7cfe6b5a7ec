"""The plan of a real promotion: what it measures, where it is kept, and that its bridge serves."""

from datetime import UTC, datetime

import pytest
from conftest import name_corpus
from made_streams import BANK, TRAVEL, sentences, write_lines

from pipeline.cycle.index_plan import old_of, plan_index, plan_promotion
from pipeline.cycle.promotion import Champions
from pipeline.cycle.run import run_cycle
from pipeline.operations.compare import compare_versions, write_comparison
from pipeline.reports.terminal import show
from pipeline.search import StoredDocuments, pair_for
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.encoding import Encoder

NOW = datetime(2026, 3, 9, tzinfo=UTC)
# The tiny model keeps little of its space; what is tested is what a plan leads to.
LENIENT = "[bridge]\nminimum_recall = 0.1\n[gate]\nmax_drop = 0.9\n"


def with_corpus(space, more=""):
    name_corpus(space, more)
    answers = [row["positive"] for row in (*sentences(BANK, 120), *sentences(TRAVEL, 120, 3))]
    write_lines(
        space / "corpus" / "all.jsonl",
        [{"id": f"d{row}", "text": text} for row, text in enumerate(dict.fromkeys(answers))],
    )


@pytest.fixture
def indexed(turned):
    """Return a workspace with documents, whose version 2 was promoted over version 1."""
    with_corpus(turned, LENIENT + '[index]\nmode = "bridge"\n')
    with open_workspace(load_settings(turned), doing="test", now=NOW) as opened:
        opened.take_in(NOW)
        yield opened


def test_a_plan_names_cost_and_quality_of_every_way_to_serve(indexed):
    one, two = (indexed.registry.version(number) for number in (1, 2))
    sets = indexed.anchor_sets.of(indexed.versions.folder(two))
    plan = plan_index(indexed, one, two, sets).plan
    documents = indexed.store.count_documents()
    assert (plan.old, plan.new, plan.cost.documents) == (1, 2, documents)
    assert plan.cost.bytes == documents * 16 * 4 < plan.cost.index_bytes
    assert plan.cost.minutes > 0
    assert {each.kind for each in plan.bridges} == {"none", "mean_shift", "procrustes", "affine"}
    assert plan.re_embedded.recall_kept.mean == 1.0
    assert plan.re_embedded.loss.mean == 0.0
    for each in plan.bridges:
        assert {task.task for task in each.tasks} == {each.name for each in sets}
        assert 0 <= each.recall_kept.low <= each.recall_kept.mean <= each.recall_kept.high <= 1


def test_nothing_is_encoded_twice(indexed, monkeypatch):
    one, two = (indexed.registry.version(number) for number in (1, 2))
    plan_index(indexed, one, two, [])
    encoded = []
    forward = Encoder.forward

    def counted(encoder, texts, **options):
        encoded.extend(texts)
        return forward(encoder, texts, **options)

    monkeypatch.setattr(Encoder, "forward", counted)
    again = plan_index(indexed, one, two, []).plan
    # Only the documents on which the time is measured, and one to warm up.
    assert len(encoded) == again.cost.timed + 1
    assert again.cost.cached == again.sampled


def test_a_plan_is_part_of_a_comparison_where_there_are_documents(indexed, tmp_path, capsys):
    found = compare_versions(["1", "champion"], indexed)
    assert found.plan is not None
    assert (found.plan.old, found.plan.new) == (1, 2)
    page = write_comparison(tmp_path / "page.html", found, "model")
    text = (tmp_path / "page.html").read_text()
    assert "What the promotion means for your index" in text
    assert "v2 → v1, rotation" in text
    show(page)
    shown = capsys.readouterr().out
    assert f"index: {found.plan.reason}" in shown
    assert "v2 → v2" in shown


def test_the_bridge_of_a_plan_serves_before_the_index_of_the_new_version_is_there(indexed):
    one, two = (indexed.registry.version(number) for number in (1, 2))
    new = indexed.encoders.load(indexed.versions.folder(two).model)
    old = indexed.encoders.load(indexed.versions.folder(one).model)
    indexed.indexes.build(1, old, StoredDocuments.now(indexed.store), now=NOW)
    plan = plan_promotion(indexed, one, two, [])
    assert plan.verdict in ("bridge", "not worth it")
    pair = pair_for(indexed.indexes, 2, new.fingerprint)
    assert pair is not None
    assert (pair.table_version, pair.bridge.kind) == (1, plan.chosen)
    text = sentences(TRAVEL, 1, 3)[0]["positive"]
    assert len(pair.search(new.encode([text]), 5)[0]) == 5
    # The next plan starts from the index that serves, which is not version 2's.
    assert old_of(indexed, two).number == 1


@pytest.mark.slow
@pytest.mark.parametrize("good_enough", [True, False])
def test_with_bridge_a_promotion_serves_at_once_or_builds_its_index_first(
    workspace, travel_arrives, good_enough
):
    with_corpus(workspace, '[index]\nmode = "bridge"\n')
    settings = workspace / "anchorhold.toml"
    if good_enough:
        settings.write_text(settings.read_text() + LENIENT)
    outcomes, pairs = [], []

    def served_by(opened, number):
        version = opened.registry.version(number)
        identity = opened.encoders.identity(opened.versions.folder(version))
        return pair_for(opened.indexes, number, identity)

    champions = Champions.install

    def spied(self, version, **others):
        pairs.append(served_by(opened, version.number))
        return champions(self, version, **others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Champions, "install", spied)
        for _ in range(2):
            with open_workspace(load_settings(workspace), doing="run", now=NOW) as opened:
                result = run_cycle(opened, NOW)
                outcomes.append(result.outcome)
                after = served_by(opened, result.champion.version)
            travel_arrives()
    assert outcomes == ["bootstrapped", "promoted"]
    notes = " ".join(result.plan.notes)
    at_once = pairs[-1]
    if good_enough:
        assert (at_once.table_version, at_once.bridge is None) == (1, False)
        assert "through the bridge until its own is whole" in notes
    else:
        assert result.plan.verdict == "re-embed"
        assert (at_once.table_version, at_once.bridge) == (2, None)
        assert "its own is built first" in notes
    # The run ends with the version's own index.
    assert (after.table_version, after.bridge) == (2, None)


@pytest.mark.slow
def test_a_promotion_comes_with_a_plan(workspace, travel_arrives):
    with_corpus(workspace)
    with open_workspace(load_settings(workspace), doing="run", now=NOW) as opened:
        run_cycle(opened, NOW)
    travel_arrives()
    with open_workspace(load_settings(workspace), doing="run", now=NOW) as opened:
        result = run_cycle(opened, NOW)
        version = opened.registry.version(result.champion.version)
        run = opened.registry.client.get_run(result.run_id)
        files = {each.path for each in opened.registry.client.list_artifacts(result.run_id)}
        model = opened.registry.client.get_logged_model(version.logged_model)
    assert result.outcome == "promoted"
    assert result.plan.new == result.champion.version
    assert not any(each.dark_documents for each in result.plan.bridges)
    assert "plan.json" in files
    name = "plan/recall_kept/procrustes"
    kept = next(each for each in result.plan.bridges if each.kind == "procrustes").recall_kept
    assert run.data.metrics[name] == pytest.approx(kept.mean)
    assert {each.key for each in model.metrics} >= {name}
    before, made = result.cosines
    assert (before.version, made.version) == (1, 2)
    bank = next(each for each in made.sets if each.task == "anchor/bank")
    assert list(bank.relevant) == sorted(bank.relevant)
    assert bank.relevant[2] > bank.random[2]
    median = run.data.metrics["anchor/bank/cosine_relevant_p50"]
    assert median == pytest.approx(bank.relevant[2])
    report = workspace / ".anchorhold" / "cycles" / result.cycle / "report.html"
    page = report.read_text()
    assert "What the promotion means for your index" in page
    assert "How similar queries and documents are" in page
