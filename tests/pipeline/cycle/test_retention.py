"""Retention: what is in use stays, what goes is told, and what happened stays recorded."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made_lives import NOW, files_of, keep, live_on
from made_streams import sentences, write_lines

from pipeline.cycle.promotion import Champions
from pipeline.cycle.retention import plan_retention
from pipeline.operations import Workspace
from pipeline.registry import UnknownVersion
from pipeline.results import past_cycles
from pipeline.workspace import load_settings, open_workspace
from training.faults import DataFault

COOKING = ("recipe", "salt", "cook", "menu", "the", "my")
NOTHING = ("champions = 0", "candidates = 0", "cycles = 0", "runs = 0")


@pytest.fixture(scope="module")
def lived_once(turned_once, tmp_path_factory) -> Path:
    space = shutil.copytree(turned_once, tmp_path_factory.mktemp("lived") / "space")
    with open_workspace(load_settings(space), doing="test", now=NOW) as opened:
        live_on(opened, 4)
    return space


@pytest.fixture
def lived(lived_once, tmp_path) -> Path:
    """Return a workspace whose champion, version 2, refused versions 3 to 6 in cycles 3 to 6."""
    return shutil.copytree(lived_once, tmp_path / "lived")


@pytest.fixture
def opened(lived):
    """Return that workspace open, beside others that work in it."""
    settings = load_settings(lived)
    with open_workspace(settings, doing="test", now=NOW, exclusive=False) as opened:
        yield opened


def at_work(space: Path, *lines: str) -> Workspace:
    if lines:
        keep(space, *lines)
    return Workspace.open(space, now=NOW)


def numbers(opened) -> list[int]:
    return [each.number for each in opened.registry.versions()]


def going(workspace: Workspace, kind: str) -> list[str]:
    parts = workspace.gc(dry_run=True).parts
    return [name for each in parts if each.kind == kind and each.goes for name in each.names]


def test_a_dry_run_deletes_nothing_and_its_bytes_are_those_that_gc_frees(lived, opened):
    with at_work(lived, "candidates = 1", "cycles = 2", "runs = 2") as workspace:
        before = files_of(lived)
        told = workspace.gc(dry_run=True)
        assert files_of(lived) == before
        assert numbers(opened) == [1, 2, 3, 4, 5, 6]
        done = workspace.gc()
        after = files_of(lived)
        again = workspace.gc()
    assert after.items() <= before.items()
    assert done.bytes == told.bytes == sum(before.values()) - sum(after.values()) > 0
    assert (done.parts, done.deleted) == (told.parts, told.deleted)
    assert numbers(opened) == [1, 2, 6]
    assert not done.warnings
    assert (again.bytes, again.deleted, again.warnings) == (0, {}, ())


@pytest.mark.slow
def test_everything_stays_with_all(lived):
    all_of = [f'{name} = "all"' for name in ("champions", "candidates", "cycles", "runs")]
    with at_work(lived, *all_of, 'cache_gigabytes = "all"') as workspace:
        found = workspace.gc(dry_run=True)
    assert not found.deleted
    assert {each.kind for each in found.parts} >= {"versions", "cycles", "runs"}


def test_what_is_in_use_stays_and_can_be_loaded(lived, opened):
    """An alias that somebody gave, a version that waits, one on trial: none of them goes."""
    registry, store = opened.registry, opened.store
    registry.client.set_registered_model_alias(registry.name, "kept-for-audit", "3")
    registry.tag(registry.version(4), {"anchorhold.verdict": "promoted"})
    store.begin_canary(5, 2, "0005", {}, NOW)
    with at_work(lived, *NOTHING) as workspace:
        workspace.gc()
        assert numbers(opened) == [1, 2, 3, 4, 5]
        shutil.rmtree(lived / ".anchorhold" / "versions")
        for version in (1, 2, 3, 4, 5):
            assert workspace.encoder(version).encode(["lost card"]).shape == (1, 16)
        assert workspace.rollback().champion.version == 1


def test_a_version_that_was_copied_to_another_model_keeps_its_files(lived, opened):
    """MLflow registers such a copy over the same files."""
    client, name = opened.registry.client, opened.registry.name
    client.copy_model_version(f"models:/{name}/3", "production")
    with at_work(lived, *NOTHING) as workspace:
        done = workspace.gc()
        shutil.rmtree(lived / ".anchorhold" / "versions")
        assert workspace.encoder(3).encode(["lost card"]).shape == (1, 16)
    assert numbers(opened) == [1, 2, 3]
    (why,) = [each.why for each in done.parts if each.names == ("3",)]
    assert why == "version 1 of production has its files"
    assert not done.warnings


def test_a_version_that_cannot_be_deleted_keeps_its_run(lived, opened):
    """Somebody gives it an alias after it was found to be old, and before it is deleted."""
    keep(lived, *NOTHING)
    with open_workspace(load_settings(lived), doing="test", now=NOW) as again:
        plan = plan_retention(again, NOW, whole=True, measure=False)
        opened.registry.client.set_registered_model_alias(opened.registry.name, "kept", "3")
        done = plan.carry_out(lambda: None)
    assert numbers(opened) == [1, 2, 3]
    told, run = done.warnings
    assert "version 3 has an alias now and stays" in told
    assert "holds the files of version 3 of" in run
    shutil.rmtree(lived / ".anchorhold" / "versions")
    assert opened.versions.folder(opened.registry.version(3)).path.is_dir()


def test_what_a_killed_process_left_of_a_report_goes(lived):
    left = lived / ".anchorhold" / "cycles" / "0003" / ".report.html.0-1.0.partial"
    left.write_text("half")
    with at_work(lived) as workspace:
        done = workspace.gc()
    assert not left.exists()
    assert (done.deleted, done.warnings) == ({"leftovers": 1}, ())


def test_versions_of_an_unfinished_cycle_and_its_files_stay(lived, opened):
    row = opened.store.begin_cycle(NOW)
    opened.registry.register(
        opened.registry.open_run(row.id, name="unfinished"),
        row.id,
        opened.versions.folder(opened.versions.champion()).path,
    )
    attempts = lived / ".anchorhold" / "cycles" / row.id / "attempts"
    attempts.mkdir(parents=True)
    with at_work(lived, *NOTHING) as workspace:
        workspace.gc()
    assert numbers(opened) == [1, 2, 7]
    assert attempts.is_dir()


def test_what_is_gone_is_named_with_the_day_and_the_setting(lived):
    with at_work(lived, *NOTHING) as workspace:
        workspace.gc()
        for verb in (
            lambda work: work.rollback(3),
            lambda work: work.promote(3, reason="a test", force=True),
            lambda work: work.compare("champion", 3),
            lambda work: work.evaluate(3),
            lambda work: work.encoder("v3"),
        ):
            told = r"deleted on 2026-03-02: \[keep\] candidates = 0"
            with pytest.raises(UnknownVersion, match=told):
                verb(workspace)
        with pytest.raises(DataFault, match=r"report of cycle 0004 was deleted on .*cycles = 0"):
            workspace.report("0004")
        # The champion's own says why it serves.
        assert Path(workspace.report("0002").report).exists()


def test_what_happened_stays_recorded(lived, opened):
    def recorded() -> list:
        rows = [(each.id, each.result) for each in past_cycles(opened.store)]
        return [
            (id, result.changed(training=result.training and result.training.changed(log=())))
            for id, result in rows
        ]

    def metrics() -> dict:
        runs = opened.registry.client.search_runs([opened.registry.experiment])
        return {each.info.run_name: each.data.metrics for each in runs}

    before, measured = recorded(), metrics()
    with at_work(lived, *NOTHING) as workspace:
        workspace.gc()
        status = workspace.status()
    assert recorded() == before
    assert status.history.verified
    left = metrics()
    assert left == {name: measured[name] for name in left}
    assert set(measured) - set(left) == {"training"}


def test_descent_is_known_beyond_versions_that_are_gone(lived, opened):
    """A version whose parent was rolled back and deleted is still barred."""
    registry, champions = opened.registry, Champions.of(opened)
    registry.tag(registry.version(5), {"anchorhold.parent": "4"})
    registry.tag(registry.version(4), {"anchorhold.parent": "3"})
    champions.promote(3, reason="a test", force=True, now=NOW)
    champions.roll_back(2, reason="it did harm", now=NOW)
    registry.client.set_registered_model_alias(registry.name, "kept", "5")
    registry.client.delete_registered_model_alias(registry.name, "previous")
    opened.store.append_promotion(
        version=2, previous=1, action="promote", reason="a test", cycle=None, at=NOW
    )
    five = registry.version(5)
    barred, root = champions.barred(five), opened.versions.root_and_origin(five)
    with at_work(lived, *NOTHING) as workspace:
        workspace.gc()
    assert numbers(opened) == [1, 2, 5]
    assert "its ancestor, version 3, was rolled back" in barred
    assert champions.barred(five) == barred
    assert opened.versions.root_and_origin(five) == root


def test_a_run_deletes_what_is_old_and_tells_it(lived):
    with at_work(lived, "candidates = 1") as workspace:
        done = workspace.run()
    assert done.outcome == "quiet"
    assert done.freed is not None
    assert done.freed.deleted["versions"] == 3
    assert done.freed.bytes > 0


@pytest.mark.slow
def test_a_run_deletes_no_version_without_automatic(lived, opened):
    with at_work(lived, *NOTHING, "automatic = false") as workspace:
        assert workspace.run().freed is None
    assert numbers(opened) == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_a_fault_is_a_warning_and_nothing_goes(lived, opened):
    """Where the place of the indexes does not answer, nobody knows which versions are searched."""
    keep(lived, *NOTHING)
    with (lived / "anchorhold.toml").open("a", encoding="utf-8") as settings:
        settings.write('[index]\nuri = "postgresql://127.0.0.1:1/none"\n')
    with Workspace.open(lived, now=NOW) as workspace:
        done = workspace.run()
    assert done.outcome == "quiet"
    assert any("127.0.0.1:1" in each for each in done.freed.warnings)
    assert numbers(opened) == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_files_outside_of_the_workspace_are_left_alone(lived, opened, tmp_path):
    """A location that somebody chose may also be where the original of a copy keeps its files."""
    elsewhere = shutil.copytree(lived / ".anchorhold" / "artifacts", tmp_path / "elsewhere")
    before = sorted(path for path in elsewhere.rglob("*"))
    from pipeline.store import replace_prefix

    columns = (("runs", "artifact_uri"), ("experiments", "artifact_location"))
    inside = (lived / ".anchorhold" / "artifacts").as_uri()
    replace_prefix(opened.settings.tracking_uri, columns, inside, elsewhere.as_uri())
    with at_work(lived, *NOTHING) as workspace:
        workspace.gc()
    assert numbers(opened) == [1, 2]
    assert sorted(path for path in elsewhere.rglob("*")) == before


@pytest.mark.slow
def test_what_another_machine_deleted_goes_from_this_one_too(lived):
    here = {}
    for folder in ("versions", "cycles"):
        here[folder] = shutil.copytree(lived / ".anchorhold" / folder, lived / f"other-{folder}")
    with at_work(lived, *NOTHING) as workspace:
        workspace.gc()
        for folder, copy in here.items():
            shutil.rmtree(lived / ".anchorhold" / folder)
            copy.rename(lived / ".anchorhold" / folder)
        assert going(workspace, "copies") == ["3", "4", "5", "6"]
        assert going(workspace, "cycles") == ["0003", "0004", "0005", "0006"]
        workspace.gc()
        assert not workspace.gc(dry_run=True).deleted


def test_the_oldest_vectors_go_first_and_the_champions_last(lived, opened):
    cache = opened.encoders.cache
    spaces = {}
    for number in (1, 2):
        version = opened.registry.version(number)
        spaces[number] = cache / version.tags["anchorhold.fingerprint"][:32]
    for space in cache.glob("*"):
        shutil.rmtree(space)
    for number, folder in spaces.items():
        (folder / "text-0").mkdir(parents=True)
        for part in range(3):
            file = folder / "text-0" / f"{part}.npy"
            file.write_bytes(b"0" * 1000)
            os.utime(file, (number + part, number + part))
    (cache / "of-no-version").mkdir()
    (cache / "of-no-version" / "0.npy").write_bytes(b"0" * 1000)

    def left() -> list[str]:
        files = sorted(cache.rglob("*.npy"))
        assert not (cache / "of-no-version").exists()
        return [f"{next(n for n, s in spaces.items() if s in f.parents)}/{f.stem}" for f in files]

    with at_work(lived, "cache_gigabytes = 4.5e-6") as workspace:
        workspace.gc()
        assert sorted(left()) == ["1/2", "2/0", "2/1", "2/2"]
    settings = lived / "anchorhold.toml"
    settings.write_text(settings.read_text().replace("4.5e-6", "2e-6"))
    with at_work(lived) as workspace:
        workspace.gc()
        assert sorted(left()) == ["2/1", "2/2"]


@pytest.mark.slow
def test_scores_that_the_newest_cycles_did_not_ask_for_go(lived, opened):
    scores = opened.scores.cache
    live = sorted(scores.glob("*.json"))
    assert live
    report = lived / ".anchorhold" / "cycles" / "0005" / "report.html"
    old, new = live[0], live[-1]
    os.utime(old, (1, 1))
    os.utime(report, (1000, 1000))
    with at_work(lived, "cycles = 2") as workspace:
        workspace.gc()
    assert not old.exists()
    assert new.exists()


CHANGES = """
import os, shutil, signal, sys
from pathlib import Path
import mlflow.tracking  # once, before the forks
from made_lives import NOW
from pipeline.operations import Workspace
from sqlalchemy import Engine, event

FILES = ("os.remove", "os.rmdir", "shutil.rmtree", "os.rename")
ROWS = ("DELETE", "UPDATE", "INSERT")

def collect(space, most):
    made = 0
    def change(happens):
        nonlocal made
        made += happens
        if made > most:
            os.kill(os.getpid(), signal.SIGKILL)
    with Workspace.open(space, now=NOW) as workspace:
        workspace.status()
        sys.addaudithook(lambda what, of: change(what in FILES and ".anchorhold" in str(of[0])))
        def executed(connection, cursor, statement, *_):
            change(statement.startswith(ROWS))
        event.listen(Engine, "before_cursor_execute", executed)
        workspace.gc()
    return made

space, place, step = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
at = 0
while True:
    copy = shutil.copytree(space, place / f"{at:04d}")
    if os.fork() == 0:
        print(collect(copy, at), flush=True)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.wait()[1]) == 0:
        break
    at += step
"""
"""Ends a gc by a kill at each change of a file or a row, in turn, until it ends by itself."""


def state_of(space: Path) -> tuple:
    """Return what is left of a workspace: files, versions, runs and what is recorded."""
    with open_workspace(load_settings(space), doing="test", now=NOW) as opened:
        runs = opened.registry.client.search_runs([opened.registry.experiment], run_view_type=3)
        return (
            files_of(space),
            numbers(opened),
            sorted((each.info.run_name, each.info.lifecycle_stage) for each in runs),
            [opened.store.pruned(kind) for kind in ("version", "cycle", "run")],
            {each.id: sorted(opened.store.stages(each.id)) for each in opened.store.cycles()},
            [(each.id, each.result) for each in past_cycles(opened.store)],
        )


@pytest.mark.slow
def test_a_gc_killed_at_any_change_is_finished_by_the_next(lived, tmp_path):
    keep(lived, *NOTHING)
    place = tmp_path / "killed"
    place.mkdir()
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", CHANGES, str(lived), str(place), "7"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    *killed, whole = sorted(place.iterdir())
    expected = state_of(whole)
    assert len(killed) > 10
    for each in killed:
        with Workspace.open(each, now=NOW) as workspace:
            assert workspace.status().champion.version == 2
            assert not workspace.gc().warnings
        assert state_of(each) == expected, each.name


def test_a_gc_that_broke_off_is_finished_by_the_next(lived, tmp_path, monkeypatch):
    """As a kill would, the fault comes after a version was written down, and half deleted."""
    keep(lived, *NOTHING)
    whole = shutil.copytree(lived, tmp_path / "whole")
    with Workspace.open(whole, now=NOW) as workspace:
        workspace.gc()
    remove, left = shutil.rmtree, [2]

    def interrupted(folder, *arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        remove(folder, *arguments, **options)

    with Workspace.open(lived, now=NOW) as workspace:
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", interrupted)
            with pytest.raises(KeyboardInterrupt):
                workspace.gc()
        with pytest.raises(UnknownVersion, match=r"version 3 .* deleted on 2026-03-02"):
            workspace.rollback(3)
        assert not workspace.gc().warnings
    assert state_of(lived) == state_of(whole)


def test_a_plan_looks_at_each_thing_once(lived, opened):
    keep(lived, *NOTHING)
    with open_workspace(load_settings(lived), doing="test", now=NOW, exclusive=False) as again:
        plan = plan_retention(again, NOW, whole=True, measure=True)
    named = [(each.kind, each.name, each.delete is None) for each in plan.found]
    assert len(named) == len(set(named))
    assert not plan.warnings


@pytest.mark.slow
def test_the_next_verdict_is_the_same_with_and_without_what_went(lived, tmp_path):
    """Twins learn the same: one keeps everything, the other only what is in use."""
    (lived / "traffic" / "travel.jsonl").unlink(missing_ok=True)
    with (lived / "anchorhold.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[triggers.fresh_data]\nminimum_pairs = 100\n")
    twin = shutil.copytree(lived, tmp_path / "twin")
    keep(twin, *NOTHING[2:], "champions = 0", "candidates = 1")
    found = {}
    for space in (lived, twin):
        with Workspace.open(space, now=NOW) as workspace:
            freed = workspace.gc().bytes if space == twin else None
            write_lines(space / "pairs" / "cooking.jsonl", sentences(COOKING, 300, 8))
            done = workspace.run()
            with workspace._opened("test") as again:
                version = again.registry.version(done.candidate.version)
                facts = again.versions.folder(version).facts()
                memory = again.versions.folder(version).memory()
        found[space] = (done.outcome, done.verdict, facts, memory, done.decision)
    assert freed
    assert found[lived] == found[twin]
    assert found[lived][0] in ("promoted", "rejected", "inconclusive")
