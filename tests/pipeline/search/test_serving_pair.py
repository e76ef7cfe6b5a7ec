"""Which index serves a version: its own, or an older one through a bridge."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.search import Bridge, Indexes, IndexSettings, SpaceMismatch, pair_for
from pipeline.search.bridge import bridge_file
from pipeline.search.serving_pair import bridges_folder
from training.unlabelled import Document

if TYPE_CHECKING:
    from conftest import FakeEncoder

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DOCUMENTS = [
    Document(str(number), f"{one} {other}")
    for number, (one, other) in enumerate(
        (one, other)
        for one in ("card", "hotel", "flight", "menu", "train")
        for other in ("lost", "booked", "paid", "gone", "late")
    )
]
TEXTS = [each.whole for each in DOCUMENTS]


@pytest.fixture
def indexes(tmp_path: Path) -> Indexes:
    return Indexes(IndexSettings(), tmp_path, tmp_path / ".anchorhold")


def bridge_between(new: "FakeEncoder", old: "FakeEncoder") -> Bridge:
    return Bridge.fit(
        "affine",
        new.encode(TEXTS),
        old.encode(TEXTS),
        new_space=new.fingerprint,
        old_space=old.fingerprint,
        unit=True,
    )


def test_a_version_searches_the_old_index_through_its_bridge_until_its_own_is_whole(
    indexes: Indexes, make_fake_encoder: "Callable[..., FakeEncoder]"
) -> None:
    old, new = make_fake_encoder(16, "old"), make_fake_encoder(12, "new")
    indexes.build(1, old, DOCUMENTS, now=NOW)
    assert pair_for(indexes, 2, new.fingerprint) is None
    bridge_between(new, old).save(bridge_file(bridges_folder(indexes), 2, 1))
    bridged = pair_for(indexes, 2, new.fingerprint)
    assert bridged is not None
    assert (bridged.table_version, bridged.bridge is None) == (1, False)
    found = [hits[0].id for hits in bridged.search(new.encode(TEXTS), 1)]
    assert sum(id == each.id for id, each in zip(found, DOCUMENTS, strict=True)) > 20
    indexes.build(2, new, DOCUMENTS, now=NOW)
    own = pair_for(indexes, 2, new.fingerprint)
    assert own is not None
    assert (own.table_version, own.bridge) == (2, None)


def test_a_bridge_of_another_space_serves_nobody(
    indexes: Indexes, make_fake_encoder: "Callable[..., FakeEncoder]"
) -> None:
    old, new, other = (make_fake_encoder(16, name) for name in ("old", "new", "other"))
    indexes.build(1, old, DOCUMENTS, now=NOW)
    bridge_between(new, old).save(bridge_file(bridges_folder(indexes), 2, 1))
    assert pair_for(indexes, 2, other.fingerprint) is None
    indexes.build(1, other, DOCUMENTS, now=NOW)
    assert pair_for(indexes, 2, new.fingerprint) is None


def test_an_own_index_of_another_space_is_refused_where_no_bridge_helps(
    indexes: Indexes, make_fake_encoder: "Callable[..., FakeEncoder]"
) -> None:
    old, new = make_fake_encoder(16, "old"), make_fake_encoder(16, "new")
    indexes.build(2, old, DOCUMENTS, now=NOW)
    with pytest.raises(SpaceMismatch):
        pair_for(indexes, 2, new.fingerprint)
