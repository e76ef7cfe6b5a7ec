"""Measure what a whole cycle costs besides its training, on the cycles of the demonstration.

    python benchmarks/overhead.py [--fast] [--scores auto]

The data of `anchorhold demo` arrives chapter by chapter in a temporary workspace, and after each
chapter `anchorhold run --json` runs one cycle in a process of its own. The seconds per stage are
those of its result. `fit` is the fine-tuning within `train`, and `process` the wall time of the
command, imports included. A cycle that trained has two overheads: what the other stages add to
`train`, and what everything else adds to `fit`. `--scores` sets `evaluate.precision`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.cycle.stages import STAGES
from pipeline.demo.demo import FAST, FULL, lay_out


def main() -> None:
    """Print one row per cycle."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fast", action="store_true", help="the smaller demonstration")
    parser.add_argument("--scores", default="model", help="evaluate.precision")
    options = parser.parse_args()
    columns = (*STAGES, "total", "fit", "process")
    print(f"{'outcome':14}" + "".join(f"{name:>10}" for name in columns), end="")
    print(f"{'on train':>10}{'on fit':>10}")
    with tempfile.TemporaryDirectory(prefix="overhead-") as place:
        workspace = Path(place) / "workspace"
        stage = lay_out(workspace, FAST if options.fast else FULL)
        command = [sys.executable, "-m", "pipeline", "run", "--json", "--workspace", str(workspace)]
        for arrive in (stage.begin, stage.quiet_week, stage.new_packages, stage.poisoned_batch):
            arrive()
            if arrive == stage.begin:
                with (workspace / "anchorhold.toml").open("a", encoding="utf-8") as settings:
                    settings.write(f'\n[evaluate]\nprecision = "{options.scores}"\n')
            began = time.perf_counter()
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            process = time.perf_counter() - began
            result = json.loads(done.stdout)
            seconds = {**result["seconds"], "process": process}
            overheads = ""
            if result["training"]:
                seconds["fit"] = result["training"]["seconds"]
                on_train = seconds["total"] / seconds["train"] - 1
                overheads = f"{on_train:10.0%}{process / seconds['fit'] - 1:10.0%}"
            cells = (f"{seconds[name]:10.1f}" if name in seconds else " " * 10 for name in columns)
            print(f"{result['outcome']:14}{''.join(cells)}{overheads}", flush=True)


if __name__ == "__main__":
    main()
