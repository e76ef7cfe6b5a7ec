"""Whether a server answers at all, checked before calling clients that would wait for minutes."""

import socket
import urllib.error
import urllib.request

_TRIES = 2
_SECONDS_PER_TRY = 8.0


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
