"""What a table of the settings takes out of texts: its patterns, a function of the user's own."""

import secrets
from pathlib import Path
from typing import Protocol

from pipeline.intake import Redaction, RedactionMode
from pipeline.machine import key_in
from pipeline.workspace.own_triggers import own_function


class _Table(Protocol):
    @property
    def redact(self) -> RedactionMode: ...
    @property
    def redactor(self) -> str: ...


def redaction_of(name: str, table: _Table, root: Path, state: Path) -> Redaction:
    """Return what a table takes out of texts.

    Parameters
    ----------
    name
        Of the table, for messages.
    table
        `redact` and `redactor`.
    root
        The workspace, which is looked into first for the function.
    state
        Its state folder, where the key is. Where there is none yet, nothing is kept either.

    Raises
    ------
    SettingsFault
        The function cannot be imported.
    """
    own = own_function(f"{name}.redactor", table.redactor, root) if table.redactor else None
    if table.redact == "off":
        return Redaction("off", own)
    key = key_in(state) if state.is_dir() else secrets.token_bytes(32)
    return Redaction(table.redact, own, key)
