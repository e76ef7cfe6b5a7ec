"""A cycle with each kind of real model, on real text: from the base to a verdict."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from pipeline.demo.demo import Sizes, Stage
from pipeline.demo.without_labels import UnlabelledSizes
from pipeline.operations.workspace import Workspace
from training.encoding.loading import load_model
from training.evaluation.evaluation_set import EvaluationSet
from training.finetuning.trainer import prompts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SMALL = Sizes(
    history=70,
    reference=150,
    anchor_queries=60,
    window=100,
    new_pairs=130,
    poisoned_pairs=0,
    unlabelled=UnlabelledSizes(known=0, first_log=0, window=0, new=0, poisoned=0),
)
LARGER = replace(SMALL, anchor_queries=100, new_pairs=400)
ANCHOR = "anchor/scientific-python"


def served_ndcg(folder: Path, given: EvaluationSet) -> float:
    """Return nDCG@10 of the plain model by its own similarity, for one answer per query."""
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    with suppress(AttributeError):  # a static model never cuts texts
        model.max_seq_length = 64
    names, ids = sorted(given.queries), sorted(given.corpus)
    answers = [next(iter(given.relevant[name])) for name in names]
    assert all(len(given.relevant[name]) == 1 for name in names)
    similar = model.similarity(
        model.encode_query([given.queries[name] for name in names]),
        model.encode_document([given.corpus[each] for each in ids]),
    ).numpy()
    own = similar[range(len(names)), [ids.index(answer) for answer in answers]]
    ranks = (similar > own[:, None]).sum(axis=1)
    return float(np.where(ranks < 10, 1 / np.log2(ranks + 2), 0).mean())


def cycle(place: Path, base: Path, sizes: Sizes = SMALL, *, model: str = "", finetune: str = ""):
    """Let new packages arrive in a workspace of a base; return its first and its second cycle."""
    stage = Stage(place, sizes, base)
    stage.begin()
    settings = place / "anchorhold.toml"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("[model]\n", f"[model]\n{model}\n")
    text = text.replace("epochs = 1 ", f"{finetune or 'epochs = 1'} ")
    settings.write_text(text, encoding="utf-8")
    with Workspace.open(place, now=NOW) as workspace:
        first = workspace.run()
        stage.new_packages()
        return first, workspace.run()


def judged(place: Path, first, second):
    """Check what every kind of model must show, and return the comparisons by task and rule."""
    assert first.outcome == "bootstrapped"
    assert second.decision.train, second.decision.reasons
    verdict = second.verdict
    assert second.outcome == verdict.outcome, verdict.reasons
    found = {(each.task, each.rule): each for each in verdict.comparisons}
    # It learns: whether that is enough to serve is for the gate.
    assert found["new", "gain"].difference > 0
    given = EvaluationSet.from_folder(ANCHOR, place / "anchors" / "scientific-python")
    for version, score in ((1, "champion"), (2, "candidate")):
        served = served_ndcg(place / ".anchorhold" / "versions" / str(version) / "model", given)
        assert getattr(found[ANCHOR, "no worse"], score) == pytest.approx(served, abs=2e-3)
    return found


@pytest.mark.slow
def test_minilm_learns_new_packages_and_is_judged(tmp_path, minilm):
    judged(tmp_path, *cycle(tmp_path, minilm, finetune="maximum_steps = 4"))


@pytest.mark.slow
def test_a_static_model_learns_new_packages_at_every_length_that_is_served(tmp_path, static_model):
    cycles = cycle(
        tmp_path,
        static_model,
        LARGER,
        model="dimensions = [256, 64]",
        finetune="epochs = 4\nlearning_rate = 0.01",
    )
    found = judged(tmp_path, *cycles)
    assert found["new/dim-64", "gain"].difference > 0
    assert (f"{ANCHOR}/dim-64", "no worse") in found


@pytest.mark.slow
def test_a_fine_tune_of_minilm_learns_new_packages_and_is_judged(tmp_path, operations_minilm):
    judged(tmp_path, *cycle(tmp_path, operations_minilm))


@pytest.mark.slow
def test_a_multilingual_model_learns_new_packages_with_its_prompts(tmp_path, multilingual_model):
    model = load_model(multilingual_model)
    assert prompts(model, ["query", "positive"]) == {"query": "query: ", "positive": "passage: "}
    judged(tmp_path, *cycle(tmp_path, multilingual_model))
