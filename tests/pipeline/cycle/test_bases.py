"""The base model: refused before anything is registered, or registered with what to know of it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from conftest import let_travel_arrive, make_workspace
from made_streams import BANK, sentences, texts_of, write_lines
from odd_models import changed, cross_encoder, gpt2, routed, with_nan_for, with_prompts

from pipeline.cycle.run import run_cycle
from pipeline.operations.discard import Records, discard_records
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.faults import DataFault, NoEmbedding

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def turn(space, hours=0):
    now = NOW + timedelta(hours=hours)
    with open_workspace(load_settings(space), doing="run", now=now) as opened:
        return run_cycle(opened, now)


def discard(space, **named):
    with open_workspace(load_settings(space), doing="discard", now=NOW) as opened:
        who = {"reason": "no embedding", "who": "ada", "now": NOW}
        return discard_records(opened.store, opened.versions, Records(**named), **who)


def versions(space):
    with open_workspace(load_settings(space), doing="look", now=NOW) as opened:
        return [each.number for each in opened.registry.versions()]


@pytest.fixture
def space_of(tmp_path, empty_tracking_store):
    return lambda base: make_workspace(tmp_path / "space", base, empty_tracking_store)


def test_a_refused_base_leaves_nothing_and_a_mended_one_is_taken_by_the_next_run(
    space_of, tiny_model, tmp_path
):
    base = cross_encoder(tiny_model, tmp_path / "base")
    space = space_of(base)
    with pytest.raises(DataFault, match="holds a CrossEncoder"):
        turn(space)
    base.rename(tmp_path / "refused")
    changed(tiny_model, base, lambda model: model.tokenizer.add_tokens("another"))
    (space / "anchorhold.toml").write_text(
        (space / "anchorhold.toml").read_text().replace("epochs = 3", "frozen_layers = 2")
    )
    with pytest.raises(DataFault, match="must be below the model's 2 layers"):
        turn(space)
    assert versions(space) == []
    assert not [*(space / ".anchorhold" / "cycles").glob("*/base*")]
    (space / "anchorhold.toml").write_text(
        (space / "anchorhold.toml").read_text().replace("frozen_layers = 2", "frozen_layers = 1")
    )
    assert turn(space).outcome == "bootstrapped"
    assert versions(space) == [1]


def test_prompts_that_are_not_used_are_told_when_the_base_is_registered(
    space_of, tiny_model, tmp_path
):
    prompts = {"query": "where ", "passage": "how ", "sts": "the "}
    space = space_of(with_prompts(tiny_model, tmp_path / "base", prompts))
    first, note = turn(space).decision.reasons
    assert "version 1" in first
    assert "the prompt 'sts' is not used: queries are encoded with 'where ', documents with" in note
    (file,) = (space / ".anchorhold").glob("versions/1/model/config_sentence_transformers.json")
    assert json.loads(file.read_text())["prompts"]["document"] == "how "


def test_a_text_without_embedding_blocks_the_cycle_until_it_is_excluded(
    space_of, tiny_model, tmp_path
):
    space = space_of(with_nan_for("menu", tiny_model, tmp_path / "base"))
    assert turn(space).outcome == "bootstrapped"
    quiet = texts_of(sentences(BANK, 60, 7))
    write_lines(space / "traffic" / "bank.jsonl", quiet)
    write_lines(space / "traffic" / "odd.jsonl", [{"id": "odd", "text": "where is the menu 7169"}])
    for hours in (1, 2):
        with pytest.raises(NoEmbedding, match=r"versions/1/model gave NaN for '.* menu 7169';"):
            turn(space, hours)
    with open_workspace(load_settings(space), doing="look", now=NOW) as opened:
        assert [row.outcome for row in opened.store.cycles(limit=2)] == ["blocked"] * 2
    discard(space, file="traffic/odd.jsonl")
    assert turn(space, 3).outcome == "quiet"


def test_a_text_of_the_past_without_embedding_can_be_excluded_before_the_first_version(
    space_of, tiny_model, tmp_path
):
    space = space_of(with_nan_for("menu", tiny_model, tmp_path / "base"))
    write_lines(space / "reference" / "odd.jsonl", [{"id": "odd", "text": "where is the menu"}])
    with pytest.raises(NoEmbedding, match=r"model\.base '.*base' gave NaN for 'where is the menu'"):
        turn(space)
    discard(space, file="reference/odd.jsonl")
    assert turn(space).outcome == "bootstrapped"


def test_documents_of_an_anchor_set_without_embedding_give_no_scores(
    space_of, tiny_model, tmp_path
):
    space = space_of(with_nan_for("menu", tiny_model, tmp_path / "base"))
    corpus = space / "anchors" / "bank" / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace(" is gone", " is gone menu", 3))
    with pytest.raises(NoEmbedding, match=r"gave NaN for '.* is gone menu' and 2 other texts"):
        turn(space)
    assert versions(space) == []


def test_a_base_without_padding_token_is_refused(space_of, tmp_path):
    with pytest.raises(DataFault, match="has no padding token"):
        turn(space_of(gpt2(tmp_path / "base", padding=False)))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["auto", "fp32"])
@pytest.mark.parametrize("form", ["float32", "bfloat16", "float16"])
def test_a_base_of_any_number_format_is_trained_and_promoted(
    form, precision, space_of, tiny_model, tmp_path
):
    import torch

    to = getattr(torch, form)
    space = space_of(changed(tiny_model, tmp_path / "base", lambda model: model.to(to)))
    settings = space / "anchorhold.toml"
    settings.write_text(settings.read_text() + f'precision = "{precision}"\n')
    turn(space)
    let_travel_arrive(space)
    result = turn(space, 1)
    assert result.outcome == "promoted" and result.verdict.suspects == ()


@pytest.mark.slow
def test_a_base_with_routes_is_trained_and_promoted(space_of, tiny_model, tmp_path):
    space = space_of(routed(tiny_model, tmp_path / "base"))
    turn(space)
    let_travel_arrive(space)
    assert turn(space, 1).outcome == "promoted"
