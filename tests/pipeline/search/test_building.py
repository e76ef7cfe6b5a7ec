"""Builds of an index: killed and resumed, verified, beside readers and other builders."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.search import (
    IndexBusy,
    Indexes,
    IndexMissing,
    IndexSettings,
    IndexUnusable,
    building,
    lance_tables,
)
from pipeline.search.lance_tables import LanceTable
from training.encoding import Encoder
from training.encoding.similarity import Similarity
from training.evaluation import nearest
from training.faults import DataFault
from training.unlabelled import Document

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORDS = ("card", "bank", "money", "flight", "hotel", "train", "salt", "menu", "recipe", "pay")


def made_documents(count):
    return [
        Document(f"d{n}", f"{WORDS[n % 10]} {WORDS[n // 10 % 10]} where is my {n * 'a'[:1]} {n}")
        for n in range(count)
    ]


@pytest.fixture
def indexes(tmp_path):
    return Indexes(IndexSettings(), tmp_path, tmp_path / ".anchorhold")


def contents(index):
    ids, vectors = index.vectors()
    return dict(zip(ids, map(bytes, vectors), strict=True))


def stop_at(monkeypatch, method, *, call=1, done=False):
    """Let a method of the table fail at one of its calls, before or after its work is done."""
    work, calls = getattr(LanceTable, method), []

    def failing(table, *arguments):
        calls.append(method)
        if len(calls) == call:
            if done:
                work(table, *arguments)
            raise KeyboardInterrupt
        return work(table, *arguments)

    monkeypatch.setattr(LanceTable, method, failing)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("method", ["add", "remove", "compact", "finish"])
def test_a_build_that_is_stopped_anywhere_resumes_and_ends_equal(
    indexes, fake_encoder, tmp_path, monkeypatch, method, done
):
    monkeypatch.setattr(building, "_AT_ONCE", 16)
    encoder = fake_encoder
    old, new = made_documents(40), [*made_documents(60)[3:], Document("d0", "changed")]
    undisturbed = Indexes(IndexSettings(uri="undisturbed"), tmp_path, tmp_path / "other")
    for each in (indexes, undisturbed):
        each.build(1, encoder, old, now=NOW)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(patch, method, done=done)
        indexes.build(1, encoder, new, now=NOW)
    seen = indexes.open(1, encoder.fingerprint)
    assert seen.stamp.documents == (58 if (method, done) == ("finish", True) else 40)
    assert len(seen.vectors()[0]) == seen.stamp.documents
    for each in (indexes, undisturbed):
        each.build(1, encoder, new, now=NOW)
    one, other = (each.open(1, encoder.fingerprint) for each in (indexes, undisturbed))
    assert one.stamp == other.stamp
    assert contents(one) == contents(other)


def test_a_first_build_that_is_stopped_ends_with_the_same_bits(
    indexes, tiny_model, tmp_path, monkeypatch
):
    monkeypatch.setattr(building, "_AT_ONCE", 16)
    encoder = Encoder.load(tiny_model, max_length=32)
    documents = made_documents(50)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(patch, "add", call=2)
        indexes.build(1, encoder, documents, now=NOW)
    with pytest.raises(IndexMissing):
        indexes.open(1, encoder.fingerprint)
    built = indexes.build(1, encoder, documents, now=NOW)
    assert (built.unchanged, built.encoded) == (16, 34)
    undisturbed = Indexes(IndexSettings(uri="undisturbed"), tmp_path, tmp_path / "other")
    undisturbed.build(1, encoder, documents, now=NOW)
    one, other = (each.open(1, encoder.fingerprint) for each in (indexes, undisturbed))
    assert contents(one) == contents(other)


def test_a_reader_sees_one_whole_index_while_another_is_built(indexes, fake_encoder, monkeypatch):
    monkeypatch.setattr(building, "_AT_ONCE", 16)
    old, new = made_documents(40), made_documents(90)[20:]
    indexes.build(1, fake_encoder, old, now=NOW)
    open_before = indexes.open(1, fake_encoder.fingerprint)
    add, seen = LanceTable.add, []

    def looked_at(table, *rows):
        add(table, *rows)
        index = indexes.open(1, fake_encoder.fingerprint)
        seen.append((index.stamp.documents, len(index.vectors()[0])))

    monkeypatch.setattr(LanceTable, "add", looked_at)
    indexes.build(1, fake_encoder, new, now=NOW)
    assert set(seen) == {(40, 40)}
    assert sorted(open_before.vectors()[0]) == sorted(each.id for each in old)
    assert indexes.open(1, fake_encoder.fingerprint).stamp.documents == 70


def test_a_second_builder_is_told_so(indexes, fake_encoder):
    class Builder(type(fake_encoder)):
        def encode(self, texts, **options):
            if not self.encoded:
                with pytest.raises(IndexBusy, match="version 1 is being built"):
                    indexes.build(1, fake_encoder, made_documents(3), now=NOW)
                with pytest.raises(IndexBusy):
                    indexes.drop(1)
            return super().encode(texts, **options)

    built = indexes.build(1, Builder(), made_documents(5), now=NOW)
    assert built.documents == 5


def double(table, ids, *rows):
    """Add each row twice."""
    for _ in range(2):
        ADD(table, ids, *rows)


def mix_up(table, ids, keys, digests, vectors):
    """Give each document the vector of another."""
    ADD(table, ids, keys, digests, vectors[::-1])


ADD = LanceTable.add


@pytest.mark.parametrize(("wrong", "told"), [(double, "12 rows"), (mix_up, "not the model's")])
def test_rows_that_are_not_those_of_the_documents_are_found_out(
    indexes, fake_encoder, monkeypatch, wrong, told
):
    documents = made_documents(6)
    with monkeypatch.context() as patch:
        patch.setattr(LanceTable, "add", wrong)
        with pytest.raises(IndexUnusable, match=told):
            indexes.build(1, fake_encoder, documents, now=NOW)
    with pytest.raises(IndexMissing):
        indexes.open(1, fake_encoder.fingerprint)
    # What is wrong there does not stay.
    built = indexes.build(1, fake_encoder, documents, now=NOW)
    assert built.from_scratch
    assert (built.documents, built.unchanged) == (6, 0)


def test_vectors_of_a_cache_that_are_not_the_models_are_found_out(indexes, make_fake_encoder):
    class Cached(type(make_fake_encoder())):
        def without_cache(self):
            return make_fake_encoder(salt="other")

    with pytest.raises(IndexUnusable, match="not the model's"):
        indexes.build(1, Cached(), made_documents(6), now=NOW)


def test_earlier_states_are_deleted_at_the_next_build_once_readers_have_moved(
    indexes, fake_encoder, monkeypatch
):
    for count in (3, 5, 7):
        indexes.build(1, fake_encoder, made_documents(count), now=NOW)
    assert len(states(indexes)) > 3
    monkeypatch.setattr(lance_tables, "READERS_HAVE_MOVED", timedelta(0))
    reader = indexes.open(1, fake_encoder.fingerprint)
    indexes.build(1, fake_encoder, made_documents(8), now=NOW)
    # The state that was whole before this build can still be read.
    assert len(reader.vectors()[0]) == 7
    assert min(states(indexes)) == reader._table.state
    assert len(indexes.open(1, fake_encoder.fingerprint).vectors()[0]) == 8


def states(indexes):
    """Return the Lance versions of the table that are on disk."""
    return [each["version"] for each in indexes.tables._opened("v1").list_versions()]


def test_a_first_build_leaves_only_what_its_index_needs(indexes, fake_encoder, monkeypatch):
    monkeypatch.setattr(building, "_AT_ONCE", 16)
    indexes.build(1, fake_encoder, made_documents(64), now=NOW)
    assert len(states(indexes)) == 1
    assert len(list(Path(indexes.tables.uri).rglob("data/*.lance"))) == 1


def test_two_documents_of_one_id_are_refused(indexes, fake_encoder):
    documents = [Document("a", "one"), Document("a", "two")]
    with pytest.raises(DataFault, match="same id"):
        indexes.build(1, fake_encoder, documents, now=NOW)


@pytest.mark.parametrize("name", ["cosine", "dot", "euclidean", "manhattan"])
def test_a_large_index_finds_about_what_the_exact_search_finds(
    tmp_path, make_fake_encoder, monkeypatch, name
):
    monkeypatch.setattr(lance_tables, "_PARTITION", 500)  # rows of one graph: there are three
    encoder = make_fake_encoder(dimensions=16)
    encoder.similarity = Similarity(name)
    settings = IndexSettings(ann_above=1000)
    indexes = Indexes(settings, tmp_path, tmp_path)
    documents = made_documents(1200)
    built = indexes.build(1, encoder, documents, now=NOW)
    index = indexes.open(1, encoder.fingerprint)
    queries = encoder.encode(["money for a train 7", "where is the salt"])
    ids, vectors = index.vectors()
    places, scores = nearest(
        queries, vectors, depth=5, rows_at_once=9, similarity=encoder.similarity
    )
    hits = index.search(queries, 5)
    for found, true, best in zip(hits, scores, places, strict=True):
        assert [hit.score for hit in found] == pytest.approx(true.tolist(), abs=1e-4)
        assert {hit.id for hit in found} & {ids[place] for place in best}
    if name == "manhattan":
        assert (built.approximate, built.recall) == (False, None)
    else:
        assert built.approximate
        assert built.recall > 0.9
        again = indexes.build(1, encoder, documents[:900], now=NOW)
        assert (again.approximate, again.removed) == (False, 300)
        assert len(indexes.open(1, encoder.fingerprint).search(queries, 1_000)[0]) == 900


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
root, method, call, *folders = sys.argv[1:]
sys.path[:0] = folders
from conftest import FakeEncoder
from pipeline.search import Indexes, IndexSettings, building
from pipeline.search.lance_tables import LanceTable
from test_building import made_documents

work, calls = getattr(LanceTable, method), []

def killed(table, *arguments):
    calls.append(method)
    if len(calls) == int(call):
        os.kill(os.getpid(), signal.SIGKILL)
    return work(table, *arguments)

setattr(LanceTable, method, killed)
building._AT_ONCE = 50
indexes = Indexes(IndexSettings(), Path(root), Path(root))
indexes.build(1, FakeEncoder(), made_documents(300), now=datetime(2026, 3, 1, 12, tzinfo=UTC))
"""


@pytest.mark.slow
def test_a_build_that_is_killed_again_and_again_ends_equal(tmp_path, fake_encoder):
    here = Path(__file__).parent
    indexes = Indexes(IndexSettings(), tmp_path, tmp_path)
    for method, call in (("add", 3), ("add", 2), ("finish", 1)):
        command = [sys.executable, "-c", KILLED, tmp_path, method, str(call), here, here.parents[1]]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        with pytest.raises(IndexMissing):
            indexes.open(1, fake_encoder.fingerprint)
    built = indexes.build(1, fake_encoder, made_documents(300), now=NOW)
    assert (built.unchanged, built.encoded) == (300, 0)
    undisturbed = Indexes(IndexSettings(uri="undisturbed"), tmp_path, tmp_path / "other")
    undisturbed.build(1, fake_encoder, made_documents(300), now=NOW)
    one, other = (each.open(1, fake_encoder.fingerprint) for each in (indexes, undisturbed))
    assert one.stamp == other.stamp
    assert contents(one) == contents(other)
