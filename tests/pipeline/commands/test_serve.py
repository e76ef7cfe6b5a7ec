"""`anchorhold serve` as a process: it is stopped in order, and beside it a run can work."""

import json
import os
import re
import signal
import subprocess
import sys
import threading

import httpx
import pytest
from serving import wait_until_ready, with_documents


@pytest.fixture
def process(turned):
    with_documents(turned)
    command = [sys.executable, "-m", "pipeline", "serve", "-w", turned, "--port", "0", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ) as started:  # fmt: skip
        yield started
        started.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_when_its_requests_are_answered(process, number):
    url = re.search(r"http://[\d.:]+", process.stderr.readline())[0]
    wait_until_ready(url)
    answers = []
    body = {"input": [f"where is my card {place}" for place in range(1500)]}
    asking = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{url}/v1/embeddings", json=body, timeout=60))
    )
    asking.start()
    while "anchorhold_requests_in_progress 2.0" not in httpx.get(f"{url}/metrics").text:
        assert asking.is_alive()
    process.send_signal(number)
    told = json.loads(process.stdout.read())
    asking.join()
    assert process.wait(60) == 0
    assert answers[0].status_code == 200
    assert len(answers[0].json()["data"]) == 1500
    assert (told["version"], told["swaps"], told["load_failures"]) == (2, 1, 0)
