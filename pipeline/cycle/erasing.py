"""Finishing an erasure that was begun: by the command itself, or by the next run after a kill."""

from datetime import datetime

from pipeline.cycle.indexing import Indexing
from pipeline.erasure import finish_erasure
from pipeline.registry import Version
from pipeline.workspace import OpenWorkspace


def finish_erasing(opened: OpenWorkspace, now: datetime) -> list[str]:
    """Finish an erasure, if one was begun; return what could not be erased.

    Parameters
    ----------
    opened
        The open workspace, held exclusively.
    now
        The present.
    """

    def reindex(version: Version) -> None:
        if not opened.store.count_documents():
            opened.indexes.drop(version.number)
            return
        Indexing(opened).build(version, now)
        opened.indexes.forget(version.number)

    return finish_erasure(opened, reindex)
