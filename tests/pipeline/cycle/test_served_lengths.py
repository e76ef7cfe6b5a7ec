"""A cycle with a model of long vectors, served at two lengths and compared by the dot product."""

import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
from conftest import let_travel_arrive, make_workspace
from declared_models import long_vectors
from sentence_transformers import SentenceTransformer

from pipeline.cycle.run import run_cycle
from pipeline.operations.compare import compare_versions
from pipeline.operations.evaluate import evaluate_again
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.evaluation.evaluation_set import EvaluationSet
from training.faults import DataFault

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def turn(space):
    with open_workspace(load_settings(space), doing="run", now=NOW) as opened:
        return run_cycle(opened, NOW)


def serve(space, dimensions):
    """Change the lengths that the settings name."""
    file = space / "anchorhold.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("dimensions")]
    place = kept.index("max_length = 32") + 1
    file.write_text("\n".join([*kept[:place], f"dimensions = {dimensions}", *kept[place:]]) + "\n")


@pytest.fixture(scope="module")
def learned(tmp_path_factory, tiny_model, empty_tracking_store):
    """Return a workspace after two cycles with a model of the dot product, and the second cycle."""
    place = tmp_path_factory.mktemp("dot")
    space = make_workspace(
        place / "space", long_vectors(tiny_model, place / "base", "dot"), empty_tracking_store
    )
    serve(space, [16, 6])
    assert turn(space).outcome == "bootstrapped"
    let_travel_arrive(space)
    return space, turn(space)


@pytest.fixture
def space(learned, tmp_path):
    return shutil.copytree(learned[0], tmp_path / "space")


def served_ndcg(space, version, length):
    """Return nDCG@10 on the anchor set, as whoever loads the plain model and cuts its vectors."""
    folder = space / ".anchorhold" / "versions" / str(version) / "model"
    model = SentenceTransformer(str(folder), device="cpu", truncate_dim=length)
    given = EvaluationSet.from_folder("anchor/bank", space / "anchors" / "bank")
    ids = sorted(given.corpus)
    similar = model.similarity(
        model.encode_query(list(given.queries.values())),
        model.encode_document([given.corpus[each] for each in ids]),
    ).numpy()
    own = [ids.index(next(iter(given.relevant[query]))) for query in given.queries]
    ranks = (similar > similar[range(len(own)), own][:, None]).sum(axis=1)
    return np.where(ranks < 10, 1 / np.log2(ranks + 2), 0).mean()


@pytest.mark.slow
def test_the_gate_judges_what_the_plain_model_serves_at_each_length(learned):
    space, result = learned
    found = {each.task: each for each in result.verdict.comparisons}
    assert set(found) == {"new", "new/dim-6", "anchor/bank", "anchor/bank/dim-6"}
    assert all(each.judged for each in found.values())
    assert found["new/dim-6"].rule == found["new"].rule == "gain"
    for task, length in (("anchor/bank", None), ("anchor/bank/dim-6", 6)):
        assert found[task].champion == pytest.approx(served_ndcg(space, 1, length))
        assert found[task].candidate == pytest.approx(served_ndcg(space, 2, length))
    assert found["new"].difference > 0 and found["new/dim-6"].difference > 0


@pytest.mark.slow
def test_a_length_that_is_named_later_is_scored_for_the_champion_too(space):
    serve(space, [16, 9])
    with open_workspace(load_settings(space), doing="test", now=NOW) as opened:
        compared = compare_versions(["origin", "2"], opened)
        again = evaluate_again(opened, "1", NOW)
    assert "anchor/bank/dim-9" in {task.task for task in compared.tasks}
    measured = {task.task: task for task in again.tasks}
    assert measured["anchor/bank"].difference == pytest.approx(0)
    # It was accepted without this length: there is nothing to compare with.
    assert measured["anchor/bank/dim-9"].accepted is None
    (note,) = again.notes
    assert "anchor/bank/dim-9: the version was accepted without this length" in note
    assert measured["anchor/bank/dim-9"].now == pytest.approx(served_ndcg(space, 1, 9))


def test_a_length_above_that_of_the_vectors_is_told_in_one_sentence(
    turned, tmp_path, tiny_model, empty_tracking_store
):
    new = make_workspace(tmp_path / "new", tiny_model, empty_tracking_store)
    for place in (new, turned):
        serve(place, [500])
        with pytest.raises(DataFault, match=r"^model\.dimensions holds 500; allowed are 1 to 16"):
            turn(place)
        serve(place, [16])
    assert turn(new).outcome == "bootstrapped"
