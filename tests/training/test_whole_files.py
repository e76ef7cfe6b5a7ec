"""Whole files: after a kill, a fault or a race there is old content or new, never a part."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training import whole_files
from training.whole_files import MACHINE, folder_written, tidy_below, written

ROOT = Path(__file__).parents[2]
DEAD = f"{MACHINE}-{2**22 + 1}"  # above the largest process id that Linux gives


def python(script, *words):
    """Run a script in another process."""
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_folders_on_the_way_are_made_and_paths_may_be_texts(tmp_path):
    with written(str(tmp_path / "a" / "b.txt")) as partial:
        partial.write_text("new")
    with folder_written(str(tmp_path / "c" / "d")) as partial:
        (partial / "e.txt").write_text("new")
    assert (tmp_path / "a" / "b.txt").read_text() == "new"
    assert (tmp_path / "c" / "d" / "e.txt").read_text() == "new"


def test_what_was_there_is_replaced_as_a_whole(tmp_path):
    for content in ("old", "new"):
        with written(tmp_path / "file") as partial:
            partial.write_text(content)
        with folder_written(tmp_path / "folder") as partial:
            (partial / content).write_text(content)
    assert (tmp_path / "file").read_text() == "new"
    assert names(tmp_path / "folder") == ["new"]
    assert names(tmp_path) == ["file", "folder"]


def test_until_the_end_there_is_only_the_old(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    with written(tmp_path / "file") as partial, folder_written(tmp_path / "folder") as beside:
        partial.write_text("new")
        (beside / "more").write_text("new")
        assert (tmp_path / "file").read_text() == "old"
        assert names(tmp_path / "folder") == []


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_a_fault_leaves_the_old_and_nothing_beside(tmp_path, fault):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").write_text("old")
    with pytest.raises(fault), written(tmp_path / "file") as partial:
        partial.write_text("new")
        raise fault
    with pytest.raises(fault), folder_written(tmp_path / "folder") as partial:
        (partial / "new").write_text("new")
        raise fault
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path / "folder") == ["old"]
    assert names(tmp_path) == ["file", "folder"]


def test_a_kill_leaves_the_old_and_the_next_call_removes_what_was_left(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").write_text("old")
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from training.whole_files import folder_written, written\n"
        "place = Path(sys.argv[1])\n"
        "with written(place / 'file') as one, folder_written(place / 'folder') as other:\n"
        "    one.write_text('half'); (other / 'half').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert python(script, tmp_path).returncode == -signal.SIGKILL
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path / "folder") == ["old"]
    assert len(names(tmp_path)) == 4
    with written(tmp_path / "file") as one, folder_written(tmp_path / "folder") as other:
        one.write_text("new")
        (other / "new").write_text("new")
    assert names(tmp_path) == ["file", "folder"]


def test_a_folder_that_a_kill_left_moved_aside_returns(tmp_path):
    aside = tmp_path / f".folder.replaced.{DEAD}.0.partial"
    aside.mkdir()
    (aside / "old").write_text("old")
    (tmp_path / f".folder.{DEAD}.1.partial").mkdir()
    with pytest.raises(ValueError), folder_written(tmp_path / "folder"):
        raise ValueError
    assert names(tmp_path) == ["folder"]
    assert names(tmp_path / "folder") == ["old"]


def test_what_dead_processes_left_anywhere_below_a_folder_is_removed_or_returns(tmp_path):
    place = tmp_path / "deep"
    (place / f".a.{DEAD}.0.partial").mkdir(parents=True)
    (place / f".b.replaced.{DEAD}.1.partial").mkdir()
    (place / f".c.{MACHINE}-{os.getpid()}.2.partial").mkdir()
    assert len(tidy_below(tmp_path)) == 2
    assert names(place) == [f".c.{MACHINE}-{os.getpid()}.2.partial", "b"]
    assert tidy_below(tmp_path / "none") == []


def test_what_living_processes_other_machines_and_other_files_have_beside_stays(tmp_path):
    kept = [
        f".file.{MACHINE}-{os.getppid()}.0.partial",
        f".file.anothermachine-{2**22 + 1}.0.partial",
        f".other.{DEAD}.0.partial",
        ".file.partial.txt",
    ]
    for name in kept:
        (tmp_path / name).write_text("theirs")
    with written(tmp_path / "file") as partial:
        partial.write_text("new")
    assert names(tmp_path) == sorted(["file", *kept])


def test_a_folder_that_cannot_take_its_place_leaves_the_old(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").write_text("old")
    rename = Path.rename

    def refuse(self, target):
        if ".replaced." not in self.name + Path(target).name:
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no"), folder_written(tmp_path / "folder") as partial:
        (partial / "new").write_text("new")
    assert names(tmp_path) == ["folder"]
    assert names(tmp_path / "folder") == ["old"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of open files are known on Linux only")
def test_content_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    events = []

    def noted(owner, name, label):
        method = getattr(owner, name)

        def noting(*given):
            events.append(label(*given))
            return method(*given)

        monkeypatch.setattr(owner, name, noting)

    noted(whole_files.os, "fsync", lambda number: Path(f"/proc/self/fd/{number}").resolve().name)
    noted(Path, "replace", lambda *_: "renamed")
    noted(Path, "rename", lambda *_: "renamed")
    with written(tmp_path / "file") as partial:
        partial.write_text("new")
        written_as = partial.name
    with folder_written(tmp_path / "folder") as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "deep").write_text("new")
        filled_as = partial.name
    assert events[:3] == [written_as, "renamed", tmp_path.name]
    assert sorted(events[3:6]) == sorted([filled_as, "inner", "deep"])
    # Nothing was there to move aside: the first of the two renamings finds no folder.
    assert events[6:] == ["renamed", "renamed", tmp_path.name]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_of_several_processes_that_write_at_once_one_wins_as_a_whole(tmp_path, kind):
    script = (
        "import sys; from pathlib import Path\n"
        "from training.whole_files import folder_written, written\n"
        "place, kind, letter = Path(sys.argv[1]), sys.argv[2], sys.argv[3]\n"
        "for _ in range(40):\n"
        "    if kind == 'file':\n"
        "        with written(place / 'it') as one: one.write_text(letter * 5000)\n"
        "    else:\n"
        "        with folder_written(place / 'it') as one:\n"
        "            for n in range(3): (one / str(n)).write_text(letter * 5000)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), kind]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen([*command, letter], env=environment) for letter in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    files = [tmp_path / "it"] if kind == "file" else sorted((tmp_path / "it").iterdir())
    assert len(files) == (1 if kind == "file" else 3)
    contents = {file.read_text() for file in files}
    assert len(contents) == 1 and contents <= {"a" * 5000, "b" * 5000}
    assert names(tmp_path) == ["it"]


def test_what_dead_processes_left_anywhere_below_is_removed_and_told(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / f".v1.2.txt.{DEAD}.0.partial").write_text("part")
    (tmp_path / f".folder.{DEAD}.1.partial").mkdir()
    aside = tmp_path / "a" / f".kept.replaced.{DEAD}.0.partial"
    aside.mkdir()
    (aside / "file").write_text("old")
    alive = deep / f".mine.{MACHINE}-{os.getpid()}.0.partial"
    alive.write_text("at work")
    assert len(tidy_below(tmp_path)) == 3
    assert (names(deep), names(tmp_path)) == ([alive.name], ["a"])
    assert (tmp_path / "a" / "kept" / "file").read_text() == "old"
    assert tidy_below(tmp_path) == []


def test_only_an_empty_folder_makes_way_for_a_file(tmp_path):
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "kept").write_text("kept")
    with written(tmp_path / "empty") as partial:
        partial.write_text("new")
    with pytest.raises(IsADirectoryError), written(tmp_path / "full") as partial:
        partial.write_text("new")
    assert (tmp_path / "empty").read_text() == "new"
    assert (tmp_path / "full" / "kept").read_text() == "kept"
    assert names(tmp_path) == ["empty", "full"]
