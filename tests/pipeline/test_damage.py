"""Damaged files of a workspace: each is healed, or named in one sentence.

Healed: from where it is whole, with the answer of an undamaged workspace. Named: status 2 and one
sentence. Never a traceback, and never another answer.
"""

import shutil

import pytest
from damaged_files import DAMAGES, calls, complaint, told
from ready_process import called

HEALED = [
    ("versions/2/model/modules.json", "byte at a third", "export"),
    ("versions/2/model/config.json", "unreadable", "export"),
    ("versions/2/version.json", "folder", "status"),
    ("workspace.id", "folder", "status"),
    ("workspace.place", "half", "status"),
    ("lock.owner", "byte in the middle", "status"),
    ("cache/base.json", "byte in the middle", "status"),
]
NAMED = [
    ("store.db", "half", "status", "store.db"),
    ("store.db", "empty", "status", "store.db"),
    ("mlflow.db", "half", "status", "mlflow.db"),
    ("mlflow.db", "folder", "run", "mlflow.db"),
    ("lock", "folder", "run", "lock"),
    ("../anchorhold.toml", "half", "status", "anchorhold.toml"),
    ("../anchors/bank/qrels.tsv", "gone", "compare", "qrels.tsv"),
]


@pytest.mark.parametrize(("file", "damage", "command"), HEALED)
def test_what_is_whole_elsewhere_is_healed(turned, restored_process, file, damage, command):
    (wanted,) = (called(each) for each in calls(turned, command))
    shutil.rmtree(turned.with_name(f"{turned.name}-model"), ignore_errors=True)
    DAMAGES[damage](turned / ".anchorhold" / file)
    (answer,) = (called(each) for each in calls(turned, command))
    assert complaint(answer) == ""
    assert told(answer, turned) == told(wanted, turned)


@pytest.mark.parametrize(("file", "damage", "command", "named"), NAMED)
def test_what_is_whole_nowhere_is_named(turned, restored_process, file, damage, command, named):
    DAMAGES[damage](turned / ".anchorhold" / file)
    (answer,) = (called(each) for each in calls(turned, command))
    assert (answer.status, complaint(answer)) == (2, "")
    assert named in answer.stderr
