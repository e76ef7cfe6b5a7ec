"""Comparison of versions: the same queries, every task, with intervals."""

import pytest

from pipeline.compare import compare_versions
from training.pairs import DataFault


def test_versions_stand_side_by_side_on_every_task_that_one_of_them_knows(wheel):
    found = compare_versions(wheel, ["1", "champion"])
    assert [each["version"] for each in found["versions"]] == [1, 2]
    assert "champion" in found["versions"][1]["aliases"]
    rows = {row["task"]: row for row in found["tasks"]}
    assert set(rows) == {"anchor/bank", "anchor/learned-0002"}
    for row in rows.values():
        versus = row["differences"][0]
        assert versus["difference"] == pytest.approx(row["means"][1] - row["means"][0])
        assert versus["low"] <= versus["difference"] <= versus["high"]
        assert versus["better"] + versus["worse"] <= row["queries"]


def test_one_version_alone_is_nothing_to_compare(wheel):
    with pytest.raises(DataFault, match="two different versions"):
        compare_versions(wheel, ["2", "champion"])
