"""Whether a server answers at all, checked before calling clients that would wait for minutes."""

import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

_TRIES = 2
_SECONDS_PER_TRY = 8.0
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def why_closed(host: str, port: int) -> str:
    """Return why nothing listens at a port; empty when something does. Takes at most 8 seconds.

    Examples
    --------
    >>> why_closed("127.0.0.1", 1)
    '...Connection refused'
    """
    try:
        with socket.create_connection((host, port), timeout=_SECONDS_PER_TRY):
            return ""
    except (OSError, ValueError) as fault:
        return str(fault)


def why_unreachable(uri: str) -> str:
    """Return why an MLflow server, or the server of a database, does not answer.

    Empty when it does, and for what is no server on a port.

    Examples
    --------
    >>> why_unreachable("postgresql://me:secret@127.0.0.1:1/mlflow")
    '...Connection refused'
    >>> why_unreachable("sqlite:///mlflow.db")
    ''
    """
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return why_silent(f"{uri.rstrip('/')}/health")
    try:
        port = parts.port or _PORTS.get(parts.scheme.split("+")[0])
    except ValueError as fault:
        return str(fault)
    return why_closed(parts.hostname, port) if parts.hostname and port else ""


def why_silent(address: str) -> str:
    """Return why a server does not answer; empty when it does. Takes at most half a minute.

    Any answer counts, also a proxy's request for a login, except a failure of the server (5xx).

    Examples
    --------
    >>> why_silent("http://127.0.0.1:1/health")
    '...Connection refused'
    """
    reason = ""
    for _ in range(_TRIES):
        try:
            with urllib.request.urlopen(address, timeout=_SECONDS_PER_TRY):
                return ""
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code < 500:
                return ""
            reason = f"it answers {answer.code} {answer.reason}"
        except (OSError, ValueError) as fault:
            reason = str(getattr(fault, "reason", fault))
    return reason
