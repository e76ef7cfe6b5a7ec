"""A year with faults ends as one in peace: `benchmarks/faulty_year.py` lives some weeks of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_weeks_with_faults_end_as_weeks_in_peace(tmp_path):
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "benchmarks" / "faulty_year.py")),
            *("--weeks", "6", "--seed", "3", "--json", str(figures)),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert figures.exists(), done.stderr[-2_000:]
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert found["struck"]
    assert (found["differences"], found["tracebacks"], found["stuck"]) == ([], [], [])
