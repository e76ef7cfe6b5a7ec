"""What is known of the champion's quality now."""

from dataclasses import replace

import numpy as np
from made_streams import TRAVEL, sentences

from pipeline.cycle.quality_now import quality_now
from pipeline.cycle.window import Gathered
from training.pairs import Pair


def known(opened, gathered, *, spoil=False):
    folder = opened.versions.folder(opened.versions.champion())
    anchors = opened.anchor_sets.of(folder)
    if spoil:
        corpus = {key: "recipe" for key in anchors[0].corpus}
        anchors = [replace(anchors[0], corpus=corpus), *anchors[1:]]
    return quality_now(opened, folder, gathered, anchors, opened.scores.of(folder, anchors))


def test_a_golden_set_in_which_nothing_changed_tests_nothing(opened):
    assert known(opened, Gathered(idle="")) == {}
    changed = known(opened, Gathered(idle=""), spoil=True)
    assert set(changed) == {"anchor/bank"}
    assert changed["anchor/bank"].paired


def test_a_trained_champion_is_compared_on_queries_that_it_was_not_trained_on(opened):
    folder = opened.versions.folder(opened.versions.champion())
    rows = sentences(TRAVEL, 150, 70)
    pairs = [Pair(row["id"], row["query"], row["positive"]) for row in rows]
    fresh = known(opened, Gathered(idle="", pairs=pairs))["fresh pairs"]
    trained = {pair.query for pair in folder.memory()}
    asked = {text for each in opened.anchor_sets.of(folder) for text in each.queries.values()}
    assert not trained & asked
    assert len(fresh.now) == 150
    # In the order of their arrival, so that neighbours in time can be told.
    assert fresh.queries == tuple(pair.query for pair in pairs)
    assert np.isfinite(fresh.accepted).all()
