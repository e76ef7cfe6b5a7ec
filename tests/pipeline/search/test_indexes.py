"""Indexes in a real LanceDB: built, brought up to date, opened, refused and kept."""

from datetime import UTC, datetime

import numpy as np
import pytest

from pipeline.search import (
    Indexes,
    IndexMissing,
    IndexSettings,
    SpaceMismatch,
    Stamp,
)
from training.faults import DataFault
from training.unlabelled import Document

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def documents_of(*texts):
    return [Document(f"d{number}", text) for number, text in enumerate(texts)]


ABOUT_CARDS = documents_of("lost card", "card gone", "book a flight", "cook salt")


@pytest.fixture
def indexes(tmp_path):
    return Indexes(IndexSettings(), tmp_path, tmp_path / ".anchorhold")


def contents(index):
    ids, vectors = index.vectors()
    return dict(zip(ids, map(bytes, vectors), strict=True))


def test_what_was_built_is_found_by_the_similarity_of_the_model(indexes, fake_encoder):
    built = indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    assert (built.documents, built.encoded, built.removed) == (4, 4, 0)
    index = indexes.open(1, fake_encoder.fingerprint)
    assert isinstance(index.stamp, Stamp)
    assert index.stamp.made == NOW.isoformat()
    query = fake_encoder.encode(["lost card"])
    hits = index.search(query, 2)[0]
    vectors = fake_encoder.encode([each.whole for each in ABOUT_CARDS], kind="document")
    exact = (query @ vectors.T)[0]
    assert [hit.id for hit in hits] == ["d0", "d1"]
    assert [hit.score for hit in hits] == pytest.approx([exact[0], exact[1]], abs=1e-6)


def test_only_what_changed_is_encoded_again(indexes, fake_encoder):
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    fake_encoder.encoded.clear()
    changed = [*ABOUT_CARDS[:2], Document("d2", "book a train"), Document("new", "my money")]
    built = indexes.build(1, fake_encoder, changed, now=NOW)
    assert (built.encoded, built.unchanged, built.removed) == (2, 2, 1)
    assert fake_encoder.encoded[:2] == ["book a train", "my money"]
    assert sorted(fake_encoder.encoded[2:]) == sorted(each.whole for each in changed), "verified"
    fresh = Indexes(IndexSettings(uri="other"), indexes.root, indexes.state)
    fresh.build(1, fake_encoder, changed, now=NOW)
    one, other = (each.open(1, fake_encoder.fingerprint) for each in (indexes, fresh))
    assert contents(one) == contents(other)
    assert one.stamp == other.stamp


def test_vectors_of_another_space_are_refused_though_their_length_fits(
    indexes, fake_encoder, make_fake_encoder
):
    other = make_fake_encoder(salt="other")
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    with pytest.raises(SpaceMismatch) as fault:
        indexes.open(1, other.fingerprint)
    for told in (fake_encoder.fingerprint[:12], other.fingerprint[:12], "anchorhold index build 1"):
        assert told in str(fault.value)
    built = indexes.build(1, other, ABOUT_CARDS, now=NOW)
    assert built.from_scratch.startswith("its vectors had fingerprint")
    assert built.encoded == len(ABOUT_CARDS)
    indexes.open(1, other.fingerprint)


def test_documents_that_were_cut_another_way_are_refused(indexes, fake_encoder):
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    settings = IndexSettings(chunker="paragraphs")
    others = Indexes(settings, indexes.root, indexes.state)
    with pytest.raises(SpaceMismatch, match="paragraphs"):
        others.open(1, fake_encoder.fingerprint)
    assert "preparation" in others.build(1, fake_encoder, ABOUT_CARDS, now=NOW).from_scratch


def test_an_index_that_is_not_there_names_the_command(indexes, fake_encoder):
    with pytest.raises(IndexMissing, match="anchorhold index build 7"):
        indexes.open(7, fake_encoder.fingerprint)


def test_an_empty_corpus_gives_an_index_that_finds_nothing(indexes, fake_encoder):
    indexes.build(1, fake_encoder, [], now=NOW)
    index = indexes.open(1, fake_encoder.fingerprint)
    assert index.search(fake_encoder.encode(["card"])) == [[]]
    assert index.vectors()[1].shape == (0, fake_encoder.dimensions)


def test_ids_may_be_any_text(indexes, fake_encoder):
    names = ["it's", 'a "b"', "back\\slash", "line\nbreak", "null\0", "\u202eemoji 🙂", "%_;--"]
    documents = [Document(name, f"text {place}") for place, name in enumerate(names)]
    indexes.build(1, fake_encoder, documents, now=NOW)
    indexes.build(1, fake_encoder, documents[1:], now=NOW)
    index = indexes.open(1, fake_encoder.fingerprint)
    assert index.vectors()[0] == sorted(names[1:])
    ids, vectors = index.vectors(["back\\slash", "not there", "it's"])
    assert ids == ["back\\slash"]
    assert np.array_equal(vectors[0], fake_encoder.encode(["text 2"])[0])


def test_a_changed_vector_is_named_and_the_next_build_makes_all_of_them_again(
    indexes, fake_encoder
):
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    before = contents(indexes.open(1, fake_encoder.fingerprint))
    (data,) = (indexes.root / indexes.settings.uri / "v1.lance" / "data").glob("*.lance")
    content = data.read_bytes()
    vector = before["d1"]
    assert content.count(vector) == 1
    changed = bytes([vector[0] ^ 1]) + vector[1:]
    data.write_bytes(content.replace(vector, changed))
    again = Indexes(indexes.settings, indexes.root, indexes.state)
    index = again.open(1, fake_encoder.fingerprint)
    with pytest.raises(DataFault, match="anchorhold index build 1"):
        index.search(fake_encoder.encode(["lost card"]))
    built = again.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    assert (built.encoded, "not those that were written" in built.from_scratch) == (4, True)
    assert contents(again.open(1, fake_encoder.fingerprint)) == before


@pytest.mark.parametrize("file", ["_refs/tags/whole.json", "_versions/*.manifest", "data/*.lance"])
def test_a_damaged_table_is_made_again_by_the_commands_that_are_named(indexes, fake_encoder, file):
    indexes.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    before = contents(indexes.open(1, fake_encoder.fingerprint))
    (damaged,) = (indexes.root / indexes.settings.uri / "v1.lance").glob(file)
    damaged.write_bytes(damaged.read_bytes()[:20])
    again = Indexes(indexes.settings, indexes.root, indexes.state)
    with pytest.raises(DataFault, match=r"index drop VERSION.*index build VERSION"):
        again.open(1, fake_encoder.fingerprint).vectors()
    again.drop(1)
    again.build(1, fake_encoder, ABOUT_CARDS, now=NOW)
    assert contents(again.open(1, fake_encoder.fingerprint)) == before


def test_one_index_is_deleted_and_the_others_stay(indexes, fake_encoder):
    for version in (1, 2, 3):
        indexes.build(version, fake_encoder, ABOUT_CARDS, now=NOW)
    assert [stamp.version for stamp in indexes.status()] == [1, 2, 3]
    indexes.drop(1)
    assert indexes.numbers() == [2, 3]
