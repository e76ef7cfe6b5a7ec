"""The doctor: what is wrong with a workspace is named with its remedy, and nothing is changed."""

import os
import shutil
import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from conftest import NOW
from damaged_files import bytes_of, registry_of
from made_streams import write_lines

from pipeline.machine.lock import hold_workspace
from pipeline.operations.doctor_machine import check_disk, check_folders
from pipeline.operations.workspace import Workspace
from pipeline.workspace import load_settings

LATER = NOW + timedelta(days=1)


def examined(space, *, quick=True, now=LATER):
    return Workspace.doctor(space, quick=quick, now=now)


def of_part(found, part):
    return [each for each in found.checks if each.part == part]


def only_problem(space, **how):
    found = examined(space, **how)
    problems = [each for each in found.checks if each.state == "problem"]
    assert len(problems) == found.problems == 1, problems
    assert problems[0].remedy
    return problems[0]


def set_in(space, text):
    with (space / "anchorhold.toml").open("a", encoding="utf-8") as file:
        file.write(text)


def test_a_workspace_that_can_work_has_no_problem_and_stays_as_it_is(turned):
    examined(turned)  # A copy settles at its new place when it is opened first.
    before = bytes_of(turned)
    found = examined(turned, quick=False)
    assert [each for each in found.checks if each.state == "problem"] == []
    assert {"settings", "folders", "store", "tracking", "lock", "clock", "cycles", "champion"} <= {
        each.part for each in found.checks if each.state == "ok"
    }
    assert "version 2 loads" in of_part(found, "model")[0].says
    assert "16 numbers per text" in of_part(found, "model")[0].says
    assert bytes_of(turned) == before


@pytest.mark.slow
def test_a_quick_check_imports_no_model():
    code = (
        "import sys\nfrom pipeline.operations import Workspace\n"
        "print(Workspace.doctor(sys.argv[1], quick=True).problems)\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "/nowhere"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_quick_check_of_a_used_workspace_imports_no_model(turned):
    code = (
        "import sys\nfrom pipeline.operations import Workspace\n"
        "print(Workspace.doctor(sys.argv[1], quick=True).problems)\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, turned], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_a_workspace_that_was_never_used_needs_its_first_run_only(workspace):
    found = examined(workspace)
    assert found.problems == 0
    assert "model.base is the folder" in of_part(found, "model")[0].says
    assert not (workspace / ".anchorhold" / "store.db").exists()


def test_each_wrong_setting_is_a_problem_of_its_own(turned):
    set_in(turned, "\n[gate]\nmax_dorp = 0.1\n[mix]\nshare = 7\n")
    found = examined(turned)
    assert found.problems == len(found.checks) == 2
    told = sorted(each.says.partition(": ")[2] for each in found.checks)
    assert told == ["mix.share is 7", "unknown key gate.max_dorp (did you mean max_drop?)"]
    assert all(each.remedy.startswith("allowed: ") for each in found.checks)


def test_a_folder_that_is_no_workspace_is_one_problem(tmp_path):
    assert "anchorhold init" in only_problem(tmp_path).remedy


@pytest.mark.parametrize(("file", "part"), [("store.db", "store"), ("mlflow.db", "tracking")])
def test_a_lost_database_is_named_and_not_made_anew(turned, file, part):
    for each in (turned / ".anchorhold").glob(f"{file}*"):
        each.unlink()
    problem = only_problem(turned)
    assert (problem.part, "backup" in problem.remedy) == (part, True)
    assert not (turned / ".anchorhold" / file).exists()


@pytest.mark.parametrize(("file", "part"), [("store.db", "store"), ("mlflow.db", "tracking")])
def test_a_database_that_takes_no_change_is_named(turned, file, part):
    (turned / ".anchorhold" / file).write_bytes(b"this is no database" * 1000)
    problem = only_problem(turned)
    assert problem.part == part
    assert "file is not a database" in problem.says


def test_a_server_that_does_not_answer_is_named(turned):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    set_in(turned, f'\n[tracking]\nuri = "http://127.0.0.1:{port}"\n')
    problem = only_problem(turned)
    assert problem.part == "tracking"
    assert f"127.0.0.1:{port}" in problem.says
    assert "tracking.uri" in problem.remedy


def test_an_alias_that_somebody_moved_is_a_problem(turned):
    registry_of(turned).client.set_registered_model_alias("tiny-search", "champion", "1")
    problem = only_problem(turned)
    assert problem.part == "champion"
    assert "names version 1" in problem.says
    assert "ends with version 2" in problem.says
    assert "anchorhold promote 2" in problem.remedy


def test_a_champion_whose_files_changed_is_a_problem(turned):
    for weights in (turned / ".anchorhold").rglob("model.safetensors"):
        content = bytearray(weights.read_bytes())
        content[-1] ^= 255
        weights.unlink()
        weights.write_bytes(content)
    problem = only_problem(turned)
    assert problem.part == "champion"
    assert "sha256" in problem.says


def test_a_missing_anchor_set_is_a_problem(turned):
    shutil.rmtree(turned / "anchors" / "bank")
    problem = only_problem(turned)
    assert problem.part == "anchors"
    assert "bank is missing" in problem.says


def test_weak_anchor_sets_are_a_warning_with_the_cheapest_remedy(turned):
    (found,) = of_part(examined(turned), "anchors")
    assert found.state == "warning"
    assert "of 100 cycles" in found.says
    assert "label more queries" in found.remedy


def test_a_clock_behind_the_last_cycle_is_a_problem(turned):
    problem = only_problem(turned, now=NOW - timedelta(hours=1))
    assert problem.part == "clock"
    assert "2026-03-01 12:00:00" in problem.says


def test_a_record_from_the_future_is_a_warning(turned):
    texts = [{"text": "where is my card", "timestamp": "2026-03-02T08:00:00Z"}]
    write_lines(turned / "traffic" / "dated.jsonl", texts)
    with Workspace.open(turned, now=NOW) as work:
        work.run()
    soon = NOW + timedelta(minutes=1)
    (found,) = of_part(examined(turned, now=soon), "clock")
    assert found.state == "ok", "20 hours ahead are less than future_hours"
    set_in(turned, "\n[intake]\nfuture_hours = 1\n")
    (found,) = of_part(examined(turned, now=soon), "clock")
    assert (found.state, "2026-03-02 08:00:00" in found.says) == ("warning", True)


def test_a_workspace_that_is_in_use_says_by_whom(turned):
    code = (
        "import sys, time\nfrom datetime import datetime, UTC\nfrom pathlib import Path\n"
        "from pipeline.machine.lock import hold_workspace\n"
        "with hold_workspace(Path(sys.argv[1]), doing='run', now=datetime.now(UTC)):\n"
        "    print('held', flush=True)\n    time.sleep(60)\n"
    )
    arguments = [sys.executable, "-c", code, turned / ".anchorhold"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        (found,) = of_part(examined(turned), "lock")
        other.kill()
    assert found.state == "warning"
    assert f"`anchorhold run` (process {other.pid}" in found.says
    (found,) = of_part(examined(turned), "lock")
    assert found.state == "ok", "the system frees the lock of a process that died"


def test_a_lock_that_outlives_its_process_is_a_problem(turned):
    examined(turned)  # A copy settles at its new place when it is opened first.
    with hold_workspace(turned / ".anchorhold", doing="run", now=NOW):
        owner = turned / ".anchorhold" / "lock.owner"
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        owner.write_text(owner.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {gone.pid}'))
        problem = only_problem(turned)
    assert problem.part == "lock"
    assert str(gone.pid) in problem.says
    assert "fuser" in problem.remedy


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs users")
def test_what_this_user_may_not_write_is_named(turned):
    settings, versions = load_settings(turned), turned / ".anchorhold" / "versions"
    for folder in (turned, *turned.parents):
        if folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o055 != 0o055:
            folder.chmod(folder.stat().st_mode | 0o055)
    for each in (turned, *turned.rglob("*")):
        each.chmod(0o777)
    versions.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:  # who may write everywhere
            os.seteuid(65534)
        (found,) = check_folders(settings)
    finally:
        if root:
            os.seteuid(0)
        versions.chmod(0o755)
    assert found.state == "problem"
    assert f"{versions} cannot be written" in found.says
    assert "chown" in found.remedy
    assert [each.state for each in check_folders(settings)] == ["ok"]


def test_a_disk_without_room_for_a_cycle_is_a_problem(tmp_path):
    (enough,) = check_disk(tmp_path, 1, "nothing")
    (full,) = check_disk(tmp_path, shutil.disk_usage(tmp_path).free * 2, "much")
    assert (enough.state, full.state) == ("ok", "problem")
    assert "anchorhold gc" in full.remedy


def test_an_interrupted_cycle_is_a_warning(turned):
    from pipeline.store import Store

    with Store.open(load_settings(turned).store_url) as store:
        store.begin_cycle(NOW)
    (found,) = of_part(examined(turned), "cycles")
    assert (found.state, found.remedy) == ("warning", "anchorhold run resumes it")


def test_what_is_set_beside_the_workspace_and_does_not_work_is_a_warning(turned):
    set_in(
        turned,
        '\n[promotion]\ncommand = ["./nothing.sh"]\nwebhook = "http://127.0.0.1:1/"\n'
        'key_variable = "NO_SUCH_KEY"\n[serve]\nport = 1\n[generate]\n'
        'url = "http://127.0.0.1:1/v1"\nmodel = "m"\n',
    )
    found = examined(turned)
    warned = [each.says for each in found.checks if each.state == "warning"]
    for named in ("./nothing.sh", "promotion.webhook", "NO_SUCH_KEY", "no service", "generate.url"):
        assert any(named in each for each in warned), named
    assert found.problems == 0


def test_a_path_that_is_nowhere_is_a_warning(turned):
    settings = turned / "anchorhold.toml"
    settings.write_text(settings.read_text().replace("traffic/*", "trafic/*"))
    (found,) = of_part(examined(turned), "data")
    assert (found.state, "trafic/*.jsonl" in found.says) == ("warning", True)


def test_files_that_are_not_read_are_a_warning_and_a_missing_file_is_a_problem(turned):
    (turned / "pairs" / "faq.csv").touch()
    (found,) = of_part(examined(turned), "data")
    assert (found.state, "faq.csv is not read" in found.says) == ("warning", True)
    settings = turned / "anchorhold.toml"
    settings.write_text(settings.read_text().replace('"traffic/*.jsonl"', '"traffic/gone.jsonl"'))
    (found,) = of_part(examined(turned), "data")
    assert (found.state, "traffic/gone.jsonl" in found.says) == ("problem", True)


def test_a_champion_without_its_index_is_a_warning(turned):
    set_in(turned, '\n[index]\nmode = "rebuild"\n')
    settings = turned / "anchorhold.toml"
    settings.write_text(
        settings.read_text().replace("[data]\n", '[data]\ncorpus = ["corpus/*.jsonl"]\n')
    )
    write_lines(turned / "corpus" / "d.jsonl", [{"id": "1", "text": "a document"}])
    set_in(turned, 'build = "off"\n')
    with Workspace.open(turned, now=NOW) as work:
        work.run()
    settings.write_text(settings.read_text().replace('build = "off"\n', ""))
    (found,) = of_part(examined(turned, now=LATER), "index")
    assert (found.state, "index build" in found.remedy) == ("warning", True)
    with Workspace.open(turned, now=NOW) as work:
        work.index_build()
    (found,) = of_part(examined(turned, now=LATER, quick=False), "index")
    assert found.state == "ok", found
