"""One anchorhold cycle as a step of a pipeline: the command, and what its exit status means.

The command has an environment of its own: a scheduler needs none of anchorhold's packages. The
other files of this folder use this one; copy both.
"""

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any

BLOCKED = 7
FINISHED = {0: "done", 4: "rejected", 5: "inconclusive", 6: "insufficient data", BLOCKED: "blocked"}
"""Exit status of a cycle that ended -> what it means (docs/how-to/schedule.md)."""


class CycleFailed(Exception):
    """The cycle was interrupted or could not begin; trying again resumes it."""


@dataclass(frozen=True)
class Cycle:
    """A cycle that ended.

    Attributes
    ----------
    status
        Exit status of the command, one of `FINISHED`.
    outcome
        "quiet", "promoted", "rejected", …
    version
        The version that serves now.
    result
        All that the command printed (docs/json.md).
    """

    status: int
    outcome: str
    version: int | None
    result: dict[str, Any] = field(repr=False)

    @property
    def blocked(self) -> bool:
        """Whether a guard blocks training until somebody has looked at the data."""
        return self.status == BLOCKED


def run_cycle(workspace: str, program: str = "anchorhold") -> Cycle:
    """Run one cycle of a workspace, or resume the one that was interrupted.

    Parameters
    ----------
    workspace
        Folder with anchorhold.toml.
    program
        Path of the command, such as "/opt/anchorhold/bin/anchorhold".

    Raises
    ------
    CycleFailed
        The status is none of `FINISHED`; the message ends with what the command said.
    """
    command = [program, "run", "--workspace", workspace, "--json", "--exit-code"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in FINISHED:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise CycleFailed(f"anchorhold run ended with status {done.returncode}: {said[-1]}")
    result = json.loads(done.stdout)
    champion = result["champion"] or {}
    return Cycle(done.returncode, result["outcome"], champion.get("version"), result)
