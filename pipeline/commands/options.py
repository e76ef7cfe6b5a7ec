"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option("--workspace", "-w", help="Folder with anchorhold.toml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Report the outcome as exit status.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]

HERE = Path()
