"""The verbs of the public face that bring a promotion to the users."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from pipeline.cycle import rehearse_candidate, run_candidate
from pipeline.operations.circumstances import Folder, path_of
from pipeline.operations.index import (
    build_index,
    drop_index,
    estimate_index,
    export_index,
    index_status,
)
from pipeline.operations.opening import Opening
from pipeline.operations.search import search
from pipeline.operations.serve import limits_of, serve_workspace
from pipeline.results import (
    CycleResult,
    IndexBuilt,
    IndexDropResult,
    IndexEstimate,
    IndexExportResult,
    IndexStatusResult,
    SearchResult,
    ServeResult,
)
from pipeline.service.query_log import QueryLog
from pipeline.service.query_logger import QueryLogger


class Serving(Opening):
    """A workspace whose versions have an index and a service; `Workspace` adds the other verbs."""

    def index_build(
        self, version: int | str = "champion", *, vectors: Folder | None = None
    ) -> IndexBuilt:
        """Build the index of a version, or bring it up to date: only what changed is encoded.

        Parameters
        ----------
        version
            Number or alias.
        vectors
            Parquet file of vectors that the version gave to the documents elsewhere.
        """
        with self._opened("index build") as opened:
            return build_index(opened, str(version), self._clock(), path_of(vectors))

    def index_estimate(self, version: int | str = "champion") -> IndexEstimate:
        """Say what the build of the index of a version would cost; nothing is kept.

        Parameters
        ----------
        version
            Number or alias.
        """
        with self._opened("index build", writes=False) as opened:
            return estimate_index(opened, str(version))

    def index_status(self) -> IndexStatusResult:
        """Return the indexes that there are, and what they lack."""
        with self._opened("index status") as opened:
            return index_status(opened)

    def index_drop(self, version: int | str, *, dry_run: bool = False) -> IndexDropResult:
        """Delete the index of a version that does not serve.

        Parameters
        ----------
        version
            Number or alias.
        dry_run
            Only tell what would be deleted.
        """
        with self._opened("index drop") as opened:
            return drop_index(opened, str(version), dry_run=dry_run)

    def index_export(
        self, file: Folder, version: int | str = "champion", *, dry_run: bool = False
    ) -> IndexExportResult:
        """Write ids and vectors of an index to a Parquet file, for another vector database.

        Parameters
        ----------
        file
            File to make.
        version
            Number or alias.
        dry_run
            Only tell what would be written.
        """
        with self._opened("index export") as opened:
            return export_index(opened, str(version), Path(file), dry_run=dry_run)

    def search(self, text: str, *, as_of: int | str = "champion", k: int = 10) -> SearchResult:
        """Return the documents that the index of a version finds for a text.

        Parameters
        ----------
        text
            The query.
        as_of
            Number or alias of the version.
        k
            How many documents.
        """
        with self._opened("search") as opened:
            return search(opened, text, str(as_of), k)

    def serve(
        self,
        *,
        host: str | None = None,
        port: int | None = None,
        stop: threading.Event | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> ServeResult:
        """Serve vectors and search over HTTP until `stop` is set; the workspace is not locked.

        Parameters
        ----------
        host, port
            Where to listen; by default as in `[serve]`.
        stop
            Ends the serving; requests that have begun are answered.
        tell
            Is given the address as soon as requests are taken.
        """
        limits = limits_of(self._settings.tables.serve, host, port)
        with self._opened("serve") as opened:
            return serve_workspace(opened, limits, stop=stop or threading.Event(), tell=tell)

    def candidate(self, model: Folder, *, dry_run: bool = False) -> CycleResult:
        """Take another encoder through the gate, and promote it if it passes.

        It is a cycle whose candidate is given instead of trained; `run` resumes it if it is killed.

        Parameters
        ----------
        model
            Folder or hub id of a sentence-transformers model.
        dry_run
            Only say what the gate would say; nothing is stored or registered.
        """
        given = os.fspath(model)
        with self._opened("candidate", writes=not dry_run) as opened:
            if dry_run:
                return rehearse_candidate(opened, given, self._clock())
            return run_candidate(opened, given, self._clock())

    def query_log(self, source: str = "application") -> QueryLogger:
        """Return a log for an application that answers by itself; close it at the end.

        Its lines are read by `run` as those of `data.log` are. The workspace is not locked, and the
        log outlives it.

        Parameters
        ----------
        source
            Where the queries are asked; `status` and `discard` know the lines by this name.
        """
        self._must_be_open()
        clock = self._clock
        return QueryLogger(
            QueryLog.open(self._settings, source=source, clock=lambda: clock().timestamp())
        )
