"""`anchorhold erase`: remove records for good from everything that is kept."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import HERE, AsJson, DryRun, Folder, Reason
from pipeline.commands.output import show, tell
from pipeline.commands.process import opened

if TYPE_CHECKING:
    from pipeline.results import EraseResult


def erase(
    reason: Reason,
    id: Annotated[
        str | None,
        typer.Option("--id", help="The pair, text, document or line of a log with this id."),
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="All records of a source.")] = None,
    text_like: Annotated[
        str | None,
        typer.Option("--text-like", help="All records with a text that contains this."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before erasing.")] = False,
    workspace: Folder = HERE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Erase records for good: from store, versions, reports, caches, indexes and MLflow.

    The log says that something was erased, when, why and by whom, not what it was. Your own files
    are not changed; the lines that hold the records are named. It cannot be undone.
    """
    meant = {"id": id, "source": source, "text_like": text_like}
    with opened(workspace, writes=not dry_run) as work:
        if not (dry_run or yes):
            _confirm(work.erase(**meant, reason=reason, dry_run=True))
        done = work.erase(**meant, reason=reason, dry_run=dry_run)
    show(done, as_json)


def _confirm(foreseen: "EraseResult") -> None:
    """Let a person see what goes, and ask; where nobody can answer, `--yes` is needed."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise typer.BadParameter(
            "what is erased cannot be brought back; see it with --dry-run, and confirm it with "
            "--yes",
            param_hint="'--yes'",
        )
    from pipeline.reports.lines import lines_of

    for line in lines_of(foreseen):
        tell(line)
    typer.confirm("Erase this for good?", default=False, abort=True, err=True)
