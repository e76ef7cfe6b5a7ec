"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option("--workspace", "-w", help="Folder with anchorhold.toml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Report the outcome as exit status.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Only tell what would change and what it costs."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]
By = Annotated[
    str | None,
    typer.Option("--by", help="Who decides; kept in the history; default: your login name."),
]

HERE = Path()

TRAINING_CALLED_FOR = 3
NOTHING_TO_LEARN_FROM = 6
BLOCKED = 7
OUTCOME_STATUS = {
    "rejected": 4,
    "inconclusive": 5,
    "insufficient_data": NOTHING_TO_LEARN_FROM,
    "blocked": BLOCKED,
}
"""Outcome of a cycle -> exit status with --exit-code; 0 for every other outcome."""
