"""The guard on what arrives."""

from dataclasses import replace

import numpy as np
import pytest

from drift_triggers.data_quality import DataQuality
from drift_triggers.signal import Observation, PairFacts, Sample

NONE = Sample((), np.empty((0, 2), np.float32))
PAIRS = tuple((f"query {n}", f"positive {n}") for n in range(100))
SOURCES = tuple("web" if n % 2 else "mail" for n in range(100))
FACTS = PairFacts(PAIRS, (), SOURCES, 100, 0, frozenset({"query", "positive"}), {})


def check(history=FACTS, **changes):
    facts = replace(FACTS, **changes)
    return DataQuality().check(Observation(NONE, NONE, recent_pairs=facts, reference_pairs=history))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"quarantined": 11}, "refused 11 of 100 records"),
        ({"missing": {"positive": 6}}, "6 of 100 records lack column 'positive'"),
        ({"fields": frozenset({"query"})}, "the schema changed: column 'positive'"),
        ({"pairs": (("query", " "),) * 6 + PAIRS[6:]}, "6 of 100 pairs have an empty side"),
        ({"pairs": PAIRS[:40] + PAIRS[:1] * 60}, "60% of the pairs repeat another"),
        ({"negatives": PAIRS[:6]}, "6% of the queries have a text labelled both right and wrong"),
        ({"sources": ("web",) * 100}, "source 'mail' stopped"),
        ({"missing": {"query": 9, "other": 3}}, "9 of 100 records lack column 'query', 0% of the"),
    ],
)
def test_each_fault_blocks_and_is_told_with_its_figures(changes, told):
    signal = check(**changes)
    assert signal.fired
    assert signal.blocks
    assert told in signal.reason


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"quarantined": 10},
        {"sources": ("chat",) * 100},
        {"sources": ()},
        {"fields": frozenset({"query", "positive", "negative"})},
        {"fields": frozenset()},
        {"pairs": PAIRS[:3], "records": 3, "quarantined": 1},
        {"pairs": tuple((query, f"{positive} again") for query, positive in PAIRS)},
    ],
)
def test_what_may_happen_on_any_day_passes(changes):
    assert not check(**changes).fired


def test_a_column_that_the_history_lacked_too_is_no_fault():
    history = replace(FACTS, missing={"source": 50})
    assert not check(history, missing={"source": 90}).fired


def test_a_column_that_was_seldom_filled_may_vanish_and_is_told():
    history = replace(FACTS, fields=FACTS.fields | {"source"}, missing={"source": 50})
    signal = check(history)
    assert not signal.fired
    assert "column 'source' no longer arrives" in signal.reason


def test_an_optional_column_may_vanish_even_if_all_of_the_history_has_it():
    assert not check(replace(FACTS, fields=FACTS.fields | {"negative"})).fired


def test_a_new_column_is_told():
    signal = check(fields=FACTS.fields | {"source"}, missing={"source": 60})
    assert not signal.fired
    assert signal.reason.endswith("column 'source' is new")


def test_a_few_records_show_no_change_of_columns():
    signal = check(fields=frozenset({"query"}), records=3, pairs=PAIRS[:3])
    assert (signal.fired, signal.measured) == (False, False)


def test_a_missing_source_shows_in_fewer_records_than_a_share_needs():
    signal = check(records=18, pairs=PAIRS[:18], sources=("web",) * 18)
    assert (signal.fired, signal.measured) == (True, True)


def test_without_records_nothing_is_measured():
    assert not DataQuality().check(Observation(NONE, NONE)).measured
