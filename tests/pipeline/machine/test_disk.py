"""Sizes of folders, also while files come and go."""

import os

from pipeline.machine import size_of_folder


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
