"""A session: the next question, the answer to it, the way back, and what the answers say."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

import numpy as np

from pipeline.judging.questions import Questions
from pipeline.judging.standing import Standing, standing
from pipeline.store import Judgement, Judging, Preference, Store

Choice = Literal["left", "right", "same", "none"]
"""An answer as it is given, blind: which side is better, both alike, or neither any good."""

_VALUES: Mapping[Preference, float] = {"second": 1.0, "first": -1.0, "same": 0.0, "none": 0.0}


@dataclass(frozen=True)
class Shown:
    """One question as it is shown: nothing tells which side is which version.

    Attributes
    ----------
    turn
        Its place, from 0.
    query
        What was asked for.
    left, right
        Texts of the results, the best first.
    compared
        How many of them are compared; the others are context.
    """

    turn: int
    query: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    compared: int


@dataclass(frozen=True)
class Session:
    """Questions, and the answers that are stored; several may be open at once.

    Attributes
    ----------
    store
        Where answers are kept.
    judging, questions
        The comparison, and what it asks.
    margin, confidence
        As in `Judge`.
    who
        Who answers.
    clock
        Gives the present.
    """

    store: Store
    judging: Judging
    questions: Questions
    margin: float
    confidence: float
    who: str
    clock: Callable[[], datetime]

    def answers(self) -> list[Judgement]:
        """Return the answers that are not undone."""
        return self.store.judgements(self.judging.number)

    def next(self) -> Shown | None:
        """Return the next question; None where all are answered."""
        turn = len(self.answers())
        return self.shown(turn) if turn < len(self.questions.asked) else None

    def shown(self, turn: int) -> Shown:
        """Return a question as it is shown."""
        asked, documents = self.questions.asked[turn], self.questions.documents
        sides = [tuple(documents[key] for key in each) for each in (asked.first, asked.second)]
        if not self.questions.first_is_left(turn):
            sides.reverse()
        return Shown(turn, asked.query, sides[0], sides[1], self.questions.results)

    def answer(self, turn: int, choice: Choice) -> bool:
        """Store an answer; False, and nothing is stored, where its turn is not the next one."""
        if turn >= len(self.questions.asked):
            return False
        asked, documents = self.questions.asked[turn], self.questions.documents
        on_left: Literal["first", "second"] = (
            "first" if self.questions.first_is_left(turn) else "second"
        )
        on_right: Literal["first", "second"] = "second" if on_left == "first" else "first"
        meant: Mapping[Choice, Preference] = {
            "left": on_left,
            "right": on_right,
            "same": "same",
            "none": "none",
        }
        stored = self.store.add_judgement(
            Judgement(
                number=0,
                judging=self.judging.number,
                turn=turn,
                query=asked.query,
                results={
                    "first": tuple((key, documents[key]) for key in asked.first),
                    "second": tuple((key, documents[key]) for key in asked.second),
                },
                left=on_left,
                answer=meant[choice],
                who=self.who,
                at=self.clock(),
            )
        )
        return stored is not None

    def undo(self) -> bool:
        """Mark the last answer as undone; False where there is none."""
        return self.store.undo_judgement(self.judging.number, self.clock()) is not None

    @cached_property
    def _standings(self) -> dict[bytes, Standing]:
        return {}

    def standing(self) -> Standing:
        """Return what the answers say; computed once for the same answers."""
        values = np.array([_VALUES[each.answer] for each in self.answers()])
        key = values.tobytes()
        if key not in self._standings:
            self._standings[key] = standing(
                self.questions.lines, values, margin=self.margin, confidence=self.confidence
            )
        return self._standings[key]

    def counts(self) -> Counter[str]:
        """Return how often each preference was given."""
        return Counter(each.answer for each in self.answers())
