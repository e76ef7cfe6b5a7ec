"""`anchorhold status`: the state of a workspace."""

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def status(workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Show the champion, the data that waits, the last cycles and unfinished work."""
    with opened(workspace) as work:
        found = work.status()
    show(found, as_json)
