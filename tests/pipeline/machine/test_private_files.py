"""Modes: what lies in a state folder is its owner's, or a group's that may use it."""

import os
import stat
from pathlib import Path

import pytest

from pipeline.machine import key_in, make_private, open_to_others, private_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture(params=[0o000, 0o022, 0o027, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def filled(state: Path) -> Path:
    private_folder(state)
    (state / "cycles" / "0001").mkdir(parents=True)
    (state / "cycles" / "0001" / "report.html").write_text("a report")
    (state / "store.db").write_text("rows")
    return state


@pytest.mark.usefixtures("umask")
def test_a_state_folder_is_closed_from_its_first_moment(tmp_path):
    private_folder(tmp_path / "space" / ".anchorhold")
    assert mode(tmp_path / "space" / ".anchorhold") == 0o700


@pytest.mark.usefixtures("umask")
def test_whatever_the_umask_says_only_the_owner_may_read_what_lies_in_it(tmp_path):
    state = filled(tmp_path / ".anchorhold")
    make_private(state)
    paths = [state, *state.rglob("*")]
    assert {mode(each) for each in paths if each.is_dir()} == {0o700}
    assert {mode(each) for each in paths if each.is_file()} == {0o600}
    assert open_to_others(state) == []
    assert make_private(state) == 0


@pytest.mark.usefixtures("umask")
def test_the_members_of_a_group_may_what_the_owner_may_where_the_folder_is_theirs(tmp_path):
    state = filled(tmp_path / ".anchorhold")
    state.chmod(0o2770)
    make_private(state)
    paths = [state, *state.rglob("*")]
    assert {mode(each) for each in paths if each.is_dir()} == {0o2770}
    assert {mode(each) for each in paths if each.is_file()} == {0o660}


def test_a_group_that_only_inherited_the_folder_gets_nothing(tmp_path):
    tmp_path.chmod(0o2755)
    state = filled(tmp_path / ".anchorhold")
    make_private(state)
    assert mode(state / "store.db") == 0o600


def test_what_a_link_leads_to_is_left_as_it_is(tmp_path):
    state, outside = filled(tmp_path / ".anchorhold"), tmp_path / "model.bin"
    outside.write_text("weights")
    outside.chmod(0o644)
    (state / "base").symlink_to(outside)
    make_private(state)
    assert mode(outside) == 0o644


def test_what_others_may_read_is_named(tmp_path):
    state = filled(tmp_path / ".anchorhold")
    make_private(state)
    (state / "store.db").chmod(0o640)
    assert open_to_others(state) == [state / "store.db"]


@pytest.mark.usefixtures("umask")
def test_the_key_of_a_workspace_is_made_once_and_is_its_owners(tmp_path):
    state = tmp_path / ".anchorhold"
    key = key_in(state)
    assert len(key) == 32
    assert key_in(state) == key
    assert (mode(state), mode(state / "log.key")) == (0o700, 0o600)
