"""A backup is the workspace of one moment; restored elsewhere, it goes on from there."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from conftest import NOW, let_travel_arrive, make_workspace
from made_streams import sentences, texts_of, write_lines

from pipeline.machine import WorkspaceBusy, hold_workspace
from pipeline.operations import Workspace
from pipeline.results import CycleResult
from training.faults import AnchorholdError, DataFault


@pytest.fixture
def backup(turned, tmp_path) -> Path:
    """The backup of a workspace in which version 2 serves."""
    with Workspace.open(turned, now=NOW) as work:
        work.backup(tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


def left_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def with_manifest(file: Path, change: Callable[[dict], None]) -> Path:
    """Write a backup again with another manifest."""
    other = file.with_name("other.tar")
    with tarfile.open(file) as old, tarfile.open(other, "w") as new:
        for member in old:
            content = old.extractfile(member)
            if member.name == "manifest.json":
                manifest = json.load(content)
                change(manifest)
                text = json.dumps(manifest).encode()
                member.size = len(text)
                new.addfile(member, BytesIO(text))
            else:
                new.addfile(member, content)
    return other


def judged(result: CycleResult) -> tuple:
    """What a cycle found: its outcome, every score and every bound, and what fired and why.

    Of a check, not the last digits: vectors are encoded again, in other batches.
    """
    return (
        result.outcome,
        result.champion,
        [(each.trigger, each.fired, each.reason) for each in result.decision.signals],
        result.scores,
        [each.to_json() for each in result.verdict.comparisons] if result.verdict else None,
    )


def test_a_restored_workspace_serves_the_same_version_and_has_its_past(backup, turned, tmp_path):
    shutil.rmtree(turned)
    done = Workspace.restore(backup, tmp_path / "elsewhere")
    assert done.notes == ()
    with Workspace.open(tmp_path / "elsewhere", now=NOW) as work:
        status = work.status()
        assert status.champion.version == 2
        assert [each.cycle for each in status.cycles] == ["0002", "0001"]
        model = work.export("champion", tmp_path / "model")
    assert Path(model.directory, "modules.json").is_file()
    assert (tmp_path / "elsewhere" / "pairs" / "travel.jsonl").is_file()
    assert (tmp_path / "elsewhere" / "anchors" / "bank" / "qrels.tsv").is_file()


def test_only_its_owner_may_read_a_backup_and_what_is_made_again_is_left_out(backup):
    assert backup.stat().st_mode & 0o777 == 0o600
    with tarfile.open(backup) as archive:
        names = archive.getnames()
    assert names[-1] == "manifest.json"
    inside = {name.split("/")[2] for name in names if name.startswith("workspace/.anchorhold/")}
    assert inside == {
        "artifacts",
        "cycles",
        "mlflow.db",
        "store.db",
        "workspace.id",
        "workspace.place",
    }


def test_two_backups_of_an_unchanged_workspace_differ_in_their_time_only(backup, turned, tmp_path):
    with Workspace.open(turned) as work:
        work.backup(tmp_path / "again.tar")
    with tarfile.open(backup) as first, tarfile.open(tmp_path / "again.tar") as second:
        assert first.getnames() == second.getnames()
        one, two = (json.load(each.extractfile("manifest.json")) for each in (first, second))
    assert one.pop("at") != two.pop("at")
    assert one == two


def test_a_file_that_is_no_backup_is_not_replaced(turned, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with Workspace.open(turned) as work, pytest.raises(DataFault, match="is no backup"):
        work.backup(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_with_something_in_it_is_never_restored_into(backup, turned, tmp_path):
    before = left_in(turned)
    with pytest.raises(DataFault, match="new or empty folder"):
        Workspace.restore(backup, turned)
    assert left_in(turned) == before
    (tmp_path / "empty").mkdir()
    Workspace.restore(backup, tmp_path / "empty")
    assert (tmp_path / "empty" / "anchorhold.toml").is_file()


@pytest.mark.parametrize("damage", ["half", "a byte of the store", "an added file"])
def test_of_a_damaged_backup_nothing_is_left(backup, tmp_path, damage):
    content = backup.read_bytes()
    if damage == "half":
        backup.write_bytes(content[: len(content) // 2])
    elif damage == "a byte of the store":
        at = content.index(b"SQLite format 3", content.index(b".anchorhold/store.db")) + 5000
        backup.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    else:
        backup = with_manifest(backup, lambda manifest: manifest["files"].popitem())
    before = left_in(tmp_path)
    with pytest.raises(DataFault, match="no whole backup"):
        Workspace.restore(backup, tmp_path / "elsewhere")
    assert left_in(tmp_path) == before


@pytest.mark.parametrize(
    ("newer", "told"),
    [({"format": 2}, "has format 2"), ({"store_revision": "9999"}, "has a store of revision 9999")],
)
def test_a_backup_of_a_newer_anchorhold_is_refused(backup, tmp_path, newer, told):
    other = with_manifest(backup, lambda manifest: manifest.update(newer, anchorhold="7.0"))
    with pytest.raises(DataFault, match=f"written by anchorhold 7.0 and {told}"):
        Workspace.restore(other, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


def test_a_dry_run_checks_every_file_and_writes_nothing(backup, turned, tmp_path):
    before = left_in(tmp_path)
    done = Workspace.restore(backup, tmp_path / "elsewhere", dry_run=True)
    with Workspace.open(turned) as work:
        foreseen = work.backup(tmp_path / "second.tar", dry_run=True)
    assert (done.files, done.foreseen.bytes) == (foreseen.files, done.bytes)
    assert foreseen.digest is None
    assert left_in(tmp_path) == before


def test_a_second_copy_of_a_living_workspace_is_told(backup, turned, tmp_path):
    done = Workspace.restore(backup, tmp_path / "elsewhere")
    assert str(turned) in done.notes[0]


def test_what_is_not_inside_the_workspace_is_named(turned, tmp_path):
    outside = tmp_path / "outside"
    write_lines(outside / "more.jsonl", [{"text": "far away"}])
    (turned / "anchors" / "linked").symlink_to(turned / "anchors" / "bank")
    settings = turned / "anchorhold.toml"
    text = settings.read_text(encoding="utf-8").replace(
        'traffic = ["traffic/*.jsonl"]',
        f'traffic = ["traffic/*.jsonl", "{outside}/*.jsonl", "hf:some/set"]',
    )
    more = '\n[anchors.linked]\npath = "anchors/linked"\n[index]\nuri = "s3://bucket/index"\n'
    settings.write_text(text + more, encoding="utf-8")
    with Workspace.open(turned) as work:
        told = "\n".join(work.backup(tmp_path / "backup.tar").left_out)
    assert "more.jsonl, which is not inside the workspace" in told
    assert "hf:some/set" in told
    assert "s3://bucket/index" in told
    assert "linked" not in told
    Workspace.restore(tmp_path / "backup.tar", tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "anchors" / "linked" / "qrels.tsv").is_file()


def test_what_is_on_a_server_is_named(turned, tmp_path):
    settings = turned / "anchorhold.toml"
    more = '\n[tracking]\nuri = "http://me:secret@127.0.0.1:1"\n'
    settings.write_text(settings.read_text(encoding="utf-8") + more, encoding="utf-8")
    with Workspace.open(turned) as work:
        done = work.backup(tmp_path / "backup.tar")
    assert any(each.startswith("tracking.uri is http://…@127.0.0.1:1") for each in done.left_out)
    assert "secret" not in "".join(done.left_out)


def test_a_workspace_that_was_never_run_has_nothing_to_back_up(tmp_path, workspace):
    with Workspace.open(workspace) as work, pytest.raises(AnchorholdError, match="anchorhold run"):
        work.backup(tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()


def test_without_second_names_of_files_nobody_else_may_work_meanwhile(
    turned, tmp_path, monkeypatch
):
    def refuse(source, target):
        raise PermissionError(1, "Operation not permitted", source)

    monkeypatch.setattr("os.link", refuse)
    with Workspace.open(turned, now=NOW) as work:
        with (
            hold_workspace(turned / ".anchorhold", doing="run", now=NOW),
            pytest.raises(WorkspaceBusy, match="anchorhold run"),
        ):
            work.backup(tmp_path / "backup.tar")
        assert not (tmp_path / "backup.tar").exists()
        work.backup(tmp_path / "backup.tar")
    assert Workspace.restore(tmp_path / "backup.tar", dry_run=True).files > 50


def test_a_backup_that_cannot_be_written_leaves_the_one_before(turned, tmp_path):
    file = tmp_path / "backup.tar"
    with Workspace.open(turned, now=NOW) as work:
        work.backup(file)
        before = file.read_bytes()
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limit[1]))
        try:
            with pytest.raises(DataFault, match=f"{file}: File too large; no backup was made"):
                work.backup(file)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert file.read_bytes() == before
    assert left_in(tmp_path) == {"turned", "backup.tar"}


KILLED = """
import os, signal, sys
from pipeline.machine import archive
from pipeline.operations import Workspace

count = 0
def killed(inner):
    def call(*given, **named):
        global count
        count += 1
        if count == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(*given, **named)
    return call

if sys.argv[1] == "backup":
    archive.tarfile.TarFile.addfile = killed(archive.tarfile.TarFile.addfile)
    with Workspace.open(sys.argv[2]) as work:
        work.backup(sys.argv[3])
else:
    archive.os.utime = killed(os.utime)
    Workspace.restore(sys.argv[2], sys.argv[3])
"""


def test_of_a_kill_nothing_half_is_left_and_the_next_call_tidies(turned, tmp_path):
    file, elsewhere = tmp_path / "backup.tar", tmp_path / "elsewhere"
    for call in (("backup", turned, file), ("restore", file, elsewhere)):
        done = subprocess.run([sys.executable, "-c", KILLED, *map(str, call)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert not Path(call[2]).exists()
        if call[0] == "backup":
            with Workspace.open(turned) as work:
                work.backup(file)
            assert list((turned / ".anchorhold" / "tmp").iterdir()) == []
        else:
            Workspace.restore(file, elsewhere)
    assert left_in(tmp_path) == {"turned", "backup.tar", "elsewhere"}


@pytest.mark.slow
def test_a_restored_workspace_comes_to_the_same_verdict(turned, tmp_path):
    cooking = sentences(("cook", "recipe", "salt", "pepper"), 300, 8)
    with Workspace.open(turned, now=NOW) as work:
        work.backup(tmp_path / "backup.tar")
    Workspace.restore(tmp_path / "backup.tar", tmp_path / "elsewhere")
    found = []
    for space in (turned, tmp_path / "elsewhere"):
        write_lines(space / "pairs" / "cooking.jsonl", cooking)
        write_lines(space / "traffic" / "cooking.jsonl", texts_of(cooking[:150]))
        with Workspace.open(space, now=NOW) as work:
            found.append(judged(work.run()))
    assert found[0] == found[1]
    assert found[0][0] in ("promoted", "rejected", "inconclusive")


RUN = """
import sys
from datetime import datetime
from pipeline.operations import Workspace

with Workspace.open(sys.argv[1], now=datetime.fromisoformat(sys.argv[2])) as work:
    print(work.run().model_dump_json())
"""


@pytest.mark.slow
def test_backups_of_a_running_cycle_are_each_finished_as_it_was(
    tmp_path, tiny_model, empty_tracking_store
):
    space = make_workspace(tmp_path / "space", tiny_model, empty_tracking_store)
    with Workspace.open(space, now=NOW) as work:
        work.run()
    let_travel_arrive(space)
    command = [sys.executable, "-c", RUN, str(space), NOW.isoformat()]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    taken: list[Path] = []
    while running.poll() is None:
        taken.append(tmp_path / f"{len(taken)}.tar")
        with Workspace.open(space, now=NOW) as work:
            work.backup(taken[-1])
        time.sleep(0.5)
    assert running.returncode == 0
    undisturbed = judged(CycleResult.model_validate_json(running.communicate()[0]))
    assert undisturbed[0] == "promoted"
    unfinished = 0
    for file in taken[:: max(1, len(taken) // 6)]:
        elsewhere = tmp_path / file.stem
        Workspace.restore(file, elsewhere)
        with Workspace.open(elsewhere, now=NOW) as work:
            status = work.status()
            unfinished += status.unfinished is not None
            if status.champion.version == 1 or status.unfinished:
                assert judged(work.run()) == undisturbed
            assert work.status().champion.version == 2
    assert unfinished
