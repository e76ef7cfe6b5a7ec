"""Whether a server answers at all, asked before clients that would wait for minutes."""

import urllib.error
import urllib.request

_TRIES = 2
_SECONDS_A_TRY = 8.0


def why_silent(address: str) -> str:
    """Return why a server does not answer; empty when it does. Takes half a minute at most.

    Any answer but the server's own failure counts, such as a proxy's asking for a login.

    Examples
    --------
    >>> why_silent("http://127.0.0.1:1/health")
    '...Connection refused'
    """
    reason = ""
    for _ in range(_TRIES):
        try:
            with urllib.request.urlopen(address, timeout=_SECONDS_A_TRY):
                return ""
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code < 500:
                return ""
            reason = f"it answers {answer.code} {answer.reason}"
        except (OSError, ValueError) as fault:
            reason = str(getattr(fault, "reason", fault))
    return reason
