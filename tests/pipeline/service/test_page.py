"""The OpenAPI page says what the service does: requests made from it find nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from serving import serving, wait_until_ready


@pytest.fixture(scope="module")
def short(tmp_path_factory, indexed_once):
    """Return the address of a service whose texts are never too long for the model."""
    space = shutil.copytree(indexed_once, tmp_path_factory.mktemp("short") / "space")
    settings = space / "anchorhold.toml"
    limits = "max_inputs = 20\nmax_characters = 30\n"
    settings.write_text(settings.read_text(encoding="utf-8") + limits, encoding="utf-8")
    with serving(space) as address:
        wait_until_ready(address)
        yield address


def test_the_page_describes_every_route_without_scripts(url):
    page = httpx.get(f"{url}/openapi.json").json()
    assert set(page["paths"]) == {
        "/v1/embeddings", "/embed", "/info", "/search", "/feedback", "/health", "/ready",
        "/metrics",
    }  # fmt: skip
    assert page["components"]["schemas"]["SearchBody"]["properties"]["k"]["maximum"] == 100
    for path in ("/docs", "/redoc"):
        assert httpx.get(f"{url}{path}").status_code == 404


@pytest.mark.parametrize(
    "examples", [4, pytest.param(40, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_schemathesis_finds_nothing(short, tmp_path, examples):
    program = Path(sys.executable).with_name("schemathesis")
    options = f"--max-examples {examples} --seed 1 --workers 1 --no-color".split()
    command = [program, "run", f"{short}/openapi.json", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert done.returncode == 0, _short(done.stdout)
    assert "No issues found" in done.stdout


def _short(report: str) -> str:
    return "\n".join(line[:300] for line in report.splitlines())[-8000:]
