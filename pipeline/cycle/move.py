"""A move of the champion: what is written down before it is made, so that it can be finished."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pipeline.results import MoveResult, Result, Serving
from pipeline.store import Action, Promotion


class Move(Result):
    """One move; `moves` is how many there were before it."""

    version: int
    previous: int | None
    action: Action
    reason: str
    at: datetime
    who: str = ""
    moves: int
    cycle: str | None = None

    def is_in(self, history: Sequence[Promotion]) -> bool:
        """Say whether the promotion history has it.

        A cycle that is resumed may repeat its move; one by hand is written down once.
        """
        if self.cycle is None:
            return len(history) > self.moves
        last = history[-1] if history else None
        return last is not None and (last.version, last.cycle) == (self.version, self.cycle)

    def entry(self) -> dict[str, Any]:
        """Return what the promotion history says of it."""
        return self.model_dump(exclude={"moves"})

    def result(self) -> MoveResult:
        """Return what a command prints of it."""
        return MoveResult(
            champion=Serving(version=self.version),
            previous=Serving(version=self.previous) if self.previous is not None else None,
            action=self.action,
            reason=self.reason,
            who=self.who,
        )
