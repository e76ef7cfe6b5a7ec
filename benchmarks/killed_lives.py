"""Lives of a workspace with a real model whose every command is killed, beside one without kills.

    python benchmarks/killed_lives.py [--kills 200] [--each 8] [--json figures.json]

The workspace is that of the demonstration: MiniLM, and the documentation of installed packages. Its
first champion is there, and labelled pairs of other packages have arrived. A life is a copy of it
with three moves: `run`, which trains and promotes, `rollback`, and `promote`. Each move is started,
killed by SIGKILL after a time drawn uniformly from its undisturbed length, and started again, until
it was killed as often as asked; then it may end. Killed are its whole process group and so its
workers too. A process is forked from one that has imported everything, so that kills meet the work
and not the start of Python; the fork runs the command line of `anchorhold`.

A life is compared with the undisturbed one: lost (history, records, the champion's weights), wrong
(outcome, scores, verdict), left behind (open runs, pending models, partial and temporary files).
The status is 1 if any life differs.
"""

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

MOVES = ("run", "rollback", "promote")
SHARES = {"run": 0.7, "rollback": 0.15, "promote": 0.15}
"""Of a life's kills, by move."""
OFTEN = {"run": 0.15, "rollback": 1.0, "promote": 1.0}
"""Longest time until a kill, as a share of the move's length; a long move is resumed many times."""
HEAVY = (
    "pipeline.cycle",
    "pipeline.operations",
    "training.evaluation",
    "training.finetuning.worker",
)
SEED = 20


def arguments_of(move: str, space: Path) -> list[str]:
    """Return the command line of a move."""
    more = {
        "run": [],
        "rollback": ["--reason", "measured"],
        "promote": ["2", "--force", "--reason", "measured"],
    }
    return [move, *more[move], "--workspace", str(space), "--json"]


def import_heavy() -> None:
    """Import what the moves use, so that forks begin with their work; no thread is started."""
    for name in HEAVY:
        importlib.import_module(name)


def started(move: str, space: Path, output: Path) -> int:
    """Fork a process that runs a move; return its id."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    os.setsid()
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    faults = os.open(output.with_suffix(".err"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 1)
    os.dup2(faults, 2)
    sys.argv = ["anchorhold", *arguments_of(move, space)]
    try:
        from pipeline.commands.cli import main

        main()
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)
    sys.stdout.flush()
    os._exit(0)


def ended(process: int, seconds: float | None) -> int | None:
    """Wait for a process; return its status, or None after killing it when the time is over."""
    until = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(process, 0 if until is None else os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if until is not None and time.monotonic() >= until:
            os.killpg(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
            code = os.waitstatus_to_exitcode(status)
            return None if code == -signal.SIGKILL else code
        time.sleep(0.01)


class Failed(Exception):
    """A move that was not killed ended with an error."""


@dataclass
class Moved:
    """A move that came to its end: its result, its kills, and the seconds of its last start."""

    result: dict[str, Any]
    kills: int
    seconds: float


@dataclass
class Life:
    """What is left of a workspace after its moves."""

    lost: dict[str, Any]
    wrong: dict[str, Any]
    left: list[str]


def prepared(place: Path) -> Path:
    """Lay out a workspace with a first champion, and pairs that arrived after it."""
    from pipeline.demo.demo import Sizes, Stage
    from pipeline.demo.material import bundled_model
    from pipeline.demo.without_labels import UnlabelledSizes

    sizes = Sizes(
        history=250,
        reference=300,
        anchor_queries=150,
        window=150,
        new_pairs=420,
        poisoned_pairs=0,
        unlabelled=UnlabelledSizes(known=0, first_log=0, window=0, new=0, poisoned=0),
    )
    stage = Stage(place, sizes, bundled_model())
    stage.begin()
    if ended(started("run", place, place.with_suffix(".json")), None):
        raise SystemExit(place.with_suffix(".err").read_text())
    stage.new_packages()
    return place


def examined(space: Path, cycle: dict[str, Any]) -> Life:
    """Return what a life came to."""
    from mlflow import MlflowClient

    from pipeline import Workspace

    with Workspace.open(space) as workspace:
        uri = workspace.settings.tracking_uri
        status = workspace.status().model_dump(mode="json")
        exported = Path(workspace.export("champion", space.parent / "exported").directory)
    weights = {
        path.relative_to(exported).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(exported.rglob("*.safetensors"))
    }
    shutil.rmtree(exported)
    client = MlflowClient(uri)
    experiments = [each.experiment_id for each in client.search_experiments()]
    runs = client.search_runs(experiments, max_results=1000)
    models = client.search_logged_models(experiments)
    moves = [(each["action"], each["version"], each["previous"]) for each in status["promotions"]]
    return Life(
        lost={
            "history": moves,
            "records": (status["records"], status["quarantined"], status["waiting"]),
            "weights": weights,
            "versions": len(client.search_model_versions()),
            "runs": sum(each.info.status == "FINISHED" for each in runs),
        },
        wrong={
            "champion": status["champion"]["version"],
            "outcome": cycle["outcome"],
            "verdict": scored(cycle),
        },
        left=sorted(
            [f"run {each.info.status}" for each in runs if each.info.status != "FINISHED"]
            + [f"model {each.status}" for each in models if each.status != "READY"]
            + [path.relative_to(space).as_posix() for path in leftovers(space)]
        ),
    )


def scored(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the figures of a cycle's comparisons."""
    verdict = result.get("verdict") or {}
    return [
        tuple(each.get(key) for key in ("task", "champion", "candidate", "low", "high"))
        for each in verdict.get("comparisons", ())
    ]


def leftovers(space: Path) -> Iterator[Path]:
    """Find partial and temporary files."""
    for path in sorted(space.rglob("*")):
        if path.name.endswith((".partial", ".tmp")) or path.parent.name == "tmp":
            yield path


def moved(move: str, space: Path, kills: int, seconds: float, draw: random.Random) -> Moved:
    """Make one move, killed some times before it may end."""
    output, killed = space.parent / f"{space.name}-{move}.json", 0
    while True:
        began = time.monotonic()
        limit = draw.uniform(0, seconds) if killed < kills else None
        code = ended(started(move, space, output), limit)
        if code is not None:
            break
        killed += 1
    seconds = time.monotonic() - began
    if code and (move == "run" or not killed):
        raise Failed(f"{move} ended with {code}: {output.with_suffix('.err').read_text()}")
    # A move that was killed after its work was done is refused as done when it is started again.
    return Moved({} if code else json.loads(output.read_text()), killed, seconds)


def lived(
    space: Path, draw: random.Random, kills: int, lengths: dict[str, float]
) -> dict[str, Moved]:
    """Make the moves of a life; without kills, `lengths` is empty."""
    return {
        move: moved(
            move, space, round(SHARES[move] * kills), OFTEN[move] * lengths.get(move, 0), draw
        )
        for move in MOVES
    }


def compared(calm: dict[str, Any], life: dict[str, Any]) -> dict[str, list[str]]:
    """Return what differs between two lives, and print both sides of it."""
    found = {
        kind: sorted(key for key in calm[kind] if life[kind][key] != calm[kind][key])
        for kind in ("lost", "wrong")
    }
    for kind, keys in found.items():
        for key in keys:
            print(kind, key, calm[kind][key], life[kind][key], sep="\n  ")
    return found | {"left": [each for each in life["left"] if each not in calm["left"]]}


def main() -> None:
    """Run the lives, and print what differs."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=200, help="over all lives")
    options.add_argument("--each", type=int, default=20, help="in one life, at most")
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    import_heavy()
    draw, kills, lives = random.Random(given.seed), Counter[str](), 0
    differing: list[dict[str, list[str]]] = []
    with tempfile.TemporaryDirectory() as place:
        base = prepared(Path(place, "base"))
        space = shutil.copytree(base, Path(place, "undisturbed"))
        moves = lived(space, draw, 0, {})
        lengths = {move: each.seconds for move, each in moves.items()}
        calm = in_child(space, moves["run"].result)
        print(f"undisturbed: {calm['wrong']['outcome']} in seconds {lengths}", flush=True)
        while kills.total() < given.kills:
            shutil.rmtree(space)
            lives += 1
            space = shutil.copytree(base, Path(place, f"life-{lives}"))
            try:
                moves = lived(space, draw, given.each, lengths)
                kills.update({move: each.kills for move, each in moves.items()})
                found = compared(calm, in_child(space, moves["run"].result))
            except Failed as failed:
                found = {"lost": [], "wrong": [str(failed)], "left": []}
            if any(found.values()):
                differing.append(found)
            print(f"life {lives}: {kills.total()} kills until now; {found}", flush=True)
    figures = {"lives": lives, "kills": dict(kills), "differing": differing}
    print(json.dumps(figures))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(bool(differing))


def in_child(space: Path, result: dict[str, Any]) -> Any:
    """Examine a life in a process of its own: this one stays without threads, for its forks."""
    read, write = os.pipe()
    process = os.fork()
    if not process:
        os.close(read)
        try:
            with os.fdopen(write, "w") as target:
                json.dump(asdict(examined(space, result)), target)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as source:
        text = source.read()
    os.waitpid(process, 0)
    if not text:
        raise Failed("the life cannot be examined")
    return json.loads(text)


if __name__ == "__main__":
    main()
