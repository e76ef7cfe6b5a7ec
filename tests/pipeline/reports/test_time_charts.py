"""Charts over the cycles keep their rows apart."""

import warnings

import pytest

from pipeline.reports.course import Check, Course
from pipeline.reports.time_charts import course_chart

NAMES = ("out_of_distribution", "embedding_shift", "vocabulary", "text_shape", "quality_drop")


@pytest.mark.parametrize("cycles", [1, 3])
@pytest.mark.parametrize("fired", [False, True])
def test_the_rows_of_few_cycles_find_room_beside_each_other(cycles, fired):
    checks = tuple(Check(f"000{number}", 0.02, 0.1, fired) for number in range(cycles))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the library draws rows over one another, and warns
        drawn = course_chart([Course(name, checks) for name in NAMES])
    assert drawn.count("<svg") == 1
