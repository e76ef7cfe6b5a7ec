"""Vectors in Parquet: exported with their stamp, taken from users if they are the model's."""

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pipeline.search import Indexes, IndexSettings, SpaceMismatch
from training.encoding.similarity import Similarity
from training.faults import DataFault
from training.unlabelled import Document

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOCUMENTS = [Document(f"d{n}", f"card number {n} is lost") for n in range(30)]


@pytest.fixture
def indexes(tmp_path):
    return Indexes(IndexSettings(), tmp_path, tmp_path / ".anchorhold")


def vectors_of(encoder, documents=DOCUMENTS):
    return encoder.encode([each.whole for each in documents], kind="document")


def write(file, vectors, ids=None, **columns):
    ids = ids or [each.id for each in DOCUMENTS[: len(vectors)]]
    parquet.write_table(pa.table({"id": ids, "vector": list(vectors), **columns}), file)
    return file


def test_what_is_exported_can_be_taken_in_again_and_only_changed_texts_are_encoded(
    indexes, fake_encoder, tmp_path
):
    indexes.build(1, fake_encoder, DOCUMENTS, now=NOW)
    stamp = indexes.export(1, tmp_path / "vectors.parquet")
    table = parquet.read_table(tmp_path / "vectors.parquet")
    kept = json.loads(table.schema.metadata[b"anchorhold.stamp"])
    assert (kept["fingerprint"], kept["documents"]) == (fake_encoder.fingerprint, 30)
    assert (table.column_names, table.num_rows) == (["id", "digest", "vector"], stamp.documents)
    with pytest.raises(DataFault, match="exists already"):
        indexes.export(1, tmp_path / "vectors.parquet")
    changed = [*DOCUMENTS[1:], Document("d0", "another text")]
    built = indexes.build(2, fake_encoder, changed, now=NOW, vectors=tmp_path / "vectors.parquet")
    assert (built.given, built.encoded) == (29, 1)
    ids, vectors = indexes.open(2, fake_encoder.fingerprint).vectors()
    true = dict(zip([each.id for each in changed], vectors_of(fake_encoder, changed), strict=True))
    assert np.allclose(vectors, [true[id] for id in ids], atol=1e-6)
    assert not list((tmp_path / ".anchorhold" / "tmp").iterdir())


def test_vectors_of_another_model_are_refused_by_their_stamp(
    indexes, fake_encoder, make_fake_encoder, tmp_path
):
    other = make_fake_encoder(salt="other")
    indexes.build(1, other, DOCUMENTS, now=NOW)
    file = tmp_path / "vectors.parquet"
    indexes.export(1, file)
    with pytest.raises(SpaceMismatch, match=other.fingerprint[:12]):
        indexes.build(2, fake_encoder, DOCUMENTS, now=NOW, vectors=file)


def test_vectors_without_a_stamp_are_probed(indexes, fake_encoder, make_fake_encoder, tmp_path):
    good = write(tmp_path / "good.parquet", vectors_of(fake_encoder))
    built = indexes.build(1, fake_encoder, DOCUMENTS, now=NOW, vectors=good)
    assert (built.given, built.encoded) == (30, 0)
    wrong = {
        "another model": vectors_of(make_fake_encoder(salt="other")),
        "slightly another": vectors_of(fake_encoder) + 0.05,
        "rows that are mixed up": vectors_of(fake_encoder)[::-1],
    }
    for name, vectors in wrong.items():
        file = write(tmp_path / f"{name}.parquet", vectors)
        with pytest.raises(SpaceMismatch, match=r"cosine -?\d\.\d+ .*0\.999 is required"):
            indexes.build(2, fake_encoder, DOCUMENTS, now=NOW, vectors=file)
    assert indexes.numbers() == [1]


def test_unit_vectors_are_refused_for_a_model_that_gives_other_lengths(
    indexes, make_fake_encoder, tmp_path
):
    class Long(type(make_fake_encoder())):
        def encode(self, texts, **options):
            return 7 * super().encode(texts, **options)

    encoder = Long()
    encoder.similarity = Similarity("dot")
    file = write(tmp_path / "unit.parquet", vectors_of(encoder) / 7)
    with pytest.raises(SpaceMismatch, match=r"length 1\.000; the model's has 7\.000"):
        indexes.build(1, encoder, DOCUMENTS, now=NOW, vectors=file)


def test_files_that_hold_something_else_are_refused_in_one_sentence(
    indexes, fake_encoder, tmp_path
):
    vectors = vectors_of(fake_encoder)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 no")
    nan = vectors.copy()
    nan[3, 2] = np.nan
    files = {
        "no Parquet file": broken,
        "cannot be read|no Parquet file": tmp_path / "missing.parquet",
        "no column 'vector'": tmp_path / "columns.parquet",
        "must hold floats": tmp_path / "texts.parquet",
        "not finite": write(tmp_path / "nan.parquet", nan),
        "has 63 dimensions": write(tmp_path / "short.parquet", vectors[:, :63]),
        "same id": write(tmp_path / "twice.parquet", vectors, ids=["a"] * 30),
        "none of its ids": write(tmp_path / "unknown.parquet", vectors[:2], ids=["x", "y"]),
    }
    parquet.write_table(pa.table({"id": ["a"]}), files["no column 'vector'"])
    parquet.write_table(pa.table({"id": ["a"], "vector": ["b"]}), files["must hold floats"])
    for told, file in files.items():
        with pytest.raises(DataFault, match=told) as fault:
            indexes.build(1, fake_encoder, DOCUMENTS, now=NOW, vectors=file)
        assert file.name in str(fault.value)
    assert not list((tmp_path / ".anchorhold").glob("tmp/*")), "copies of what was refused"
