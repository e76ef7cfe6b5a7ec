"""Tables that name tests: the requirements and the threat model name only tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "requirements.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [SN]\d+ \|", line)
]


@cache
def defined_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return {
        each.name.removeprefix("test_")
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        and each.name.startswith("test_")
    }


def test_every_requirement_has_one_row():
    expected = [f"S{n}" for n in range(1, 57)] + [f"N{n}" for n in range(1, 22)]
    assert [row[0] for row in ROWS] == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_its_state_and_pages_and_tests_that_exist(row):
    _, what, state, pages, tests = row
    assert what
    assert re.match(r"covered$|in part: .|open: .", state)
    links = re.findall(r"\]\(([^)]+)\)", pages)
    assert links
    assert all((PAGE.parent / link).is_file() for link in links)
    named = re.findall(r"`([^`:]+)::([^`]+)`", tests)
    assert named or state.startswith("open")
    for file, name in named:
        assert name in defined_in(file), f"{file}::{name}"


def test_the_sums_are_those_of_the_table():
    covered, in_part, still_open = map(
        int,
        re.search(
            r"Today (\d+) rows are covered, (\d+) in part, and (\d+) open", PAGE.read_text("utf-8")
        ).groups(),
    )
    states = [re.split(r"[: ]", row[2])[0] for row in ROWS]
    assert (covered, in_part, still_open) == tuple(
        states.count(each) for each in ("covered", "in", "open")
    )


def test_each_attack_of_the_threat_model_names_tests_that_exist():
    page = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    tried = page.partition("## What was tried")[2].partition("\n## ")[0]
    rows = [line for line in tried.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`([^`:]+)::test_([^`]+)`", row)
        assert named, row
        for file, name in named:
            assert name in defined_in(file), f"{file}::{name}"
