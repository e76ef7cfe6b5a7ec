"""Every file of a workspace, damaged in every way: it is healed, or named in one sentence.

Healed: from where it is whole, with the answer of an undamaged workspace. Named: status 2 and one
sentence. Never a traceback, and never another answer.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from damaged_files import DAMAGES, calls, complaint, lived_in, told, without_the_rights_of_root
from ready_process import answers, called

OWN = re.compile(r"anchorhold\.toml|(anchors|corpus|history|pairs|reference|traffic)/")
"""Files of the user: what they say after an edit is what counts."""

READ_BY = {
    "cache/scores": ("compare",),
    "cache/": ("run",),
    "versions/1/": ("compare",),
    "versions/": ("status", "export"),
    "artifacts/.*/(model|version)": ("export", "compare"),
    "artifacts/": ("status",),
    "index/": ("search", "doctor"),
    r"\.db$": ("status", "search", "run", "doctor"),
    "anchors/": ("status", "compare"),
    "": ("status", "run", "doctor"),
}
"""Pattern -> the commands that read the files."""

SEALED = re.compile("(versions|artifacts)/.")
"""Files of which a manifest has the sums: one kind of damage is found as any other."""

HEALED = [
    ("versions/2/model/modules.json", "byte at a third", "export"),
    ("versions/2/version.json", "folder", "status"),
    ("workspace.id", "folder", "status"),
    ("lock.owner", "byte in the middle", "status"),
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


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory, tiny_model, empty_tracking_store):
    """Return a workspace with one of everything, and command -> its answer."""
    space = lived_in(tmp_path_factory.mktemp("damage") / "space", tiny_model, empty_tracking_store)
    answers(calls(space, "status"))
    kept = shutil.copytree(space, space.with_name("kept"))
    names = ("status", "compare", "search", "export", "doctor", "run")
    found = dict(zip(names, answers(calls(space, *names)), strict=True))
    assert all(each.status == 0 for each in found.values()), found
    return space, kept, {name: told(each, space) for name, each in found.items()}


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


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_of_any_file_gives_a_traceback_or_another_answer(undamaged, damage):
    space, kept, wanted = undamaged
    first = without_the_rights_of_root if damage == "unreadable" else None
    wrong = []
    for file in _files(kept):
        if SEALED.search(file) and damage not in ("half", "byte at a third", "folder"):
            continue
        commands = next(names for place, names in READ_BY.items() if re.search(place, file))
        for each in (space, space.with_name("space-model")):
            shutil.rmtree(each, ignore_errors=True)
        shutil.copytree(kept, space)
        if "artifacts/" in file:
            for copy in (space / ".anchorhold" / "versions").glob("[0-9]"):
                shutil.rmtree(copy)
        DAMAGES[damage](space / file)
        for name, answer in zip(commands, answers(calls(space, *commands), first), strict=True):
            if said := complaint(answer):
                wrong.append(f"{file}: {name}: {said}")
            elif answer.status == 0 and name != "doctor" and not OWN.search(file):
                changed = _changed(told(answer, space), wanted[name])
                if changed:
                    wrong.append(f"{file}: {name}: other answer in {changed}")
    assert wrong == []


def _changed(answer: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Return the keys that say something else; with a warning, what cannot be read may be null."""
    changed = [key for key in answer if answer[key] != wanted.get(key)]
    if set(answer.get("warnings", ())) > set(wanted.get("warnings", ())):
        return [key for key in changed if key != "warnings" and answer[key] is not None]
    return changed


def _files(space: Path) -> list[str]:
    """Return one file of each kind: names that are digests differ in nothing else."""
    kinds = {}
    for path in sorted(each for each in space.rglob("*") if each.is_file()):
        name = path.relative_to(space).as_posix()
        kinds.setdefault(re.sub(r"[0-9a-f]{16,}|(?<=-)[0-9a-f]{8}|(?<=cycles/)\d+", "", name), name)
    return list(kinds.values())
