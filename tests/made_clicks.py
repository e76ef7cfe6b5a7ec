"""A made log of clicks, whose truth is known: position-biased, noisy, with bots and floods."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.unlabelled import Document, ServedQuery, Shown


@dataclass(frozen=True)
class MadeLog:
    """A log, its corpus, and which documents answer which query."""

    served: list[ServedQuery]
    corpus: list[Document]
    answers: dict[str, set[str]]
    """Query -> texts that answer it."""

    def precision(self, pairs: Sequence[tuple[str, str]]) -> float:
        return sum(text in self.answers[query] for query, text in pairs) / max(1, len(pairs))

    def coverage(self, pairs: Sequence[tuple[str, str]]) -> float:
        """Return the share of the queries whose answer was shown that have a right pair."""
        shown: dict[str, set[str]] = {}
        for line in self.served:
            shown.setdefault(line.query, set()).update(self.text(each.id) for each in line.shown)
        possible = {
            query for query, texts in self.answers.items() if texts & shown.get(query, set())
        }
        right = {query for query, text in pairs if text in self.answers[query]}
        return len(right & possible) / max(1, len(possible))

    def raw_clicks(self) -> list[tuple[str, str]]:
        return sorted(
            {(line.query, self.text(each)) for line in self.served for each in line.clicked}
        )

    def text(self, number: str) -> str:
        return self.corpus[int(number)].text


def made_log(
    *,
    queries: int = 400,
    visits: int = 3,
    swapped: float = 0.2,
    looked_at: Callable[[int], float] = lambda rank: 1 / rank,
    on_answers: float = 0.8,
    on_others: float = 0.05,
    users: int = 200,
    seed: int = 0,
) -> MadeLog:
    """Make a log: half of the answers are first, the others further down or not shown."""
    draw = random.Random(seed)
    corpus = [Document(str(n), f"text {n} about subject {n % 7}") for n in range(3 * queries)]
    answers, served = {}, []
    for number in range(queries):
        query, answer = f"question {number} of subject {number % 7}", str(number)
        answers[query] = {corpus[number].text}
        others = [str(n) for n in draw.sample(range(queries, 3 * queries), 10)]
        rank = 1 if draw.random() < 0.5 else draw.randint(2, 13)
        ranking = [*others[: rank - 1], answer, *others[rank - 1 :]][:10]
        for visit in range(visits):
            shown = list(ranking)
            for k in range(len(shown) - 1):
                if draw.random() < swapped:
                    shown[k], shown[k + 1] = shown[k + 1], shown[k]
            clicked = tuple(
                each
                for k, each in enumerate(shown, 1)
                if draw.random() < looked_at(k)
                and draw.random() < (on_answers if each == answer else on_others)
            )
            served.append(
                ServedQuery(
                    query,
                    tuple(Shown(each) for each in shown),
                    clicked,
                    user=f"u{draw.randrange(users)}",
                    session=f"s{number}-{visit}",
                    timestamp=1_767_225_600.0 + 977.0 * len(served),
                )
            )
    return MadeLog(served, corpus, answers)
