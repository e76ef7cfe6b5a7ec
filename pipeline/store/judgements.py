"""Judgements: what people said about the results of two versions, by whom, when; never deleted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, func, insert, select, update

from pipeline.store.cycles import as_moment, as_text
from pipeline.store.database import Database
from pipeline.store.rows import next_numbers, plain
from pipeline.store.tables import judgements, judgings

Preference = Literal["first", "second", "same", "none"]
"""Which version's results are better, both alike, or none of them any good."""

Version = Literal["first", "second"]


@dataclass(frozen=True)
class Judging:
    """A comparison of two versions by people.

    Attributes
    ----------
    number
        Counts from 1.
    first, second
        Numbers of the versions.
    digest
        sha256 of the questions, which are fixed when it begins.
    who, at
        Who began it, and when.
    summary
        What the answers say so far, in one sentence.
    """

    number: int
    first: int
    second: int
    digest: str
    who: str
    at: datetime
    summary: str = ""


@dataclass(frozen=True)
class Judgement:
    """One answer.

    Attributes
    ----------
    number, judging
        Its own number, and that of the judging that it belongs to.
    turn
        Place of its question among those of the judging, from 0.
    query
        What was asked for.
    results
        What each version returned, as (id, text), the best first.
    left
        Which version's results were on the left.
    answer
        The preference.
    who, at
        Who answered, and when.
    """

    number: int
    judging: int
    turn: int
    query: str
    results: Mapping[Version, Sequence[tuple[str, str]]]
    left: Version
    answer: Preference
    who: str
    at: datetime


class JudgementLog:
    """The part of the store that keeps what people said; what is undone is marked, not deleted."""

    _database: Database

    def begin_judging(
        self, first: int, second: int, digest: str, who: str, at: datetime
    ) -> Judging:
        """Begin the comparison of two versions and return it with its number."""
        with self._database.writing() as connection:
            number = next_numbers(connection, "judging", 1)
            row = Judging(number, first, second, digest, plain(who), at)
            connection.execute(insert(judgings).values({**asdict(row), "at": as_text(at)}))
        return row

    def judgings(self) -> list[Judging]:
        """Return all comparisons, oldest first."""
        with self._database.reading() as connection:
            found = connection.execute(select(judgings).order_by(judgings.c.number)).mappings()
            return [Judging(**{**row, "at": as_moment(row["at"])}) for row in found]

    def summarise_judging(self, number: int, summary: str) -> None:
        """Keep what the answers of a comparison say so far."""
        with self._database.writing() as connection:
            chosen = update(judgings).where(judgings.c.number == number)
            connection.execute(chosen.values(summary=plain(summary)))

    def add_judgement(self, judgement: Judgement) -> Judgement | None:
        """Store an answer and return it with its number.

        None, and nothing is stored, where its turn is not the next one: somebody else has answered
        the question already, or an answer before it was undone.
        """
        if judgement.answer not in get_args(Preference):
            raise ValueError(
                f"answer must be one of {', '.join(get_args(Preference))}, got {judgement.answer!r}"
            )
        with self._database.writing() as connection:
            # Taking the number first makes two processes follow one another on every engine.
            number = next_numbers(connection, "judgement", 1)
            if _answered(connection, judgement.judging) != judgement.turn:
                return None
            row = {**asdict(judgement), "number": number, "at": as_text(judgement.at)}
            row |= {name: plain(row[name]) for name in ("query", "who")}
            row["results"] = json.dumps(row["results"])
            connection.execute(insert(judgements).values(row))
        return Judgement(**{**asdict(judgement), "number": number})

    def undo_judgement(self, judging: int, at: datetime) -> Judgement | None:
        """Mark the last answer of a comparison as undone and return it; None if there is none."""
        with self._database.writing() as connection:
            next_numbers(connection, "judgement", 0)
            last = _rows(connection, judging)[-1:]
            if not last:
                return None
            chosen = update(judgements).where(judgements.c.number == last[0].number)
            connection.execute(chosen.values(undone=as_text(at)))
            return last[0]

    def judgements(self, judging: int | None = None) -> list[Judgement]:
        """Return the answers that are not undone, of one comparison or of all, oldest first."""
        with self._database.reading() as connection:
            return _rows(connection, judging)


def _rows(connection: Connection, judging: int | None) -> list[Judgement]:
    chosen = select(judgements).where(judgements.c.undone.is_(None))
    if judging is not None:
        chosen = chosen.where(judgements.c.judging == judging)
    found = connection.execute(chosen.order_by(judgements.c.number)).mappings()
    return [_judgement(dict(row)) for row in found]


def _judgement(row: dict[str, Any]) -> Judgement:
    del row["undone"]
    results = {
        version: tuple((key, text) for key, text in documents)
        for version, documents in json.loads(row["results"]).items()
    }
    return Judgement(**{**row, "results": results, "at": as_moment(row["at"])})


def _answered(connection: Connection, judging: int) -> int:
    chosen = select(func.count()).where(
        judgements.c.judging == judging, judgements.c.undone.is_(None)
    )
    return int(connection.scalar(chosen) or 0)
