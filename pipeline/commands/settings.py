"""`anchorhold settings`: every setting with its value, default and meaning."""

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import at_work


def settings(workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Print all settings with their meaning, as a settings file; without a workspace, defaults."""
    with at_work():
        from pipeline.operations import list_settings

        listing = list_settings(workspace)
    if as_json:
        show(listing, as_json)
    else:
        from pipeline.machine.plain_text import escaped

        typer.echo(escaped(listing.to_toml()), nl=False)
