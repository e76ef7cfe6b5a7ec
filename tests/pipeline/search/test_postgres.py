"""The index in a real PostgreSQL server: states, readers, refusals, and the champion's view."""

import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import numpy as np
import psycopg
import pytest
from postgres_server import postgres_server, with_vectors

from pipeline.search import (
    IndexBusy,
    Indexes,
    IndexMissing,
    IndexSettings,
    IndexUnusable,
    Space,
    SpaceMismatch,
    postgres_table,
)
from pipeline.search.postgres_table import PostgresTable
from training.encoding.similarity import Similarity
from training.faults import DataFault
from training.unlabelled import Document

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = 'odd "name"; -- é'
VIEW = '"anchorhold_odd ""name""; -- é".champion'


@pytest.fixture(scope="module")
def server():
    with postgres_server() as uri:
        yield uri


@pytest.fixture(scope="module")
def vectors(server):
    """Whether the extension is pgvector itself."""
    return with_vectors(server)


@pytest.fixture
def indexes(server, vectors, tmp_path):
    yield Indexes(IndexSettings(uri=server), tmp_path, tmp_path / "state", MODEL)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {VIEW.rpartition('.')[0]} CASCADE")


def documents_of(*texts):
    return [Document(f"d{number}", text) for number, text in enumerate(texts)]


ABOUT_CARDS = documents_of("lost card", "card gone", "book a flight", "cook salt")


def contents(index):
    ids, rows = index.vectors()
    return dict(zip(ids, map(bytes, rows), strict=True))


def shown(server):
    with psycopg.connect(server) as connection:
        query = f"SELECT id, embedding::real[], version, fingerprint FROM {VIEW} ORDER BY id"
        return connection.execute(query).fetchall()


def test_an_index_in_postgresql_is_that_of_a_folder(indexes, fake_encoder, tmp_path):
    in_folder = Indexes(IndexSettings(), tmp_path, tmp_path / "other")
    for documents in (
        ABOUT_CARDS,
        [*ABOUT_CARDS[:2], Document("d2", "book a train"), Document("it's \\ % \n🙂", "my money")],
    ):
        here, there = (
            each.build(1, fake_encoder, documents, now=NOW) for each in (indexes, in_folder)
        )
        assert here.changed(seconds=0) == there.changed(seconds=0)
        one, other = (each.open(1, fake_encoder.fingerprint) for each in (indexes, in_folder))
        assert contents(one) == contents(other)
        assert one.stamp == other.stamp
        query = fake_encoder.encode(["lost card"])
        assert one.search(query, 3) == other.search(query, 3)
        assert one.vectors(["d1", "not there"])[0] == ["d1"]
    assert [each.documents for each in indexes.status()] == [4]
    indexes.export(1, tmp_path / "here.parquet")
    given = indexes.build(2, fake_encoder, documents, now=NOW, vectors=tmp_path / "here.parquet")
    assert (given.given, given.encoded) == (4, 0)


def test_a_reader_keeps_its_state_until_readers_have_moved(indexes, fake_encoder, monkeypatch):
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    before = indexes.open(1, fake_encoder.fingerprint)
    indexes.build(1, fake_encoder, documents_of("lost card", "my money"), now=NOW)
    assert before.vectors()[0] == ["d0", "d1", "d2", "d3"]
    assert indexes.open(1, fake_encoder.fingerprint).vectors()[0] == ["d0", "d1"]
    monkeypatch.setattr(postgres_table, "READERS_HAVE_MOVED", timedelta(0))
    indexes.build(1, fake_encoder, documents_of("lost card", "my money"), now=NOW)
    assert len(before._table) == 1  # Of the first state, only what is still there.


@pytest.mark.parametrize("method", ["add", "remove", "finish"])
def test_a_killed_build_is_seen_by_nobody_and_goes_on(indexes, fake_encoder, monkeypatch, method):
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    changed = [Document("d0", "my bank"), *ABOUT_CARDS[2:], Document("new", "a menu")]
    work = getattr(PostgresTable, method)

    def killed(table, *arguments):
        if method != "finish":
            work(table, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(PostgresTable, method, killed)
        indexes.build(1, fake_encoder, changed, now=NOW)
    assert indexes.open(1, fake_encoder.fingerprint).vectors()[0] == ["d0", "d1", "d2", "d3"]
    built = indexes.build(1, fake_encoder, changed, now=NOW)
    assert built.encoded == (2 if method == "remove" else 0)
    index = indexes.open(1, fake_encoder.fingerprint)
    assert index.vectors()[0] == ["d0", "d2", "d3", "new"]
    assert bytes(index.vectors(["d0"])[1]) == bytes(fake_encoder.encode(["my bank"]))


def test_an_index_that_was_never_whole_is_missing(indexes, fake_encoder, monkeypatch):
    with pytest.raises(IndexMissing, match="anchorhold index build 1"):
        indexes.open(1, fake_encoder.fingerprint)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(PostgresTable, "finish", killed)
        indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    assert indexes.numbers() == [1]
    with pytest.raises(IndexMissing) as fault:
        indexes.open(1, fake_encoder.fingerprint)
    assert "hidden" not in str(fault.value)
    assert "tester" not in str(fault.value)


def test_vectors_of_another_space_are_refused(indexes, fake_encoder, make_fake_encoder):
    other = make_fake_encoder(salt="other")
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    with pytest.raises(SpaceMismatch, match=other.fingerprint[:12]):
        indexes.open(1, other.fingerprint)
    before = indexes.open(1, fake_encoder.fingerprint)
    assert indexes.build(1, other, ABOUT_CARDS, now=NOW).from_scratch
    assert contents(before) != contents(indexes.open(1, other.fingerprint))


def test_two_builds_at_once_do_not_mix(indexes, fake_encoder):
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    space = indexes.stamp(1).space
    one, _ = indexes.tables.newest("v1", space)
    other, _ = indexes.tables.newest("v1", space)
    row = (["x"], ["0" * 32], ["1" * 32], fake_encoder.encode(["x"]))
    one.add(*row)
    with pytest.raises(IndexBusy):
        other.add(*row)
    one.remove(["0" * 32])
    one.finish(indexes.stamp(1))
    with pytest.raises(IndexBusy):
        other.finish(indexes.stamp(1))


def test_the_view_shows_whole_rows_of_the_champion_and_moves_with_it(
    indexes, server, fake_encoder, make_fake_encoder
):
    wider = make_fake_encoder(dimensions=96)
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    indexes.build(2, wider, ABOUT_CARDS[:3], now=NOW)
    indexes.show(1)
    rows = shown(server)
    assert [row[0] for row in rows] == ["d0", "d1", "d2", "d3"]
    assert {row[2:] for row in rows} == {(1, fake_encoder.fingerprint)}
    assert np.array_equal(np.float32(rows[0][1]), fake_encoder.encode(["lost card"])[0])
    with pytest.raises(IndexBusy, match="champion"):
        indexes.drop(1)
    with pytest.raises(IndexMissing):
        indexes.show(3)
    indexes.show(2)
    assert [(row[0], len(row[1]), row[2]) for row in shown(server)] == [
        ("d0", 96, 2),
        ("d1", 96, 2),
        ("d2", 96, 2),
    ]
    # Brought up to date, and built in another space: the view follows when the stamp is written.
    indexes.build(2, wider, ABOUT_CARDS, now=NOW)
    assert len(shown(server)) == 4
    indexes.build(2, fake_encoder, ABOUT_CARDS[:1], now=NOW)
    assert [(row[0], len(row[1])) for row in shown(server)] == [("d0", 64)]
    indexes.drop(1)
    assert indexes.numbers() == [2]


def test_the_view_does_not_move_to_rows_that_are_not_whole(indexes, server, fake_encoder):
    for number in (1, 2):
        indexes.build(number, fake_encoder, ABOUT_CARDS, now=NOW)
    indexes.show(1)
    with psycopg.connect(server) as connection:
        connection.execute(f"DELETE FROM {VIEW.rpartition('.')[0]}.v2_1 WHERE id = 'd0'")
    with pytest.raises(IndexUnusable, match="3 rows, but its stamp says 4"):
        indexes.show(2)
    assert {row[2] for row in shown(server)} == {1}


@pytest.mark.parametrize("name", ["cosine", "dot", "euclidean"])
def test_the_database_orders_by_the_similarity_of_the_model(indexes, fake_encoder, name):
    fake_encoder.similarity = similarity = Similarity(name)
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    table = indexes.tables.whole("v1")
    query = fake_encoder.encode(["card lost", "salt"])
    ids, rows = indexes.open(1, fake_encoder.fingerprint).vectors()
    for found, exact in zip(
        table.nearest(query, 2, name), similarity.between(query, rows), strict=True
    ):
        best = np.argsort(-exact)[:2]
        assert [id for id, _ in found] == [ids[place] for place in best]
        assert [score for _, score in found] == pytest.approx(list(exact[best]), abs=1e-5)
    many = Space("f" * 64, "title and text", 2_001, name)
    assert indexes.tables.can_approximate(indexes.stamp(1).space)
    assert not indexes.tables.can_approximate(many)


def test_a_large_index_is_approximate(indexes, vectors, fake_encoder):
    if not vectors:
        pytest.skip("the server has no pgvector: CREATE INDEX … USING hnsw is not run")
    documents = [Document(f"d{n}", f"text {n} card {n % 7}") for n in range(1_200)]
    settings = IndexSettings(uri=indexes.settings.uri, ann_above=1_000)
    large = Indexes(settings, indexes.root, indexes.state, MODEL)
    built = large.build(1, fake_encoder, documents, now=NOW)
    assert built.approximate
    assert built.recall > 0.9
    assert large.build(1, fake_encoder, documents[:1_100], now=NOW).recall > 0.9


def test_ids_that_are_no_text_are_refused(indexes, fake_encoder):
    for odd in ("nul\0", "half \ud800"):
        with pytest.raises(DataFault, match="rename the document"):
            indexes.build(1, fake_encoder, [Document(odd, "text")], now=NOW)


def test_a_database_without_the_extension_names_what_adds_it(server, fake_encoder, tmp_path):
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bare")
        connection.execute("CREATE DATABASE bare TEMPLATE template0")
    settings = IndexSettings(uri=server.replace("/postgres?", "/bare?"))
    bare = Indexes(settings, tmp_path, tmp_path, "model")
    assert bare.status() == []
    with pytest.raises(IndexUnusable, match="CREATE EXTENSION vector") as fault:
        bare.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    assert "tester" not in str(fault.value)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://someone:s3cret@127.0.0.1:9/app",
        "postgresql+psycopg://someone:s3cret@127.0.0.1:9/app?connect_timeout=2",
        "postgresql://127.0.0.1:9/app?user=someone&password=s3cret",
        "postgresql://127.0.0.1:9/app?user=someone&password=x@s3cret",
        "postgresql://someone:pa?s3cret@127.0.0.1:9/app",
        "postgresql://someone:pa/s3cret@127.0.0.1:9/app",
    ],
)
def test_no_message_shows_user_or_password(uri, tmp_path):
    settings = IndexSettings(uri=uri)
    with pytest.raises(DataFault) as fault:
        Indexes(settings, tmp_path, tmp_path, "model").status()
    for told in (str(fault.value), settings.place):
        assert "s3cret" not in told
        assert "someone" not in told


def test_a_role_that_is_refused_is_not_named(server, tmp_path):
    settings = IndexSettings(uri=server.replace("tester", quote("no such person")))
    with pytest.raises(IndexUnusable) as fault:
        Indexes(settings, tmp_path, tmp_path, "model").numbers()
    assert 'role "…" does not exist' in str(fault.value)


def test_a_missing_driver_names_the_command_that_installs_it(monkeypatch, tmp_path):
    for name in [each for each in sys.modules if each.startswith("pipeline.search.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    settings = IndexSettings(uri="postgresql://127.0.0.1/app")
    with pytest.raises(DataFault, match=r'pip install "anchorhold\[postgres\]"'):
        Indexes(settings, tmp_path, tmp_path, "model").status()
