"""Sizes of folders, also while files come and go, and faults of the disk in one sentence."""

import errno
import os
import shutil

import pytest

from pipeline.machine import DiskFault, disk_fault, size_of_folder


def test_each_file_counts_once_however_many_names_it_has(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / "deep" / "b").write_bytes(b"x" * 500)
    os.link(tmp_path / "a", tmp_path / "deep" / "same")
    assert size_of_folder(tmp_path) == 1500
    assert size_of_folder(tmp_path / "deep" / "b") == 500
    assert size_of_folder(tmp_path / "none") == 0


def test_a_file_that_disappears_does_not_count(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / "b").write_bytes(b"x" * 1)
    ask = os.lstat

    def after_deletion(path):
        if str(path).endswith("a"):
            os.remove(path)
        return ask(path)

    monkeypatch.setattr(os, "lstat", after_deletion)
    assert size_of_folder(tmp_path) == 1


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (OSError(errno.ENOSPC, "", "a/notes"), "a/notes: No space left on device; .* is space"),
        (OSError(errno.EIO, "", "a", None, "b"), "a, b: Input/output error; .* the disk works"),
        (shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]), "b: No space left"),
        (RuntimeError("while serializing: I/O error (os error 28)"), "a file: No space left"),
        (RuntimeError("[enforce fail at inline_container.cc:659]"), "a file: Input/output error"),
    ],
)
def test_a_fault_of_the_disk_is_one_sentence_with_its_remedy(fault, says):
    with pytest.raises(DiskFault, match=says):
        raise disk_fault(fault)


@pytest.mark.parametrize("fault", [FileNotFoundError(errno.ENOENT, "", "a"), ValueError("b")])
def test_other_faults_are_none_of_the_disk(fault):
    assert disk_fault(fault) is None
