"""Measure what learning from simulated drift keeps and costs; print a table.

    python benchmarks/lessons.py        # about seven minutes on two idle cores

The three cycles of `anchorhold simulate` without `--fast`, on the documentation of Python packages
as `--fast` takes it.
"""

import tempfile
from pathlib import Path

from pipeline.demo.material import bundled_model
from pipeline.demo.simulated import demo_trial
from pipeline.registry import quiet_environment
from pipeline.simulation import FAST
from pipeline.simulation.learning import trained
from training.encoding import Encoder
from training.progress import no_progress


def main() -> None:
    """Run the three cycles and print what became of them."""
    quiet_environment()
    trial = demo_trial("documentation", FAST)
    with tempfile.TemporaryDirectory() as folder:
        encoder = Encoder.load(bundled_model(), max_length=64, cache=Path(folder) / "embeddings")
        made, why = trained(
            trial.settings, trial.corpus, encoder, (bundled_model(), Path(folder)), no_progress
        )
    head = "| learned from | outcome | gain | worst anchor set | seconds |"
    print(why or f"{head}\n|---|---|---|---|---|")
    for each in made:
        told = f"{each.cause}{', wrong answers' if each.poisoned else ''}"
        figures = (told, each.outcome, f"{each.gain}", f"{each.kept}", f"{each.seconds:.0f}")
        print(f"| {' | '.join(figures)} |\n  {each.why}")


if __name__ == "__main__":
    main()
