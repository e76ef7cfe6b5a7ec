"""The manifest: every change to a folder is found, and no path leads out of it."""

import json
import os

import pytest

from training.manifest import MANIFEST, FileFact, FolderDamaged, Manifest, seal, sealed
from training.whole_files import MACHINE


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"weights")
    (tmp_path / "card.json").write_text("{}")
    return tmp_path


def test_a_manifest_lists_all_files_by_digest_and_size(folder):
    manifest = Manifest.of(folder)
    assert set(manifest.files) == {"card.json", "model/weights"}
    assert manifest.files["card.json"].size == 2
    assert Manifest.of(folder, besides=("card.json",)).files.keys() == {"model/weights"}
    assert Manifest.from_text(manifest.to_text()) == manifest
    manifest.verify(folder)


DAMAGES = {
    "another byte": lambda folder: (folder / "model" / "weights").write_bytes(b"Weights"),
    "a byte less": lambda folder: (folder / "model" / "weights").write_bytes(b"weight"),
    "missing": lambda folder: (folder / "model" / "weights").unlink(),
    "added": lambda folder: (folder / "model" / "added.py").write_text("print('run me')"),
    "a link added": lambda folder: (folder / "model" / "link").symlink_to("/etc/hostname"),
    "a link instead": lambda folder: _linked(folder / "model" / "weights"),
}


def _linked(file):
    aside = file.parents[2] / "weights aside"
    file.rename(aside)
    file.symlink_to(aside)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_every_change_to_a_folder_is_refused_naming_the_file(folder, damage):
    manifest = Manifest.of(folder)
    seal(folder)
    damage(folder)
    with pytest.raises(FolderDamaged, match="model/"):
        manifest.verify(folder, besides=(MANIFEST,))
    assert sealed(folder) is None


def test_files_that_are_named_beside_the_manifest_may_be_there(folder):
    manifest = Manifest.of(folder)
    (folder / "note").write_text("more")
    manifest.verify(folder, besides=("note",))
    with pytest.raises(FolderDamaged, match="note"):
        manifest.verify(folder)


def test_only_the_files_of_a_manifest_are_taken(folder, tmp_path_factory):
    manifest = Manifest.of(folder)
    (folder / "model" / "added").write_text("not listed")
    target = tmp_path_factory.mktemp("target")
    manifest.take(folder, target)
    manifest.verify(target)
    with pytest.raises(FolderDamaged, match=r"card\.json"):
        manifest.take(folder, target)


def test_the_digest_follows_content_and_names(folder):
    before = Manifest.of(folder).digest
    assert Manifest.of(folder).digest == before
    (folder / "card.json").rename(folder / "other.json")
    assert Manifest.of(folder).digest != before


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "model/../../x", "a\\..\\b", "C:/x", "", ".", "a//b"]
)
def test_a_manifest_never_names_a_path_outside_its_folder(name):
    text = Manifest({name: FileFact("00", 1)}).to_text()
    with pytest.raises(FolderDamaged, match="only plain relative paths"):
        Manifest.from_text(text)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"sha256": "0"}}'])
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(FolderDamaged, match="the manifest cannot be read"):
        Manifest.from_text(text)


def test_folders_with_links_or_without_files_have_no_manifest(tmp_path):
    with pytest.raises(FolderDamaged, match="holds no file"):
        Manifest.of(tmp_path)
    (tmp_path / "secret").symlink_to("/etc/hostname")
    with pytest.raises(FolderDamaged, match="is a symbolic link"):
        Manifest.of(tmp_path)


def test_a_sealed_folder_gives_back_its_facts(folder):
    assert sealed(folder) is None
    seal(folder, steps=3, log=[1.5])
    assert sealed(folder) == {"steps": 3, "log": [1.5]}
    seal(folder, steps=4)
    assert sealed(folder) == {"steps": 4}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"files": {}}', '{"files": 1}'])
def test_a_folder_whose_seal_is_broken_is_not_sealed(folder, text):
    seal(folder)
    (folder / MANIFEST).write_text(text)
    assert sealed(folder) is None


def test_a_seal_that_a_kill_left_unfinished_does_not_spoil_the_next(folder):
    (folder / f".{MANIFEST}.{MACHINE}-{2**22 + 1}.0.partial").write_text("{")
    seal(folder, steps=3)
    assert sealed(folder) == {"steps": 3}
    assert sorted(os.listdir(folder)) == ["card.json", MANIFEST, "model"]
    assert set(json.loads((folder / MANIFEST).read_text())["files"]) == {
        "card.json", "model/weights"
    }  # fmt: skip
