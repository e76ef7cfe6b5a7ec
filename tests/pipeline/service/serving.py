"""A real service on this machine, in a thread, for tests."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from conftest import name_corpus
from made_streams import write_lines

from pipeline import Workspace

_Found = TypeVar("_Found")

DOCUMENTS = [
    {"id": f"d{number}", "title": f"title {number}", "text": f"the {word} is {number}"}
    for number, word in enumerate(["bank card", "hotel", "flight", "recipe", "salt", "train"] * 5)
]


def with_documents(space: Path) -> Path:
    """Give a workspace documents, and quick polls of the service."""
    write_lines(space / "corpus" / "pages.jsonl", DOCUMENTS)
    name_corpus(space, SERVE)
    return space


SERVE = """
[serve]
poll_seconds = 0.05
retry_seconds = 30
"""


@contextmanager
def serving(space: Path, **options: Any) -> Iterator[str]:
    """Serve a workspace while the block runs; gives the address, once a version is loaded."""
    stop, told = threading.Event(), threading.Event()
    address: list[str] = []
    results: list[Any] = []

    def tell(url: str) -> None:
        address.append(url)
        told.set()

    def work() -> None:
        try:
            with Workspace.open(space) as workspace:
                results.append(workspace.serve(port=0, stop=stop, tell=tell, **options))
        except BaseException as fault:
            results.append(fault)
        finally:
            told.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert told.wait(60)
        assert address, results
        yield address[0]
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    if isinstance(results[0], BaseException):
        raise results[0]


def wait_for(condition: Callable[[], _Found], seconds: float = 20.0) -> _Found:
    """Wait until a condition gives something true, and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def wait_until_ready(url: str, version: int | None = None, seconds: float = 60) -> None:
    """Wait until a version, or any, serves."""
    with httpx.Client(base_url=url) as client:
        for _ in range(int(seconds / 0.02)):
            answer = client.get("/ready")
            if answer.status_code == 200 and version in (None, answer.json()["version"]):
                return
            threading.Event().wait(0.02)
    raise AssertionError(f"version {version} did not serve: {answer.text}")
