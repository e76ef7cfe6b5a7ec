"""Moving the champion: by the gate, by hand, and back again; each move is in the history."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.registry import Version
from pipeline.store import Action, Promotion
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault

ROLLED_BACK = "anchorhold.rolled_back"
"""Tag that shows in MLflow why a version was left; the promotion history is what counts."""


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
    opened: OpenWorkspace,
    version: Version,
    *,
    expected: int | None,
    action: Action,
    reason: str,
    now: datetime,
    cycle: str | None = None,
) -> Move:
    """Make a version the champion, if the champion is still the expected one, and write it down.

    Repeating a move that a killed process had begun ends in the same state, written down once; a
    move by hand that nobody repeats is written down by `finish_interrupted_move`.

    Raises
    ------
    ChampionMoved
        Somebody else moved the champion meanwhile.
    """
    # The copy is fetched and its hashes are checked before anybody is sent to it.
    opened.registry.fetch(version)
    if cycle is None:
        _intend(opened, version.number, expected, action, reason, now)
    opened.registry.promote(version, expected=expected)
    moves = opened.store.promotions()
    last = moves[-1] if moves else None
    if last is None or (last.version, last.cycle) != (version.number, cycle) or cycle is None:
        opened.store.append_promotion(
            version=version.number,
            previous=expected,
            action=action,
            reason=reason,
            cycle=cycle,
            at=now,
        )
    if cycle is None:
        _intention(opened).unlink(missing_ok=True)
    return Move(version.number, expected, action, reason)


def finish_interrupted_move(opened: OpenWorkspace) -> None:
    """Write a move by hand down that was killed after the champion moved and before the history.

    Such a move would otherwise be missing from the history for ever, and with it the mark of the
    version that was rolled back.
    """
    file = _intention(opened)
    if not file.exists():
        return
    meant = json.loads(file.read_text(encoding="utf-8"))
    moves, champion = opened.store.promotions(), opened.registry.champion()
    was_made = champion is not None and champion.number == meant["version"]
    if was_made and len(moves) == meant.pop("moves"):
        opened.store.append_promotion(
            **{**meant, "at": datetime.fromisoformat(meant["at"]), "cycle": None}
        )
    file.unlink()


def _intention(opened: OpenWorkspace) -> Path:
    return opened.settings.state / "move.json"


def _intend(
    opened: OpenWorkspace,
    version: int,
    previous: int | None,
    action: Action,
    reason: str,
    now: datetime,
) -> None:
    """Note down a move before it is made."""
    meant = {
        "version": version,
        "previous": previous,
        "action": action,
        "reason": reason,
        "at": now.isoformat(),
        "moves": len(opened.store.promotions()),
    }
    file = _intention(opened)
    beside = file.with_suffix(f".{os.getpid()}.partial")
    beside.write_text(json.dumps(meant), encoding="utf-8")
    beside.replace(file)


def rolled_back(moves: Sequence[Promotion]) -> dict[int, str]:
    """Return version -> reason for the versions that were rolled away from and not forced since.

    The promotion history is the mark: it cannot be lost, and not be edited unseen.
    """
    marked: dict[int, str] = {}
    for move in moves:
        if move.action == "rollback" and move.previous is not None:
            marked[move.previous] = move.reason
        if move.action == "force":
            marked.pop(move.version, None)
    return marked


def barred(opened: OpenWorkspace, version: Version) -> str:
    """Say why a version must not be promoted again; empty when it may be.

    What descends from a version that was rolled back shares its weights and data, until a person
    forces one of the line.
    """
    moves = opened.store.promotions()
    marked = rolled_back(moves)
    forced = {move.version for move in moves if move.action == "force"}
    parents = {str(each.number): each for each in opened.registry.versions()}
    line: Version | None = version
    while line is not None and (line.number in marked or line.number not in forced):
        if line.number in marked:
            named = (
                "it" if line.number == version.number else f"its ancestor, version {line.number},"
            )
            return f"{named} was rolled back ({marked[line.number]})"
        line = parents.get(line.tags.get("anchorhold.parent", "none"))
    return ""


def awaiting(opened: OpenWorkspace) -> list[Version]:
    """Return the versions that passed against today's champion and wait for a person's word."""
    champion = opened.registry.champion()
    served = {move.version for move in opened.store.promotions()}
    return [
        each
        for each in opened.registry.versions()
        if champion is not None
        and each.number not in served
        and each.tags.get("anchorhold.verdict") == "promoted"
        and each.tags.get("anchorhold.parent") == str(champion.number)
        and not barred(opened, each)
    ]


def promote_by_hand(
    opened: OpenWorkspace, reference: str, *, reason: str, force: bool, now: datetime
) -> Move:
    """Promote a version that a person chose.

    Raises
    ------
    DataFault
        It is the champion already, or `force` is not given and it did not pass the gate, passed
        against another champion, or was rolled back, as may be one that it descends from.
    """
    finish_interrupted_move(opened)
    version = opened.registry.version(reference)
    champion = opened.registry.champion()
    if champion is not None and version.number == champion.number:
        raise DataFault(f"version {version.number} is the champion already; nothing to promote")
    served = {move.version for move in opened.store.promotions()}
    verdict = version.tags.get("anchorhold.verdict", "none")
    why = ""
    if version.number not in served:
        parent = version.tags.get("anchorhold.parent", "none")
        if verdict != "promoted":
            why = f"did not pass the gate (verdict: {verdict})"
        elif champion is None or parent != str(champion.number):
            serving = champion.number if champion else "none"
            why = f"passed against version {parent}, but the champion moved: it is {serving} now"
    mark = barred(opened, version)
    if mark and not why:
        why = f"must not be promoted again: {mark}"
    if why and not force:
        raise DataFault(
            f"version {version.number} {why}; promote it all the same with --force, the reason is "
            "logged"
        )
    action: Action = "force" if force else "promote"
    expected = champion.number if champion else None
    move = install(opened, version, expected=expected, action=action, reason=reason, now=now)
    if ROLLED_BACK in version.tags:
        opened.registry.tag(version, {ROLLED_BACK: f"forced again: {reason}"})
    return move


def roll_back(opened: OpenWorkspace, reference: str | None, *, reason: str, now: datetime) -> Move:
    """Return to the champion before, or to any version that served before and was not rolled back.

    The version that is left is marked: only `promote` with `force` lets it, or one that descends
    from it, serve again.

    Raises
    ------
    DataFault
        There is no champion before, or the version named never served or was rolled back.
    """
    finish_interrupted_move(opened)
    champion = opened.versions.champion()
    served = [move.version for move in opened.store.promotions()]
    marked = rolled_back(opened.store.promotions())
    if reference is None:
        before = next(
            (
                move.previous
                for move in reversed(opened.store.promotions())
                if move.version == champion.number
                and move.previous is not None
                and move.previous not in marked
            ),
            None,
        )
        if before is None:
            raise DataFault(
                f"before version {champion.number} none served that was not rolled back; there is "
                "none to roll back to"
            )
        reference = str(before)
    version = opened.registry.version(reference)
    if version.number == champion.number:
        raise DataFault(f"version {version.number} is the champion already; nothing to roll back")
    if version.number not in served:
        raise DataFault(
            f"version {version.number} never served; roll back to one of "
            f"{', '.join(map(str, sorted(set(served) - {champion.number})))}, "
            "or use `anchorhold promote`"
        )
    if version.number in marked:
        raise DataFault(
            f"version {version.number} was rolled back itself ({marked[version.number]}); "
            "return to it with `anchorhold promote --force`"
        )
    move = install(
        opened, version, expected=champion.number, action="rollback", reason=reason, now=now
    )
    opened.registry.tag(champion, {ROLLED_BACK: reason})
    return move
