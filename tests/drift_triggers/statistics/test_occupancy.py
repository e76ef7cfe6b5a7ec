"""How recent texts fill the regions of the known ones."""

import numpy as np
import pytest
from made_windows import REFERENCE, asked

from drift_triggers.statistics.occupancy import Occupancy
from drift_triggers.statistics.view import View


def occupied(recent):
    return Occupancy.of(View.of(REFERENCE, 2000), View.of(recent, 2000), 7)


def test_the_same_topics_fill_the_regions_as_chance_lets_them():
    found = occupied(asked(2, 400))
    assert found.total_variation == pytest.approx(found.by_chance, abs=0.1)
    assert found.known.sum() == pytest.approx(1.0)
    assert found.recent.sum() == pytest.approx(1.0)


def test_one_topic_alone_leaves_the_regions_of_the_others_empty():
    found = occupied(asked(2, 400, (0,)))
    assert found.total_variation > 0.5 > 2 * found.by_chance
    assert 0.0 < found.jensen_shannon <= 1.0
    grown = int(np.argmax(found.recent - found.known))
    assert found.recent[grown] > 2 * found.known[grown]


def test_what_chance_makes_shrinks_with_the_number_of_texts():
    assert occupied(asked(2, 60)).by_chance > occupied(asked(2, 400)).by_chance
