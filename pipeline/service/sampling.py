"""Which sessions a log keeps, and the key that makes its letters for names unguessable."""

import hashlib
import os
import secrets
from pathlib import Path

_KEY_BYTES = 32


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


def key_in(state: Path) -> bytes:
    """Return the secret key of a workspace, made by whoever asks first."""
    path = state / "log.key"
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        try:
            # A link, unlike a renaming, never replaces the key that another process made.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()
