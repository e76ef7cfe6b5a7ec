"""Serving over HTTP: the settings and what the command line replaces of them."""

import dataclasses
import importlib.util
import logging
import threading
from collections.abc import Callable

from pydantic import ValidationError

from pipeline.results import ServeResult
from pipeline.service.hooks import NoRecorder, Recorder
from pipeline.service.query_log import QueryLog
from pipeline.workspace import OpenWorkspace, Serve, Settings
from training.faults import DataFault

logger = logging.getLogger(__name__)

_PACKAGES = ("fastapi", "uvicorn", "prometheus_client", "lancedb")


def recorder_of(settings: Settings) -> Recorder:
    """Return what keeps what the service answers: nothing does where `log.share` is 0.

    Raises
    ------
    AnchorholdError
        `log.redactor` is no function.
    """
    return QueryLog.open(settings) if settings.tables.log.share else NoRecorder()


def limits_of(settings: Serve, host: str | None, port: int | None) -> Serve:
    """Return the table `[serve]` with another address.

    Raises
    ------
    DataFault
        The port is none.
    """
    try:
        return dataclasses.replace(
            settings,
            host=settings.host if host is None else host,
            port=settings.port if port is None else port,
        )
    except ValidationError:
        raise DataFault(f"host {host!r}, port {port}: allowed is a port from 0 to 65535") from None


def serve_workspace(
    opened: OpenWorkspace,
    limits: Serve,
    *,
    stop: threading.Event,
    tell: Callable[[str], None],
) -> ServeResult:
    """Serve until `stop` is set.

    Parameters
    ----------
    opened
        The workspace; it is not locked.
    limits
        Address and limits.
    stop
        Ends the serving; what has begun is answered.
    tell
        Is given the address when requests are taken.

    Raises
    ------
    DataFault
        The extra `serve` is not installed, the address cannot be used, or it has no token.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise DataFault(
            f"the service needs {', '.join(missing)}; install it with: "
            'pip install "anchorhold[serve]"'
        )
    from pipeline import __version__
    from pipeline.service.route import CanaryRoute
    from pipeline.service.running import serve

    tables = opened.settings.tables
    if tables.data.corpus and tables.index.mode == "off":
        logger.warning(
            "index.mode is off: after a promotion, /search answers 503 until `anchorhold index "
            'build`; mode = "rebuild" builds the index before'
        )
    recorder = recorder_of(opened.settings)
    try:
        return serve(
            opened,
            limits,
            recorder=recorder,
            route=CanaryRoute(opened.store),
            stop=stop,
            tell=tell,
            release=__version__,
        )
    finally:
        recorder.close()
