"""Bridges between embedding spaces: fitted, applied, kept on disk, refused elsewhere."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.search.bridge import KINDS, Bridge, bridge_file, bridges_of
from pipeline.search.stamp import SpaceMismatch
from training.faults import DataFault

Floats = NDArray[np.float32]


def unit(vectors: NDArray[np.floating]) -> Floats:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def texts_in(space: int, rows: int = 400, seed: int = 0) -> Floats:
    """Return unit vectors of texts around a mean, as embeddings are."""
    generator = np.random.default_rng(seed)
    return unit(generator.standard_normal((rows, space)) + 0.5)


def fitted(kind, new: Floats, old: Floats, **others) -> Bridge:
    others = {"new_space": "b" * 64, "old_space": "a" * 64, "unit": True, **others}
    return Bridge.fit(kind, new, old, **others)


def turned(vectors: Floats, width: int, seed: int = 1) -> Floats:
    """Return vectors in another space: turned, and stretched differently in each direction."""
    generator = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(generator.standard_normal((max(width, vectors.shape[1]),) * 2))
    stretch = np.linspace(0.5, 1.5, vectors.shape[1])
    return unit((vectors * stretch) @ turn[: vectors.shape[1], :width])


def error(bridge: Bridge, new: Floats, old: Floats) -> float:
    return float(np.linalg.norm(bridge.apply(new) - old, axis=1).mean())


def test_each_kind_is_closer_than_the_simpler_ones_on_texts_it_was_not_fitted_on() -> None:
    old = texts_in(12)
    new = turned(old, 12)
    errors = [error(fitted(kind, new[:300], old[:300]), new[300:], old[300:]) for kind in KINDS]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.2 < errors[0]


@pytest.mark.parametrize("width", [8, 20])
def test_spaces_of_other_lengths_are_bridged(width: int) -> None:
    old = texts_in(12)
    new = turned(old, width)
    for kind in ("procrustes", "affine"):
        bridge = fitted(kind, new[:300], old[:300])
        assert bridge.apply(new).shape == old.shape
        assert error(bridge, new[300:], old[300:]) < 0.7
    for kind in ("none", "mean_shift"):
        with pytest.raises(DataFault, match="vectors of equal length"):
            fitted(kind, new, old)


def test_an_affine_map_on_few_texts_is_no_worse_than_the_rotation() -> None:
    old = texts_in(40, rows=500)
    new = unit(turned(old, 40) + 0.05 * np.random.default_rng(2).standard_normal((500, 40)))
    few = slice(0, 60)
    rotation, affine = (
        error(fitted(kind, new[few], old[few]), new[100:], old[100:])
        for kind in ("procrustes", "affine")
    )
    assert affine < rotation * 1.05


def test_a_mapped_vector_is_a_unit_vector_only_where_the_old_space_has_unit_vectors() -> None:
    old, new = texts_in(6), texts_in(6, seed=3) * 3
    for kind in KINDS:
        norms = np.linalg.norm(fitted(kind, new, old).apply(new), axis=1)
        assert np.allclose(norms, 1, atol=1e-5)
    assert np.allclose(fitted("none", new, old, unit=False).apply(new), new)


def test_a_saved_bridge_maps_as_before(tmp_path: Path) -> None:
    old = texts_in(6)
    new = turned(old, 6)
    for kind in KINDS:
        bridge, file = fitted(kind, new, old), bridge_file(tmp_path, 3, 2)
        bridge.save(file)
        read = Bridge.load(file)
        assert (read.kind, read.new, read.old) == (kind, "b" * 64, "a" * 64)
        assert (read.apply(new) == bridge.apply(new)).all()


def test_a_bridge_is_refused_for_any_other_pair_of_spaces() -> None:
    old = texts_in(6)
    bridge = fitted("procrustes", turned(old, 6), old)
    bridge.check(new="b" * 64, old="a" * 64)
    for new, before in (("c" * 64, "a" * 64), ("b" * 64, "c" * 64), ("a" * 64, "b" * 64)):
        with pytest.raises(SpaceMismatch, match="another space"):
            bridge.check(new=new, old=before)
    with pytest.raises(DataFault, match=r"vectors \(n, 6\)"):
        bridge.apply(texts_in(7))


def test_a_changed_or_foreign_file_is_no_bridge(tmp_path: Path) -> None:
    old = texts_in(6)
    file = bridge_file(tmp_path, 3, 2)
    fitted("procrustes", turned(old, 6), old).save(file)
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataFault, match="was changed"):
        Bridge.load(file)
    file.write_bytes(content[:40])
    with pytest.raises(DataFault, match="cannot be read as a bridge"):
        Bridge.load(file)


def test_bridges_of_a_version_are_found_newest_index_first(tmp_path: Path) -> None:
    old = texts_in(6)
    for new, before in ((5, 3), (5, 12), (15, 4)):
        fitted("none", old, old).save(bridge_file(tmp_path, new, before))
    assert list(bridges_of(tmp_path, 5)) == [12, 3]
    assert not bridges_of(tmp_path / "nowhere", 5)
