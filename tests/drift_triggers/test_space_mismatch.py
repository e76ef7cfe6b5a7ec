"""Vectors of two spaces must never meet."""

import numpy as np
import pytest

from drift_triggers.signal import Observation, Sample, Space
from drift_triggers.space_mismatch import SpaceMismatch

NONE = Sample((), np.empty((0, 2), np.float32))
PROBES = np.eye(4, 8, dtype=np.float32)
ACCEPTED = Space("aaaa", "tttt", PROBES)


def check(serving=ACCEPTED, index=("aaaa",)):
    seen = Observation(
        NONE, NONE, accepted_space=ACCEPTED, serving_space=serving, index_fingerprints=index
    )
    return SpaceMismatch().check(seen)


def test_one_space_throughout_passes_with_the_rounding_of_another_machine():
    assert not check().fired
    rounded = PROBES + np.float32(1e-4) * np.ones_like(PROBES)
    assert not check(Space("aaaa", "tttt", rounded)).fired


@pytest.mark.parametrize(
    ("serving", "index", "told"),
    [
        (Space("bbbb", "tttt", PROBES), ("aaaa",), "serving encoder bbbb... instead of aaaa..."),
        (Space("aaaa", "uuuu", PROBES), ("aaaa",), "tokenizer uuuu... instead of tttt..."),
        (Space("aaaa", "tttt", PROBES[::-1].copy()), ("aaaa",), "probes moved by up to 1.000"),
        (Space("aaaa", "tttt", PROBES[:, :6]), ("aaaa",), "shape (4, 6) instead of (4, 8)"),
        (ACCEPTED, ("aaaa", "cccc"), "index vectors of cccc... instead of aaaa..."),
    ],
)
def test_each_mismatch_blocks_and_names_both_sides(serving, index, told):
    signal = check(serving, index)
    assert signal.fired
    assert signal.blocks
    assert told in signal.reason


def test_unknown_identities_are_no_mismatch_and_nothing_is_measured():
    signal = check(Space(""), ())
    assert (signal.fired, signal.measured) == (False, False)


def test_the_index_alone_can_be_compared():
    seen = {"accepted_space": ACCEPTED, "index_fingerprints": ("aaaa",)}
    signal = SpaceMismatch().check(Observation(NONE, NONE, **seen))
    assert (signal.fired, signal.measured) == (False, True)
