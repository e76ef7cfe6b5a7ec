"""The OpenAPI page says what the service does: requests made from it find nothing."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest


def test_the_page_describes_every_route_without_scripts(url):
    page = httpx.get(f"{url}/openapi.json").json()
    assert set(page["paths"]) == {
        "/v1/embeddings", "/embed", "/info", "/search", "/feedback", "/health", "/ready", "/metrics",
    }  # fmt: skip
    assert page["components"]["schemas"]["SearchBody"]["properties"]["k"]["maximum"] == 100
    for path in ("/docs", "/redoc"):
        assert httpx.get(f"{url}{path}").status_code == 404


@pytest.mark.parametrize(
    "examples", [4, pytest.param(40, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_schemathesis_finds_nothing(url, tmp_path, examples):
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json", "--max-examples",
        str(examples), "--seed", "1", "--workers", "1", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout
