"""The questions of one comparison, drawn once: what is asked, in what order, what need not be."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from pipeline.judging.confidence import Lines
from pipeline.judging.design import difference, probabilities
from training.faults import DataFault
from training.pairs import hash_share, normalised
from training.whole_files import written

Ranking = tuple[str, ...]
"""Ids of documents, the best first."""


@dataclass(frozen=True)
class Question:
    """One query, and what each version returns for it."""

    query: str
    first: Ranking
    second: Ranking


@dataclass(frozen=True)
class Questions:
    """What is asked about two versions, in a fixed random order.

    Attributes
    ----------
    first, second
        The versions.
    results
        Ranks that are compared; rankings show more.
    seed
        Decides the order and the sides.
    documents
        Id -> text of all documents that are shown.
    asked
        The questions in order.
    lines
        The lines of the log, and which question each of them needs.
    differing
        Number of lines for which the results differ.
    """

    first: int
    second: int
    results: int
    seed: int
    documents: Mapping[str, str]
    asked: tuple[Question, ...]
    lines: Lines
    differing: int

    @classmethod
    def draw(
        cls,
        versions: tuple[int, int],
        log: Sequence[str],
        rankings: Mapping[str, tuple[Ranking, Ranking]],
        documents: Mapping[str, str],
        *,
        results: int,
        seed: int,
    ) -> Self:
        """Draw the questions from a log.

        Parameters
        ----------
        versions
            Numbers of the two versions.
        log
            The query of each line.
        rankings
            Query -> what each version returns for it.
        documents
            Id -> text of the documents.
        results
            Ranks that are compared. Documents of equal text are the same.
        seed
            Of all that is random.

        Examples
        --------
        >>> found = {"lost card": (("a", "b"), ("b", "a")), "pay": (("a", "b"), ("a", "b"))}
        >>> drawn = Questions.draw(
        ...     (1, 2), ["lost card", "pay"], found, {"a": "Call", "b": "Pay"}, results=1, seed=0
        ... )
        >>> drawn.differing, drawn.asked
        (1, (Question(query='lost card', first=('a', 'b'), second=('b', 'a')),))
        """
        texts = {key: normalised(text) for key, text in documents.items()}

        def compared(ranking: Ranking) -> list[str]:
            return [texts[key] for key in ranking[:results]]

        by_query = {
            query: difference(compared(first), compared(second))
            for query, (first, second) in rankings.items()
        }
        differences = np.array([by_query[query] for query in log])
        chosen = probabilities(differences)
        generator = np.random.default_rng(seed)
        order = generator.permutation(len(log))
        coins = generator.random(len(log))
        numbers: dict[str, int] = {}
        needed: list[tuple[int, float] | None] = []
        for line in order.tolist():
            if coins[line] < chosen[line]:
                number = numbers.setdefault(log[line], len(numbers))
                needed.append((number, 1 / float(chosen[line])))
            else:
                needed.append(None)
        asked = tuple(Question(query, *rankings[query]) for query in numbers)
        seen = {key for each in asked for key in (*each.first, *each.second)}
        return cls(
            *versions,
            results,
            seed,
            {key: text for key, text in documents.items() if key in seen},
            asked,
            Lines.of(needed),
            int((differences > 0).sum()),
        )

    @cached_property
    def count(self) -> int:
        """Number of lines of the log."""
        return len(self.lines.questions) + int(self.lines.zeros.sum())

    def first_is_left(self, turn: int) -> bool:
        """Return whether the first version's results are on the left of a question."""
        return hash_share(self.seed, "side", str(turn)) < 0.5

    def save(self, folder: Path) -> str:
        """Write the questions to a file, whole or not at all, and return its sha256.

        The first characters of the sha256 name the file.
        """
        content = {
            "first": self.first,
            "second": self.second,
            "results": self.results,
            "seed": self.seed,
            "documents": dict(self.documents),
            "asked": [[each.query, each.first, each.second] for each in self.asked],
            "needing": self.lines.questions.tolist(),
            "scales": self.lines.scales.tolist(),
            "zeros": self.lines.zeros.tolist(),
            "differing": self.differing,
        }
        data = json.dumps(content, ensure_ascii=True).encode("ascii")
        digest = hashlib.sha256(data).hexdigest()
        folder.mkdir(parents=True, exist_ok=True)
        with written(_file(folder, digest)) as partial:
            partial.write_bytes(data)
        return digest

    @classmethod
    def load(cls, folder: Path, digest: str) -> Self:
        """Read the questions that `save` wrote.

        Raises
        ------
        DataFault
            The file is missing or is not what was written.
        """
        file = _file(folder, digest)
        try:
            data = file.read_bytes()
        except OSError as fault:
            raise DataFault(f"{file}: cannot be read: {fault.strerror}; {_WAY_OUT}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise DataFault(f"{file}: was changed after it was written; {_WAY_OUT}")
        return cls._of(json.loads(data))

    @classmethod
    def _of(cls, content: dict[str, Any]) -> Self:
        return cls(
            content["first"],
            content["second"],
            content["results"],
            content["seed"],
            content["documents"],
            tuple(
                Question(query, tuple(first), tuple(second))
                for query, first, second in content["asked"]
            ),
            Lines(
                np.array(content["needing"], dtype=np.int64),
                np.array(content["scales"], dtype=np.float64),
                np.array(content["zeros"], dtype=np.int64),
            ),
            content["differing"],
        )


def _file(folder: Path, digest: str) -> Path:
    return folder / f"{digest[:16]}.json"


_WAY_OUT = "`anchorhold judge --new` draws new questions; answers given before are kept"
