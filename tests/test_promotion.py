"""Moving the champion by hand and back: logged, compared first, and everything comes along."""

from datetime import UTC, datetime

import pytest

from pipeline.cycle import run_cycle
from pipeline.promotion import install, promote_by_hand, roll_back
from pipeline.registry import ChampionMoved
from training.pairs import DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_rollback_brings_model_memory_reference_anchors_and_cut_back(wheel):
    before = wheel.folder(wheel.champion())
    move = roll_back(wheel, None, reason="it looked odd", now=NOW)
    assert (move.version, move.previous, move.action) == (1, 2, "rollback")
    folder = wheel.folder(wheel.champion())
    assert folder.facts().cut < before.facts().cut
    assert folder.facts().fingerprint != before.facts().fingerprint
    assert len(folder.memory()) < len(before.memory())
    assert len(folder.reference()) < len(before.reference())
    assert folder.learned_anchors() == []
    last = wheel.store.promotions()[-1]
    assert (last.version, last.previous, last.reason) == (1, 2, "it looked odd")
    wheel.store.verify_promotions()


def test_a_version_that_served_goes_forward_again_without_force(wheel):
    roll_back(wheel, None, reason="back", now=NOW)
    move = promote_by_hand(wheel, "2", reason="forward", force=False, now=NOW)
    assert (move.version, move.action) == (2, "promote")
    assert wheel.champion().number == 2


def test_a_version_that_did_not_pass_needs_force(wheel, tmp_path):
    run = wheel.registry.open_run("0077", name="by hand")
    folder = wheel.folder(wheel.champion()).path
    unproven = wheel.registry.register(run, "0077", folder)
    with pytest.raises(DataFault, match=r"did not pass the gate .*--force"):
        promote_by_hand(wheel, str(unproven.number), reason="hope", force=False, now=NOW)
    move = promote_by_hand(wheel, str(unproven.number), reason="hope", force=True, now=NOW)
    assert move.action == "force"
    assert wheel.store.promotions()[-1].reason == "hope"


def test_moves_that_make_no_sense_are_refused(wheel):
    with pytest.raises(DataFault, match="is the champion already"):
        promote_by_hand(wheel, "champion", reason="again", force=False, now=NOW)
    with pytest.raises(DataFault, match="is the champion already"):
        roll_back(wheel, "2", reason="again", now=NOW)
    roll_back(wheel, "1", reason="back", now=NOW)
    with pytest.raises(DataFault, match="the champion already"):
        roll_back(wheel, "1", reason="again", now=NOW)


def test_a_champion_that_moved_meanwhile_is_never_overwritten(wheel):
    first = wheel.registry.version(1)
    roll_back(wheel, None, reason="somebody else", now=NOW)
    history = len(wheel.store.promotions())
    second = wheel.registry.version(2)
    with pytest.raises(ChampionMoved):
        install(wheel, second, expected=2, action="promote", reason="late", now=NOW)
    assert wheel.champion().number == first.number
    assert len(wheel.store.promotions()) == history


def test_a_lost_champion_is_not_replaced_by_the_base_but_named_by_hand(wheel):
    wheel.registry.client.delete_registered_model_alias("tiny-search", "champion")
    with pytest.raises(DataFault, match=r"version 2 was the champion.*anchorhold promote"):
        run_cycle(wheel, NOW)
    promote_by_hand(wheel, "2", reason="found again", force=False, now=NOW)
    assert wheel.champion().number == 2


def test_a_move_that_was_cut_off_is_written_down_once(wheel):
    roll_back(wheel, None, reason="back", now=NOW)
    second = wheel.registry.version(2)
    for _ in range(2):
        install(wheel, second, expected=1, action="promote", reason="cycle", now=NOW, cycle="0099")
    assert [move.cycle for move in wheel.store.promotions()].count("0099") == 1
