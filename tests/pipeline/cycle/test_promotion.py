"""Moving the champion by hand and back: logged, compared first, and everything comes along."""

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from pipeline.cycle.promotion import Champions, rolled_back
from pipeline.cycle.run import run_cycle
from pipeline.operations.status import status_now
from pipeline.registry.versions import ChampionMoved, Registry
from pipeline.store.promotions import HistoryBroken
from training.faults import DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def of(opened):
    return Champions.of(opened)


def test_rollback_brings_model_memory_reference_anchors_and_cut_back(opened):
    before = opened.versions.folder(opened.versions.champion())
    move = of(opened).roll_back(None, reason="it looked odd", now=NOW, who="ana")
    assert (move.champion.version, move.previous.version, move.action) == (1, 2, "rollback")
    folder = opened.versions.folder(opened.versions.champion())
    assert folder.facts().cut < before.facts().cut
    assert folder.facts().fingerprint != before.facts().fingerprint
    assert len(folder.memory()) < len(before.memory())
    assert len(folder.reference()) < len(before.reference())
    assert folder.learned_anchors() == []
    last = opened.store.promotions()[-1]
    assert (last.version, last.previous, last.reason) == (1, 2, "it looked odd")
    assert move.who == last.who == status_now(opened, NOW).promotions[-1].who == "ana"
    opened.store.verify_promotions()


def registered(opened, cycle, **tags):
    """Register another version with the files of the champion."""
    run = opened.registry.open_run(cycle, name="by hand")
    named = {f"anchorhold.{name}": value for name, value in tags.items()}
    return opened.registry.register(
        run, cycle, opened.versions.folder(opened.versions.champion()).path, named
    )


def test_a_version_that_was_rolled_back_serves_again_only_by_force(opened):
    of(opened).roll_back(None, reason="complaints", now=NOW)
    assert rolled_back(opened.store.promotions()) == {2: "complaints"}
    assert opened.registry.version(2).tags["anchorhold.rolled_back"] == "complaints"
    with pytest.raises(DataFault, match=r"it was rolled back \(complaints\); .*--force"):
        of(opened).promote("2", reason="forward", force=False, now=NOW)
    with pytest.raises(DataFault, match="version 2 was rolled back itself"):
        of(opened).roll_back("2", reason="forward", now=NOW)
    with pytest.raises(DataFault, match="there is none to roll back to"):
        of(opened).roll_back(None, reason="further", now=NOW)
    move = of(opened).promote("2", reason="fixed", force=True, now=NOW)
    assert (move.champion.version, move.action) == (2, "force")
    assert opened.versions.champion().number == 2
    assert rolled_back(opened.store.promotions()) == {}
    assert opened.registry.version(2).tags["anchorhold.rolled_back"] == "forced again: fixed"


def test_what_descends_from_a_version_that_was_rolled_back_is_barred_until_forced(opened):
    child = registered(opened, "0070", parent="2", verdict="promoted")
    grandchild = registered(opened, "0071", parent=str(child.number), verdict="promoted")
    sibling = registered(opened, "0072", parent="1", verdict="promoted")
    assert not any(of(opened).barred(each) for each in (child, grandchild, sibling))
    of(opened).roll_back(None, reason="complaints", now=NOW)
    assert of(opened).barred(sibling) == ""
    assert "its ancestor, version 2, was rolled back (complaints)" in of(opened).barred(grandchild)
    of(opened).promote(str(child.number), reason="we checked", force=True, now=NOW)
    assert of(opened).barred(child) == of(opened).barred(grandchild) == ""
    assert of(opened).barred(opened.registry.version(2))


def test_a_version_that_passed_waits_and_is_promoted_without_force(opened):
    passed = registered(opened, "0070", parent="2", verdict="promoted")
    registered(opened, "0071", parent="2", verdict="rejected")
    assert [each.number for each in of(opened).awaiting_approval()] == [passed.number]
    assert status_now(opened, NOW).to_json()["awaiting_approval"] == [
        {"version": passed.number, "cycle": "0070"}
    ]
    move = of(opened).promote(str(passed.number), reason="approved", force=False, now=NOW)
    assert (move.champion.version, move.previous.version) == (passed.number, 2)
    assert move.action == "promote"
    assert of(opened).awaiting_approval() == []


def test_a_version_that_passed_against_another_champion_is_refused(opened):
    passed = registered(opened, "0070", parent="2", verdict="promoted")
    of(opened).roll_back(None, reason="complaints", now=NOW)
    assert of(opened).awaiting_approval() == []
    with pytest.raises(DataFault, match="passed against version 2, but the champion is now 1"):
        of(opened).promote(str(passed.number), reason="approved", force=False, now=NOW)
    assert opened.versions.champion().number == 1


def test_a_version_that_did_not_pass_needs_force(opened, tmp_path):
    run = opened.registry.open_run("0077", name="by hand")
    folder = opened.versions.folder(opened.versions.champion()).path
    unproven = opened.registry.register(run, "0077", folder)
    with pytest.raises(DataFault, match=r"did not pass the gate .*--force"):
        of(opened).promote(str(unproven.number), reason="hope", force=False, now=NOW)
    move = of(opened).promote(str(unproven.number), reason="hope", force=True, now=NOW)
    assert move.action == "force"
    assert opened.store.promotions()[-1].reason == "hope"


def test_moves_that_make_no_sense_are_refused(opened):
    with pytest.raises(DataFault, match="is the champion already"):
        of(opened).promote("champion", reason="again", force=False, now=NOW)
    with pytest.raises(DataFault, match="is the champion already"):
        of(opened).roll_back("2", reason="again", now=NOW)
    of(opened).roll_back("1", reason="back", now=NOW)
    with pytest.raises(DataFault, match="the champion already"):
        of(opened).roll_back("1", reason="again", now=NOW)


def test_a_champion_that_somebody_else_moved_is_never_overwritten(opened):
    first = opened.registry.version(1)
    of(opened).roll_back(None, reason="somebody else", now=NOW)
    history = len(opened.store.promotions())
    second = opened.registry.version(2)
    with pytest.raises(ChampionMoved):
        of(opened).install(second, expected=2, action="promote", reason="late", now=NOW)
    assert opened.versions.champion().number == first.number
    assert len(opened.store.promotions()) == history


def test_a_lost_champion_is_not_replaced_by_the_base_but_named_by_hand(opened):
    opened.registry.client.delete_registered_model_alias("tiny-search", "champion")
    with pytest.raises(DataFault, match=r"version 2 was the champion.*anchorhold promote"):
        run_cycle(opened, NOW)
    of(opened).promote("2", reason="found again", force=False, now=NOW)
    assert opened.versions.champion().number == 2


def test_a_move_that_was_cut_off_is_written_down_once(opened):
    of(opened).roll_back(None, reason="back", now=NOW)
    second = opened.registry.version(2)
    for _ in range(2):
        of(opened).install(
            second, expected=1, action="promote", reason="cycle", now=NOW, cycle="0099"
        )
    assert [move.cycle for move in opened.store.promotions()].count("0099") == 1


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from pipeline.cycle import Champions
from pipeline.store import Store
from pipeline.workspace import load_settings, open_workspace

Store.append_promotion = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
now = datetime(2026, 3, 2, tzinfo=UTC)
settings = load_settings(Path(sys.argv[1]))
with open_workspace(settings, doing="x", now=now, exclusive=False) as opened:
    champions = Champions.of(opened)
    champions.roll_back(None, reason="complaints", now=now, who="ana")
"""


def test_a_rollback_that_is_killed_before_the_history_is_written_down_by_the_next_run(opened):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(opened.settings.root)],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    assert opened.versions.champion().number == 1
    assert [move.version for move in opened.store.promotions()] == [1, 2]
    for _ in range(2):
        run_cycle(opened, NOW)
        assert [move.version for move in opened.store.promotions()] == [1, 2, 1]
    assert rolled_back(opened.store.promotions()) == {2: "complaints"}
    assert opened.registry.version(2).tags["anchorhold.rolled_back"] == "complaints"
    assert opened.registry.version(1).description.startswith("2026-03-02, returned to: complaints.")
    assert opened.store.promotions()[-1].who == "ana"
    assert opened.store.verify_promotions() == 3


def test_a_rollback_that_is_repeated_after_it_was_cut_off_is_done_once(opened, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Registry, "tag", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            of(opened).roll_back(None, reason="complaints", now=NOW, who="ana")
    assert opened.store.intended_move() is not None
    move = of(opened).roll_back(None, reason="complaints", now=NOW, who="ana")
    assert (move.champion.version, move.previous.version, move.who) == (1, 2, "ana")
    assert [each.version for each in opened.store.promotions()] == [1, 2, 1]
    assert opened.registry.version(2).tags["anchorhold.rolled_back"] == "complaints"
    assert opened.store.intended_move() is None


def test_a_move_that_was_killed_before_it_was_made_leaves_no_trace(opened):
    of(opened).roll_back(None, reason="back", now=NOW)
    assert opened.store.intended_move() is None
    meant = {"version": 2, "previous": 1, "action": "force", "reason": "x", "at": NOW.isoformat()}
    opened.store.intend_move({**meant, "moves": 3})
    of(opened).finish_interrupted_move()
    assert len(opened.store.promotions()) == 3
    assert opened.store.intended_move() is None


def test_a_move_that_was_killed_right_after_it_was_made_leaves_no_candidate(opened):
    of(opened).roll_back(None, reason="back", now=NOW)
    registry = opened.registry
    registry.set_candidate(registry.version(2))
    meant = {"version": 2, "previous": 1, "action": "force", "reason": "x", "at": NOW.isoformat()}
    opened.store.intend_move({**meant, "moves": 3})
    registry.client.set_registered_model_alias(registry.name, "champion", "2")
    of(opened).finish_interrupted_move()
    assert "candidate" not in registry.version(2).aliases
    assert [each.version for each in opened.store.promotions()] == [1, 2, 1, 2]


RIVAL = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from pipeline.cycle import Champions
from pipeline.registry import ChampionMoved
from pipeline.workspace import load_settings, open_workspace

now = datetime(2026, 3, 2, tzinfo=UTC)
settings = load_settings(Path(sys.argv[1]))
with open_workspace(settings, doing="race", now=now, exclusive=False) as opened:
    champions = Champions.of(opened)
    print("ready", flush=True)
    for line in sys.stdin:
        number, expected = map(int, line.split())
        version = opened.registry.version(number)
        try:
            champions.install(version, expected=expected, action="promote", reason="race", now=now)
            print("made", flush=True)
        except ChampionMoved:
            print("moved", flush=True)
"""


@pytest.mark.slow
def test_of_two_processes_that_promote_at_once_exactly_one_does_fifty_times(opened):
    third = registered(opened, "0070", parent="2", verdict="promoted").number
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", RIVAL, str(opened.settings.root)],
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for rival in rivals:
        assert rival.stdout.readline() == "ready\n"
    before = len(opened.store.promotions())
    for turn in range(1, 51):
        serving = opened.versions.champion().number
        wanted = sorted({1, 2, third} - {serving}, reverse=turn % 2 == 0)
        for rival, number in zip(rivals, wanted, strict=True):
            rival.stdin.write(f"{number} {serving}\n")
            rival.stdin.flush()
        said = [rival.stdout.readline().strip() for rival in rivals]
        assert sorted(said) == ["made", "moved"]
        made = wanted[said.index("made")]
        assert opened.versions.champion().number == made
        assert opened.registry.version("previous").number == serving
        moves = opened.store.promotions()
        assert len(moves) == before + turn
        assert (moves[-1].version, moves[-1].previous) == (made, serving)
    for rival in rivals:
        rival.stdin.close()
        rival.stdout.close()
        assert rival.wait() == 0
    assert opened.store.verify_promotions() == before + 50

    connection = sqlite3.connect(opened.settings.state / "store.db")
    with connection:
        connection.execute("UPDATE promotions SET previous = 7 WHERE number = 20")
    connection.close()
    with pytest.raises(HistoryBroken, match="row 20"):
        opened.store.verify_promotions()
