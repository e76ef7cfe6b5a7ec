"""Which part of a refused batch hurts: the shuffled source, file or cluster is named first."""

import random
import shlex
from dataclasses import replace

import numpy as np
import pytest

from pipeline.gate.suspects import HeldOut, Suspects, explain_suspects
from pipeline.results import Suspect
from training.pairs.pair import Pair, normalised


def pairs_of(source, count=60, seed=0, word=""):
    """Pairs whose query and answer share a number that no other pair has."""
    return [
        Pair(
            f"{source}{seed}{i}",
            f"{word or source} question {source}{seed}{i}",
            f"the answer {source}{seed}{i}",
            source=source,
        )
        for i in range(count)
    ]


def shuffled(pairs):
    answers = [pair.positive for pair in pairs]
    random.Random(1).shuffle(answers)
    return [replace(pair, positive=text) for pair, text in zip(pairs, answers, strict=True)]


def suspect(name):
    return Suspect(
        group="source",
        name=name,
        pairs=80,
        agreement=0.5,
        difference=None,
        low=None,
        high=None,
        queries=0,
        suspected=True,
        reason="shuffled",
    )


def unmoved(pairs):
    place = {normalised(pair.query): row for row, pair in enumerate(pairs[::5])}
    return HeldOut(place, np.zeros(len(place)), lambda values: (-0.01, 0.01))


def test_the_shuffled_one_of_three_sources_is_named_first_with_the_command(fake_encoder):
    batch = [*pairs_of("docs"), *shuffled(pairs_of("forum")), *pairs_of("shop")]
    ranked = Suspects().rank(batch, {}, pairs_of("old", 100), fake_encoder, unmoved(batch))
    assert ranked[0].name == "forum"
    assert [each.suspected for each in ranked] == [True, False, False]
    assert abs(ranked[0].agreement - 0.5) < 0.1 < 0.4 < ranked[1].agreement - 0.5
    assert (ranked[0].pairs, ranked[0].queries) == (60, 12)
    reasons = explain_suspects(ranked, "0007")
    assert len(reasons) == 1
    assert reasons[0].endswith('exclude it: anchorhold discard --source forum --reason "…"')


def test_half_of_a_source_shuffled_ranks_it_first(fake_encoder):
    forum = pairs_of("forum", 200)
    batch = [*pairs_of("docs", 200), *shuffled(forum[:100]), *forum[100:]]
    ranked = Suspects().rank(batch, {}, [], fake_encoder, unmoved(batch))
    assert ranked[0].name == "forum"


def test_a_shuffled_file_is_named_where_all_pairs_are_of_one_source(fake_encoder):
    good, bad = pairs_of("docs", seed=1), shuffled(pairs_of("docs", seed=2))
    files = {pair.id: "pairs/a.jsonl" for pair in good} | {pair.id: "pairs/b.jsonl" for pair in bad}
    ranked = Suspects().rank([*good, *bad], files, good, fake_encoder, unmoved(good))
    assert (ranked[0].group, ranked[0].name) == ("file", "pairs/b.jsonl")
    assert "--file pairs/b.jsonl" in explain_suspects(ranked, "0007")[0]


def test_a_shuffled_topic_is_found_as_a_cluster_and_taken_out_by_its_cycle(fake_encoder):
    topics = [
        replace(pair, source="one")
        for topic in ("cards", "hotels", "menus")
        for pair in pairs_of(topic, word=" ".join([topic] * 6))
    ]
    topics += [
        replace(pair, source="one") for pair in shuffled(pairs_of("trains", word="trains " * 6))
    ]
    ranked = Suspects().rank(topics, {}, pairs_of("old", 100), fake_encoder, unmoved(topics))
    assert ranked[0].group == "cluster"
    assert "trains" in ranked[0].name
    assert [each.suspected for each in ranked] == [True, False, False, False]
    assert (
        'exclude the new pairs: anchorhold discard --cycle 0007 --reason "…"'
        in explain_suspects(ranked, "0007")[0]
    )


def test_a_source_on_which_the_candidate_got_worse_is_suspected(fake_encoder):
    batch = [*pairs_of("docs"), *pairs_of("shop")]
    place = {normalised(pair.query): row for row, pair in enumerate(batch)}
    drops = np.where([pair.source == "shop" for pair in batch], -0.3, 0.0)
    held_out = HeldOut(place, drops, lambda values: (values.mean() - 0.1, values.mean() + 0.1))
    ranked = Suspects().rank(batch, {}, [], fake_encoder, held_out)
    assert (ranked[0].name, ranked[0].suspected, ranked[0].queries) == ("shop", True, 60)
    assert ranked[0].difference == pytest.approx(-0.3)
    assert not ranked[1].suspected


def test_a_sound_batch_has_no_suspect_and_a_bad_one_is_taken_out_as_a_whole(fake_encoder):
    good = [*pairs_of("docs"), *pairs_of("shop")]
    ranked = Suspects().rank(good, {}, good, fake_encoder, unmoved(good))
    assert not any(each.suspected for each in ranked)
    assert explain_suspects(ranked, "0007") == [
        "no source, file or cluster of the new pairs stands out"
    ]
    bad = [*shuffled(pairs_of("docs")), *shuffled(pairs_of("shop"))]
    ranked = Suspects().rank(bad, {}, good, fake_encoder, unmoved(bad))
    assert all("discard --cycle 0007" in each for each in explain_suspects(ranked, "0007"))


def test_groups_too_small_to_tell_are_left_out(fake_encoder):
    batch = [*pairs_of("docs"), *shuffled(pairs_of("forum", 19))]
    ranked = Suspects().rank(batch, {}, [], fake_encoder, unmoved(batch))
    assert [each.name for each in ranked] == ["docs"]


@pytest.mark.parametrize("name", ["a b", "$(rm -rf x)", "it's", "-n", "--undo", "", "ünï"])
def test_names_from_the_data_are_safe_to_paste_into_a_shell(name):
    bad = suspect(name)
    good = bad.changed(name="fine", suspected=False)
    command = explain_suspects([bad, good], "0007")[0].partition("exclude it: ")[2]
    words = shlex.split(command)
    assert words[:2] == ["anchorhold", "discard"]
    assert " ".join(words[2:-2]).replace("=", " ", 1) == f"--source {name}"


def test_a_name_that_cannot_be_shown_is_replaced_by_the_cycle():
    bad = suspect("a\x1b[2Jb")
    reason = explain_suspects([bad, bad.changed(name="fine", suspected=False)], "0007")[0]
    assert "\x1b" not in reason
    assert "--cycle 0007" in reason
