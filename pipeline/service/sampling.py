"""Which sessions a log keeps."""

import hashlib


def is_sampled(key: str, share: float) -> bool:
    """Say whether a session is one of the share that is kept: always the same answer for it.

    Parameters
    ----------
    key
        A session, or a query without one.
    share
        From 0 to 1.

    Examples
    --------
    >>> kept = [is_sampled(f"session {number}", 0.25) for number in range(1000)]
    >>> sum(kept), is_sampled("any", 1.0), is_sampled("any", 0.0)
    (266, True, False)
    """
    # Of its own, so that it divides sessions otherwise than a canary does.
    digest = hashlib.blake2b(
        key.encode("utf-8", "backslashreplace"), digest_size=8, person=b"query log"
    )
    return int.from_bytes(digest.digest()) < share * 2**64
