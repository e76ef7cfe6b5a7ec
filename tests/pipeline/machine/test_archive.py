"""An archive holds plain files with their hashes, and nothing else comes out of one."""

import io
import random
import tarfile
from contextlib import suppress

import pytest

from pipeline.machine import opened_archive, write_archive
from training.faults import DataFault
from training.manifest import FileFact


def facts_of(text):
    return {
        name: FileFact(digest, int(size))
        for name, digest, size in (line.split(" ") for line in text.splitlines())
    }


@pytest.fixture
def made(tmp_path):
    """An archive of two files, one of which has an odd name."""
    (tmp_path / "a").write_bytes(b"first" * 1000)
    (tmp_path / "b").write_bytes(b"")
    file = tmp_path / "made.tar"
    write_archive(
        file,
        [("one", tmp_path / "a", 7), ("deep/10:30 ü.jsonl", tmp_path / "b", 8)],
        lambda facts: "".join(
            f"{name.replace(' ü', '-')} {fact.digest} {fact.size}\n" for name, fact in facts.items()
        ),
    )
    return file


def members(file, *, add=(), name="workspace/one"):
    """Write an archive by hand, with a member that no backup has."""
    with tarfile.open(file, "w") as archive:
        plain = tarfile.TarInfo(name)
        plain.size = 4
        archive.addfile(plain, io.BytesIO(b"text"))
        for each in add:
            archive.addfile(each)
        end = tarfile.TarInfo("manifest.json")
        archive.addfile(end, io.BytesIO(b""))
    return file


def test_files_come_back_with_their_content_time_and_for_their_owner_only(made, tmp_path):
    with opened_archive(made) as archive:
        expected = facts_of(archive.manifest)
        out = tmp_path / "out"
        out.mkdir()
        archive.take("one", out, expected["one"])
        archive.take("deep/10:30 ü.jsonl", out, expected["deep/10:30-.jsonl"])
    assert (out / "one").read_bytes() == b"first" * 1000
    assert (out / "one").stat().st_mtime == 7
    assert (out / "one").stat().st_mode & 0o777 == 0o600
    assert (out / "deep").stat().st_mode & 0o777 == 0o700
    assert made.stat().st_mode & 0o777 == 0o600


def test_another_content_than_expected_is_refused(made, tmp_path):
    with opened_archive(made) as archive, pytest.raises(DataFault, match="the content of one"):
        archive.take("one", None, FileFact("00" * 32, 5000))


@pytest.mark.parametrize(
    "name", ["workspace/../up", "/etc/passwd", "up", "workspace/", "workspace/a//b", "workspace/."]
)
def test_a_member_that_would_lie_elsewhere_is_refused(tmp_path, name):
    with (
        pytest.raises(DataFault, match="no plain file of a workspace"),
        opened_archive(members(tmp_path / "bad.tar", name=name)),
    ):
        pass


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "DIRTYPE"])
def test_links_devices_and_folders_are_refused(tmp_path, kind):
    other = tarfile.TarInfo("workspace/two")
    other.type, other.linkname = getattr(tarfile, kind), "/etc/passwd"
    with (
        pytest.raises(DataFault, match="no plain file of a workspace"),
        opened_archive(members(tmp_path / "bad.tar", add=[other])),
    ):
        pass


def test_a_file_that_is_there_twice_is_refused(tmp_path):
    with (
        pytest.raises(DataFault, match="no plain file of a workspace"),
        opened_archive(members(tmp_path / "bad.tar", add=[tarfile.TarInfo("workspace/one")])),
    ):
        pass


def test_every_cut_and_many_flipped_bytes_are_noticed(made, tmp_path):
    whole, draw = made.read_bytes(), random.Random(1)
    end = whole.rindex(b"manifest.json")
    damaged = tmp_path / "damaged.tar"

    def read_all():
        with opened_archive(damaged) as archive:
            expected = facts_of(archive.manifest)
            assert sorted(expected) == ["deep/10:30-.jsonl", "one"]
            sizes = archive.sizes
            assert sorted(sizes) == ["deep/10:30 ü.jsonl", "one"]
            for name in sizes:
                archive.take(name, None, expected[name.replace(" ü", "-")])

    for length in (0, 1, 511, 512, 600, 3000, end - 1, end + 300, end + 520):
        damaged.write_bytes(whole[:length])
        with pytest.raises(DataFault, match="no whole backup"):
            read_all()
    content = whole.index(b"first")
    for _ in range(50):
        at = draw.randrange(content, content + 5000)
        damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(DataFault, match="the content of one"):
            read_all()
    for _ in range(100):
        at = draw.randrange(len(whole))
        damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        # Whatever is damaged, headers and manifest included: a sentence, or nothing of it is used.
        with suppress(DataFault), opened_archive(damaged) as archive:
            for name in archive.sizes:
                archive.take(name, None, FileFact("", 0))


def test_a_missing_file_and_one_that_is_no_archive_are_told(tmp_path):
    with pytest.raises(DataFault, match="does not exist"), opened_archive(tmp_path / "none.tar"):
        pass
    (tmp_path / "text.tar").write_text("no archive")
    with pytest.raises(DataFault, match="no whole backup"), opened_archive(tmp_path / "text.tar"):
        pass
