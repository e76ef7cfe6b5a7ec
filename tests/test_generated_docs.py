"""Generated pages: each is what the code says now."""

import runpy
from pathlib import Path

import pytest

GENERATE = runpy.run_path(str(Path(__file__).parent.parent / "docs" / "generate.py"))


@pytest.mark.parametrize("page", GENERATE["PAGES"])
def test_a_generated_page_is_what_the_code_says(page):
    assert GENERATE["stale"]([page]) == [], "run python docs/generate.py"
