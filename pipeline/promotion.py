"""Moving the champion: by the gate, by hand, and back again; each move is in the history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.history import Action
from pipeline.registry import Version
from pipeline.wheel import Wheel
from training.pairs import DataFault


@dataclass(frozen=True)
class Move:
    """A champion that gave way to another."""

    version: int
    previous: int | None
    action: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the move as the commands print it."""
        return {
            "champion": {"version": self.version},
            "previous": {"version": self.previous} if self.previous is not None else None,
            "action": self.action,
            "reason": self.reason,
        }


def install(
    wheel: Wheel,
    version: Version,
    *,
    expected: int | None,
    action: Action,
    reason: str,
    now: datetime,
    cycle: str | None = None,
) -> Move:
    """Make a version the champion, if the champion is still the expected one, and write it down.

    Repeating a move that a killed process had begun ends in the same state, written down once.

    Raises
    ------
    ChampionMoved
        Somebody else moved the champion meanwhile.
    """
    # The copy is fetched and its hashes are checked before anybody is sent to it.
    wheel.registry.fetch(version)
    wheel.registry.promote(version, expected=expected)
    moves = wheel.store.promotions()
    last = moves[-1] if moves else None
    if last is None or (last.version, last.cycle) != (version.number, cycle) or cycle is None:
        wheel.store.append_promotion(
            version=version.number,
            previous=expected,
            action=action,
            reason=reason,
            cycle=cycle,
            at=now,
        )
    return Move(version.number, expected, action, reason)


def promote_by_hand(
    wheel: Wheel, reference: str, *, reason: str, force: bool, now: datetime
) -> Move:
    """Promote a version that a person chose.

    Raises
    ------
    DataFault
        It is the champion already, or it did not pass the gate and `force` is not given.
    """
    version = wheel.registry.version(reference)
    champion = wheel.registry.champion()
    if champion is not None and version.number == champion.number:
        raise DataFault(f"version {version.number} is the champion already; nothing to promote")
    served = {move.version for move in wheel.store.promotions()}
    verdict = version.tags.get("anchorhold.verdict", "none")
    if verdict != "promoted" and version.number not in served and not force:
        raise DataFault(
            f"version {version.number} did not pass the gate (verdict: {verdict}); "
            "promote it all the same with --force, the reason is logged"
        )
    action: Action = "force" if force else "promote"
    expected = champion.number if champion else None
    return install(wheel, version, expected=expected, action=action, reason=reason, now=now)


def roll_back(wheel: Wheel, reference: str | None, *, reason: str, now: datetime) -> Move:
    """Return to the champion before, or to any version that served before.

    Raises
    ------
    DataFault
        There is no champion before, or the version named never served.
    """
    champion = wheel.champion()
    served = [move.version for move in wheel.store.promotions()]
    if reference is None:
        before = next(
            (
                move.previous
                for move in reversed(wheel.store.promotions())
                if move.version == champion.number and move.previous is not None
            ),
            None,
        )
        if before is None:
            raise DataFault(
                f"version {champion.number} is the first champion; there is none to roll back to"
            )
        reference = str(before)
    version = wheel.registry.version(reference)
    if version.number == champion.number:
        raise DataFault(f"version {version.number} is the champion already; nothing to roll back")
    if version.number not in served:
        raise DataFault(
            f"version {version.number} never served; roll back to one of "
            f"{', '.join(map(str, sorted(set(served) - {champion.number})))}, "
            "or use `anchorhold promote`"
        )
    return install(
        wheel, version, expected=champion.number, action="rollback", reason=reason, now=now
    )
