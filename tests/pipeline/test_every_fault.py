"""Each call of a command that changes something fails in turn; the next command makes it good.

A few faults are met by default, more by `make test-all`, all by `benchmarks/faults.py`.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from end_states import difference, end_state
from every_fault import CASES, PROVED, Lives, spread

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork and /proc")

QUICK = {"first run": 1, "learning run": 1, "promote": 2, "rollback": 2, "discard": 1, "erase": 2}
"""How many faults of a case `make test` meets."""

STRIDES = {"first run": 40, "learning run": 80, "quiet run": 8, "approved run": 8, "erase": 16}
"""Of which cases `make test-all` meets one fault in so many; of the others, it meets all."""

ONCE = [
    ("erase", "error", "remove", "erasing/.*/anchors/.*/qrels"),
    ("erase", "error", "remove", "erasing/.*memory/pairs"),
    ("erase", "kill", "remove", "ranking.npz"),
    ("approved run", "kill", "statement", "DELETE FROM registered_model_aliases"),
    ("learning run", "full", "statement", "INSERT INTO inputs"),
]
"""Faults that once left something, or were told by a traceback: case, kind, call, what about."""

SHARDS = 4
"""Into how many tests the faults of a case are divided."""


@pytest.fixture(scope="module")
def lives(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, empty_tracking_store: Path
) -> Iterator[Lives]:
    """Return the lives, on the quickest disk that there is."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a process that is forked has none of the threads
    quick = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path_factory.mktemp("lives")
    with (
        tempfile.TemporaryDirectory(prefix="lives-", dir=quick) as place,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TOKENIZERS_PARALLELISM", "false")
        yield Lives(Path(place), tiny_model, empty_tracking_store)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("case", QUICK)
def test_a_fault_leaves_what_an_undisturbed_command_leaves(lives, case):
    everything = list(spread(lives, case, 1))
    # The odd step meets another kind of call each time.
    step = len(everything) // QUICK[case] | 1
    for kind, number in everything[step // 2 :: step]:
        met = lives.meet(case, kind, number)
        assert met.is_fine, str(met)


@pytest.mark.parametrize(("case", "kind", "call", "about"), ONCE)
def test_what_a_fault_once_left_is_left_no_more(lives, case, kind, call, about):
    ended, _ = lives.undisturbed(case)
    asked = [
        number
        for number, point in enumerate(ended.points, 1)
        if point.call == call and re.search(about, point.about)
    ]
    for number in {asked[0], asked[-1]}:
        met = lives.meet(case, kind, number)
        assert met.is_fine, str(met)


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("case", PROVED)
def test_none_of_many_faults_leaves_anything_else(lives, case, shard):
    stride = STRIDES.get(case, 1)
    chosen = spread(lives, case, SHARDS * stride, shard * stride)
    found = [lives.meet(case, *each) for each in chosen]
    bad = [str(each) for each in found if not each.is_fine]
    assert not bad, "\n\n".join([f"{len(bad)} of {len(found)}", *bad[:20]])


@pytest.mark.parametrize("case", QUICK)
def test_no_file_is_made_past_the_points_that_can_fail(lives, case):
    ended, _ = lives.undisturbed(case)
    assert ended.points
    assert not ended.unseen


@pytest.mark.slow
def test_two_undisturbed_lives_end_alike(lives):
    for case in ("first run", "learning run"):
        _, expected = lives.undisturbed(case)
        lives.begin(case)
        assert lives.life.command(*CASES[case].words).status == 0
        differs = difference(expected, end_state(lives.life.place))
        assert not differs, str(differs)
