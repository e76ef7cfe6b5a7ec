"""The secret key of a workspace: it makes short names of texts that nobody without it can guess."""

import os
import secrets
from pathlib import Path

from pipeline.machine.private_files import private_folder

_KEY_BYTES = 32


def key_in(state: Path) -> bytes:
    """Return the secret key of a workspace, made by whoever asks first.

    Parameters
    ----------
    state
        The workspace's state folder.
    """
    path = state / "log.key"
    if not path.exists():
        private_folder(state)
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
