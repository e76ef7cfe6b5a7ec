import shutil

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import load_file, save_file

from training.encoding.encoder import Encoder, fingerprint
from training.faults import DataFault
from training.retention.merge import Merge, interpolate

WEIGHTS = "model.safetensors"


@pytest.fixture
def candidate(tiny_model, tmp_path):
    folder = shutil.copytree(tiny_model, tmp_path / "candidate")
    moved = {
        key: value + np.float32(0.5) if value.dtype == np.float32 else value
        for key, value in load_file(folder / WEIGHTS).items()
    }
    save_file(moved, folder / WEIGHTS, metadata={"format": "pt"})
    return folder


def test_a_blend_lies_between_its_parents(tiny_model, candidate, tmp_path):
    folder = interpolate(tiny_model, candidate, 0.25, output=tmp_path / "blend")
    old, blend = load_file(tiny_model / WEIGHTS), load_file(folder / WEIGHTS)
    for key, value in old.items():
        if value.dtype == np.float32:
            assert np.allclose(blend[key], value + 0.125, atol=1e-6)
    assert Encoder.load(folder).fingerprint not in {fingerprint(tiny_model), fingerprint(candidate)}


def test_the_ends_are_the_parents(tiny_model, candidate, tmp_path):
    for share, parent in ((0.0, tiny_model), (1.0, candidate)):
        blend = interpolate(tiny_model, candidate, share, output=tmp_path / f"blend{share}")
        assert fingerprint(blend) == fingerprint(parent)


def test_everything_but_the_weights_is_kept(tiny_model, candidate, tmp_path):
    blend = interpolate(tiny_model, candidate, 0.5, output=tmp_path / "blend")
    for file in candidate.rglob("*"):
        if file.is_file() and file.name != WEIGHTS:
            assert (blend / file.relative_to(candidate)).read_bytes() == file.read_bytes()


def test_a_finished_blend_is_not_made_again_and_another_replaces_it(
    tiny_model, candidate, tmp_path
):
    blend = interpolate(tiny_model, candidate, 0.5, output=tmp_path / "blend")
    made = (blend / WEIGHTS).stat().st_mtime_ns
    assert (
        interpolate(tiny_model, candidate, 0.5, output=blend) / WEIGHTS
    ).stat().st_mtime_ns == made
    assert (
        interpolate(tiny_model, candidate, 0.6, output=blend) / WEIGHTS
    ).stat().st_mtime_ns > made


def test_other_architectures_do_not_merge(tiny_model, candidate, tmp_path):
    weights = load_file(candidate / WEIGHTS)
    weights.pop(sorted(weights)[0])
    save_file(weights, candidate / WEIGHTS)
    with pytest.raises(DataFault, match="have different weights"):
        interpolate(tiny_model, candidate, 0.5, output=tmp_path / "blend")
    (candidate / WEIGHTS).rename(candidate / "other.safetensors")
    with pytest.raises(DataFault, match="have different weight files"):
        interpolate(tiny_model, candidate, 0.5, output=tmp_path / "blend")


def scored(**scores):
    """Judge folders by the end of their names: `champion`, `candidate` or the share of a blend."""
    table = {name.replace("s0", "0."): value for name, value in scores.items()}

    def judge(folder):
        return next(value for name, value in table.items() if folder.name.endswith(name))

    return judge


@pytest.fixture
def champion(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "champion")


def test_the_blend_that_forgets_least_at_the_same_gain_is_chosen(champion, candidate, tmp_path):
    judge = scored(
        champion=(0.5, 0.8),
        candidate=(0.7, 0.7),
        s04=(0.6, 0.81),
        s06=(0.69, 0.79),
        s08=(0.7, 0.75),
    )
    merged = Merge(shares=(0.8, 0.4, 0.6)).choose(
        champion, candidate, judge, output=tmp_path / "out"
    )
    assert merged.share == 0.6
    assert merged.folder == tmp_path / "out"
    assert [blend.share for blend in merged.curve] == [0.0, 0.4, 0.6, 0.8, 1.0]
    assert "60%" in merged.reason
    assert sorted(f.name for f in tmp_path.iterdir()) == ["candidate", "champion", "out"]


def test_a_candidate_that_forgot_nothing_is_left_alone(champion, candidate, tmp_path):
    judge = scored(champion=(0.5, 0.8), candidate=(0.7, 0.85), s05=(0.7, 0.83))
    merged = Merge(shares=(0.5,)).choose(champion, candidate, judge, output=tmp_path / "out")
    assert (merged.folder, merged.share) == (candidate, 1.0)
    assert not (tmp_path / "out").exists()


def test_where_the_candidate_lost_on_both_tasks_the_blend_that_lost_less_is_chosen(
    champion, candidate, tmp_path
):
    judge = scored(champion=(0.5, 0.8), candidate=(0.4, 0.6), s05=(0.45, 0.7))
    merged = Merge(shares=(0.5,)).choose(champion, candidate, judge, output=tmp_path / "out")
    assert merged.share == 0.5


def foretold(**chances):
    table = {name.replace("s0", "0."): value for name, value in chances.items()}
    return lambda folder: next(v for name, v in table.items() if folder.name.endswith(name))


def test_the_candidate_that_gains_most_on_average_is_chosen(champion, candidate, tmp_path):
    judge = scored(
        champion=(0.5, 0.8),
        candidate=(0.7, 0.7),
        s04=(0.55, 0.81),
        s06=(0.69, 0.75),
        s08=(0.7, 0.7),
    )
    chance = foretold(candidate=0.2, s04=0.9, s06=0.6, s08=0.3)
    merged = Merge(shares=(0.4, 0.6, 0.8), kept_gain=0.0).choose(
        champion, candidate, judge, output=tmp_path / "out", chance=chance
    )
    assert merged.share == 0.6, "0.6 of 0.19 is more than 0.9 of 0.05 and 0.2 of 0.2"
    assert [blend.chance for blend in merged.curve] == [None, 0.9, 0.6, 0.3, 0.2]
    assert "chance to pass 0.60 instead of 0.20" in merged.reason


def test_a_blend_that_loses_too_much_of_the_gain_is_not_sent(champion, candidate, tmp_path):
    judge = scored(champion=(0.5, 0.8), candidate=(0.7, 0.7), s05=(0.6, 0.8))
    merged = Merge(shares=(0.5,), kept_gain=0.8).choose(
        champion, candidate, judge, output=tmp_path / "out", chance=foretold(candidate=0.1, s05=0.9)
    )
    assert (merged.folder, merged.share) == (candidate, 1.0)


def test_where_nothing_gains_the_likeliest_is_sent(champion, candidate, tmp_path):
    judge = scored(champion=(0.5, 0.8), candidate=(0.4, 0.6), s05=(0.45, 0.7))
    merged = Merge(shares=(0.5,)).choose(
        champion,
        candidate,
        judge,
        output=tmp_path / "out",
        chance=foretold(candidate=0.01, s05=0.1),
    )
    assert merged.share == 0.5


def test_without_shares_nothing_is_judged(champion, candidate, tmp_path):
    merged = Merge().choose(
        champion, candidate, lambda _: pytest.fail("judged"), output=tmp_path / "out"
    )
    assert merged.folder == candidate


def test_a_share_outside_its_range_is_refused():
    with pytest.raises(ValidationError, match=r"merge\.shares holds 1\.0"):
        Merge(shares=(0.5, 1.0))
