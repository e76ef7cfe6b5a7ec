"""A workspace with one of everything, ways to damage its files, and what it answers then."""

import ctypes
import hashlib
import json
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from conftest import NOW, let_travel_arrive, make_workspace, name_corpus
from made_streams import TRAVEL, sentences, write_lines
from ready_process import Answer

from pipeline.registry.opening import open_registry
from pipeline.workspace import load_settings

_VOLATILE = {
    "seconds", "run_id", "disk_bytes", "peak_memory_megabytes", "freed", "age_days", "made",
    "at", "started", "workspace", "plan",
}  # fmt: skip
"""Keys of results that tell how, when and how fast, not what; a plan is timed."""


def lived_in(space: Path, model: Path, tracking_store: Path) -> Path:
    """Make a workspace: version 2 was promoted over 1, with indexes, quarantine, waiting pairs."""
    from pipeline.operations import Workspace

    make_workspace(space, model, tracking_store)
    name_corpus(space, '\n[index]\nmode = "rebuild"\n')
    words = ("card", "flight", "loan", "hotel", "visa", "bank")
    texts = [f"a document about {word} number {i}" for i in range(5) for word in words]
    rows = [{"id": f"d{i}", "text": text} for i, text in enumerate(texts)]
    write_lines(space / "corpus" / "documents.jsonl", rows)
    with Workspace.open(space, now=NOW) as workspace:
        assert workspace.run().outcome == "bootstrapped"
        let_travel_arrive(space)
        with (space / "pairs" / "travel.jsonl").open("a", encoding="utf-8") as file:
            file.write('{"query": "without an answer"}\nno JSON\n')
        assert workspace.run().outcome == "promoted"
        write_lines(space / "pairs" / "few.jsonl", sentences(TRAVEL, 20, 9))
        workspace.run()
    return space


def calls(space: Path, *names: str) -> list[list[str]]:
    """Return the arguments of commands in a workspace."""
    arguments = {
        "status": ["status", "--json"],
        "doctor": ["doctor", "--quick", "--json"],
        "repair": ["doctor", "--quick", "--repair", "--json"],
        "loaded": ["doctor", "--json"],
        "run": ["run", "--json"],
        "compare": ["compare", "1", "2", "--json"],
        "search": ["search", "a flight to rome", "--json"],
        "export": ["export", "champion", str(space.with_name(f"{space.name}-model")), "--json"],
    }
    return [[*arguments[name], "--workspace", str(space)] for name in names]


def _half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


def _flip(share: float) -> Callable[[Path], None]:
    def flip(file: Path) -> None:
        content = bytearray(file.read_bytes())
        if content:
            content[min(int(len(content) * share), len(content) - 1)] ^= 0x11
        _rewrite(file, bytes(content))

    return flip


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _rewrite(file: Path, content: bytes) -> None:
    """Write in place, unless the file is a hard link to one that must stay whole."""
    if file.stat().st_nlink > 1:
        file.unlink()
    file.write_bytes(content)


DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "half": _half,
    "empty": _empty,
    "first byte": _flip(0),
    "byte at a third": _flip(1 / 3),
    "byte in the middle": _flip(1 / 2),
    "last byte": _flip(1),
    "gone": Path.unlink,
    "folder": _folder,
    "unreadable": lambda file: file.chmod(0),
}


def without_the_rights_of_root() -> None:
    """Let this process be refused what files refuse; Linux only."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", 0x20080522, 0)
    held = ctypes.create_string_buffer(24)
    if libc.capget(header, held):
        raise OSError(ctypes.get_errno(), "capget")
    # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
    effective, *others = struct.unpack("=6I", held.raw)
    if libc.capset(header, struct.pack("=6I", effective & ~(1 << 1 | 1 << 2), *others)):
        raise OSError(ctypes.get_errno(), "capset")


def told(answer: Answer, space: Path) -> Any:
    """Return what a command answered, without how and when."""
    found = _lasting(json.loads(answer.stdout.replace(str(space.parent), "PLACE")))
    if answer.arguments[0] == "run":
        # What triggers measure depends on the clock.
        return {key: found[key] for key in ("cycle", "outcome", "champion", "candidate", "verdict")}
    return found


def complaint(answer: Answer) -> str:
    """Say what is wrong with how a command ended: "", a result, or one sentence and status 2."""
    if "Traceback" in answer.stderr or answer.status not in (0, 2):
        return f"status {answer.status}: {answer.stderr[-1500:]}"
    sentences = [each for each in answer.stderr.splitlines() if each.startswith("anchorhold: ")]
    if answer.status == 2 and not answer.stdout and len(sentences) != 1:
        return f"{len(sentences)} sentences: {answer.stderr[-1500:]}"
    return ""


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(each) for key, each in value.items() if key not in _VOLATILE}
    if isinstance(value, list):
        return [_lasting(each) for each in value]
    return value


def bytes_of(space):
    """The hash of each file, without the side files that SQLite makes for every reader."""
    return {
        file.relative_to(space).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(space.rglob("*"))
        if file.is_file() and not file.name.endswith(("-wal", "-shm"))
    }


def registry_of(space):
    """Return the registry of a workspace, opened anew."""
    settings = load_settings(space)
    return open_registry(
        settings.tracking_uri,
        artifacts=settings.artifacts,
        name="tiny-search",
        workspace_state=settings.state,
    )
