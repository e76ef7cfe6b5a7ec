"""`anchorhold search`: the documents that an index finds."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The query.")],
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="VERSION", help="Version or alias that searches.")
    ] = "champion",
    k: Annotated[int, typer.Option("-k", metavar="N", help="Documents to return.")] = 10,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Search the documents with the index of the champion, or of another version."""
    with opened(workspace) as work:
        found = work.search(text, as_of=as_of, k=k)
    show(found, as_json)
