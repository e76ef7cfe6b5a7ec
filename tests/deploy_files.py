"""The files of examples/deploy, read: an image's instructions, units, manifests, their commands."""

import fnmatch
import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from shown_commands import commands_in

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "examples" / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
MANIFESTS = sorted((DEPLOY / "kubernetes").iterdir())
Stage = list[tuple[str, str]]


def dockerfile() -> dict[str, Stage]:
    """Return the instructions of each stage, beginning with those of the stage it is made from."""
    stages: dict[str, Stage] = {}
    name = ""
    for instruction, value in _instructions((DEPLOY / "Dockerfile").read_text(encoding="utf-8")):
        if instruction == "FROM":
            base, _, name = value.partition(" AS ")
            stages[name] = list(stages.get(base, []))
        elif name:
            stages[name].append((instruction, value))
    return stages


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            instruction, _, value = line.strip().partition(" ")
            yield instruction, " ".join(value.split())


def last(stage: Stage, instruction: str) -> str:
    """Return the value of an instruction that counts: the last one; "" where there is none."""
    return next((value for name, value in reversed(stage) if name == instruction), "")


def copied(stage: Stage) -> list[str]:
    """Return what a stage copies from the folder of the project."""
    values = [value for name, value in stage if name == "COPY" and "--from" not in value]
    return [source for value in values for source in value.split()[:-1]]


def tracked(place: str) -> list[str]:
    """Return the files at a place in the folder of the project, as git has them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", place],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return listed.stdout.splitlines()


def is_ignored(path: str) -> bool:
    """Return whether .dockerignore leaves a file out: the last pattern that matches decides."""
    ignored = False
    parts = path.split("/")
    folders = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.lstrip("!").removeprefix("**/")
        # "**/" matches in every folder, other patterns from the top.
        against = parts if "**/" in line else folders
        if line and not line.startswith("#") and fnmatch.filter(against, pattern):
            ignored = not line.startswith("!")
    return ignored


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def workflow() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "github-actions.yml").read_text(encoding="utf-8"))


def script(step: str) -> str:
    """Return what a step of the workflow runs."""
    (job,) = workflow()["jobs"].values()
    return next(each["run"] for each in job["steps"] if each.get("name") == step)


def objects() -> list[dict[str, Any]]:
    """Return the objects of all manifests."""
    return [each for file in MANIFESTS for each in yaml.safe_load_all(file.read_text())]


def pods(found: Any) -> Iterator[dict[str, Any]]:
    """Yield the description of every pod in an object."""
    if isinstance(found, dict):
        if "containers" in found:
            yield found
        for inner in found.values():
            yield from pods(inner)
    elif isinstance(found, list):
        for inner in found:
            yield from pods(inner)


def commands() -> dict[str, list[list[str]]]:
    """Return the calls of anchorhold in each file."""
    text = {"crontab": commands_in((DEPLOY / "crontab").read_text(encoding="utf-8"))}
    for unit in UNITS:
        lines = unit.read_text(encoding="utf-8").splitlines()
        starts = [line.partition("=")[2] for line in lines if line.startswith("ExecStart=")]
        text[unit.name] = commands_in("\n".join(starts))
    text["github-actions.yml"] = commands_in(script("Run one cycle"))
    text["compose.yaml"] = [
        service["command"]
        for service in compose()["services"].values()
        if service["image"].startswith("anchorhold") and "entrypoint" not in service
    ]
    text["Dockerfile"] = [
        json.loads(last(stage, "CMD")) for stage in dockerfile().values() if last(stage, "CMD")
    ]
    for file in MANIFESTS:
        found = list(yaml.safe_load_all(file.read_text()))
        calls = [
            each["args"] for pod in pods(found) for each in pod["containers"] if "args" in each
        ]
        entrypoints = [each["spec"]["entrypoint"] for each in found if each["kind"] == "RayJob"]
        text[file.name] = calls + [shlex.split(each)[1:] for each in entrypoints]
    return {name: calls for name, calls in text.items() if calls}
