"""`doctor --repair`: what is damaged is repaired from where it is whole, and nothing is guessed."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import NOW
from damaged_files import bytes_of, registry_of

from pipeline.machine.lock import hold_workspace
from pipeline.operations.workspace import Workspace
from pipeline.store import Store
from pipeline.workspace import load_settings
from training.whole_files import MACHINE

LATER = NOW + timedelta(days=1)


def repaired(space):
    return Workspace.doctor(space, quick=True, repair=True, now=LATER)


def told(found):
    return [(each.part, each.done) for each in found.repairs]


def stored(space, number):
    """Return the folder with the files of the run that made a version."""
    registry = registry_of(space)
    uri = registry.client.get_run(registry.version(number).run_id).info.artifact_uri
    return Path(uri.removeprefix("file://"))


def dead_process():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def test_without_the_option_nothing_is_repaired_and_with_it_all_is_whole_again(turned):
    state = turned / ".anchorhold"
    Workspace.doctor(turned, quick=True, now=LATER)  # A copy settles at its new place.
    before = Workspace.open(turned, now=LATER).status()
    (state / "versions" / "2" / "model" / "config.json").write_text("{")
    vectors = next((state / "cache" / "embeddings").rglob("*.npy"))
    vectors.write_bytes(vectors.read_bytes()[:-3])
    scores = next((state / "cache" / "scores").glob("*.json"))
    scores.write_text(scores.read_text().replace("0.", "1.", 1))
    left = state / "cycles" / f".7.{MACHINE}-{dead_process()}.0.partial"
    left.mkdir()
    damaged = bytes_of(turned)
    assert Workspace.doctor(state.parent, quick=True, now=LATER).repairs == ()
    assert left.exists()
    damaged.pop(".anchorhold/versions/2/model/config.json")  # Reading it has fetched it again.
    assert damaged.items() <= bytes_of(turned).items()
    (state / "versions" / "2" / "model" / "config.json").write_text("{")
    found = repaired(turned)
    assert told(found) == [
        ("versions", True),
        ("caches", True),
        ("caches", True),
        ("leftovers", True),
    ]
    assert "config.json: has 1 bytes" in found.repairs[0].says
    assert found.problems == 0
    assert repaired(turned).repairs == ()
    assert not left.exists()
    assert Workspace.open(turned, now=LATER).status() == before


def test_stored_files_return_from_a_whole_local_copy(turned):
    stored_now = stored(turned, 2)
    for name in ("version/scorecard.json", "model/MLmodel", "version.manifest.json"):
        (stored_now / name).write_text("damaged")
    (stored_now / "version" / "version.json").unlink()
    (stored_now / "version" / "version.json").mkdir()
    shutil.rmtree(stored_now / "version" / "memory")
    found = repaired(turned)
    assert told(found) == [("versions", True)]
    shutil.rmtree(turned / ".anchorhold" / "versions" / "2")
    with Workspace.open(turned, now=LATER) as workspace:
        assert workspace.status().champion.version == 2
    assert repaired(turned).repairs == ()


def test_a_version_that_is_whole_nowhere_is_named_and_so_is_what_a_person_can_do(turned):
    shutil.rmtree(turned / ".anchorhold" / "versions" / "1")
    (stored(turned, 1) / "version" / "version.json").write_text("{}")
    found = repaired(turned)
    assert told(found) == [("versions", False)]
    assert "version 1 is damaged where it is stored" in found.repairs[0].says
    assert "version.json" in found.repairs[0].says
    assert "backup" in found.repairs[0].remedy
    assert found.problems == 1


def test_a_lost_alias_returns_to_the_version_that_the_history_names(turned):
    registry = registry_of(turned)
    registry.client.delete_registered_model_alias("tiny-search", "champion")
    found = repaired(turned)
    assert told(found) == [("champion", True)]
    assert "version 2" in found.repairs[0].says
    assert registry.champion().number == 2
    with Store.open(load_settings(turned).store_url) as store:
        assert len(store.promotions()) == 2, "no move is recorded: none was made"


def test_an_alias_that_names_another_version_stays_for_a_person_to_judge(turned):
    registry = registry_of(turned)
    registry.client.set_registered_model_alias("tiny-search", "champion", "1")
    found = repaired(turned)
    assert told(found) == []
    assert registry.champion().number == 1
    assert any("anchorhold promote 2" in each.remedy for each in found.checks)


@pytest.mark.parametrize("lost", ["history", "head"])
def test_an_alias_stays_lost_where_nothing_confirms_the_history(turned, lost):
    registry = registry_of(turned)
    registry.client.delete_registered_model_alias("tiny-search", "champion")
    if lost == "head":
        registry.client.delete_registered_model_tag("tiny-search", registry._head_tag)
    else:
        with closing(sqlite3.connect(turned / ".anchorhold" / "store.db")) as database:
            database.execute("update promotions set version = 1 where number = 2")
            database.commit()
    found = repaired(turned)
    assert ("champion", False) in told(found)
    assert ("champion", True) not in told(found)[:1]
    assert registry.champion() is None
    assert all(each.remedy for each in found.repairs if not each.done)


def test_a_lost_head_of_a_whole_history_is_written_again(turned):
    registry = registry_of(turned)
    head = registry.history_head()
    registry.client.delete_registered_model_tag("tiny-search", registry._head_tag)
    assert told(repaired(turned)) == [("champion", True)]
    assert registry.history_head() == head


def test_what_a_dead_process_began_in_mlflow_is_ended(turned):
    registry = registry_of(turned)
    run = registry.open_run("0009", name="0009 running")
    model = registry.open_logged_model(run, "0009")
    dead = str(dead_process())
    registry.client.set_tag(run, "anchorhold.process", dead)
    registry.client.set_logged_model_tags(model, {"anchorhold.process": dead})
    found = repaired(turned)
    assert told(found) == [("tracking", True), ("tracking", True)]
    assert {run, model} == {each.says.split()[0] for each in found.repairs}
    assert registry.client.get_run(run).info.status == "KILLED"
    assert str(registry.client.get_logged_model(model).status) == "FAILED"


def test_a_move_that_was_made_and_not_recorded_is_recorded(turned):
    registry = registry_of(turned)
    meant = {"version": 1, "previous": 2, "action": "rollback", "reason": "doubts", "who": "me"}
    with Store.open(load_settings(turned).store_url) as store:
        store.intend_move({**meant, "at": NOW.isoformat(), "moves": 2})
    registry.client.set_registered_model_alias("tiny-search", "champion", "1")
    found = repaired(turned)
    assert ("cycles", True) in told(found)
    assert found.problems == 0
    with Store.open(load_settings(turned).store_url) as store:
        assert store.promotions()[-1].action == "rollback"
        assert store.intended_move() is None


def test_nothing_is_repaired_while_somebody_is_at_work(turned):
    with hold_workspace(turned / ".anchorhold", doing="run", now=NOW):
        found = repaired(turned)
    assert told(found) == [("workspace", False)]
    assert "wait until it ends" in found.repairs[0].remedy


def test_a_damaged_database_is_not_touched(turned):
    file = turned / ".anchorhold" / "store.db"
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    file.write_bytes(content)
    found = repaired(turned)
    assert found.repairs == ()
    (problem,) = [each for each in found.checks if each.state == "problem"]
    assert (problem.part, "store.db is damaged" in problem.says) == ("store", True)
    assert "backup" in problem.remedy
    assert file.read_bytes() == bytes(content)


def test_the_command_prints_each_repair(turned, restored_process, capsys):
    from ready_process import called

    registry_of(turned).client.delete_registered_model_alias("tiny-search", "champion")
    arguments = ["doctor", "--quick", "--repair", "--json", "--workspace", str(turned)]
    answer = called(arguments)
    assert answer.status in (0, 2)
    (repair,) = json.loads(answer.stdout)["repairs"]
    assert (repair["part"], repair["done"], repair["remedy"]) == ("champion", True, "")
