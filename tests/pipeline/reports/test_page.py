"""Pages: whole files, user text escaped, nothing that runs or is fetched."""

import re

import pytest

from pipeline.reports.page import write_page
from pipeline.results import CompareResult

HOSTILE = "<script>alert('x')</script> {{ 7 * 7 }}"
HIT = {"document": "d1", "text": HOSTILE, "similarity": 0.5, "relevant": True}


@pytest.fixture
def compared():
    return CompareResult.model_validate(
        {
            "metric": "ndcg_at_10",
            "confidence": 0.95,
            "versions": [{"version": 1, "aliases": ["previous"]}, {"version": 2}],
            "sets": [],
            "tasks": [
                {
                    "task": HOSTILE,
                    "queries": 6,
                    "means": [0.5, 0.6],
                    "differences": [
                        {
                            "difference": 0.1,
                            "low": 0.05,
                            "high": 0.3,
                            "better": 2,
                            "worse": 1,
                            "ties": 3,
                        }
                    ],
                }
            ],
            "regressions": [
                {
                    "version": 2,
                    "changes": [
                        {
                            "task": HOSTILE,
                            "worse": 1,
                            "better": 2,
                            "ties": 3,
                            "dark": 1,
                            "found": 5,
                            "vanished": 6,
                        }
                    ],
                    "worst_queries": [
                        {
                            "task": "new",
                            "query": "q",
                            "text": HOSTILE,
                            "before": 1.0,
                            "after": 0.5,
                            "rank_before": 1,
                            "rank_after": None,
                            "old": [HIT],
                            "new": [HIT],
                        }
                    ],
                    "dark_documents": [
                        {
                            "task": "new",
                            "document": "d1",
                            "text": HOSTILE,
                            "query": HOSTILE,
                            "rank": 2,
                        }
                    ],
                }
            ],
            "notes": [HOSTILE],
        }
    )


def test_a_comparison_is_shown_whole_and_runs_nothing(tmp_path, compared):
    values = {"model": HOSTILE, "result": compared, "intervals_chart": "<svg>drawn</svg>"}
    place = write_page(tmp_path / "deep" / "page.html", "compare.html", values)
    page = place.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "{{ 7 * 7 }}" in page
    assert "49" not in page
    assert "<svg>drawn</svg>" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert "+0.1000" in page
    assert "rank 1 → beyond 10" in page
    assert [file.name for file in place.parent.iterdir()] == ["page.html"]


def test_a_page_that_cannot_be_filled_leaves_the_old_one(tmp_path):
    place = tmp_path / "page.html"
    place.write_text("before")
    with pytest.raises(Exception, match="undefined"):
        write_page(place, "compare.html", {"model": "m"})
    assert place.read_text() == "before"
