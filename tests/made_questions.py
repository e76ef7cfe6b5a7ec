"""Questions and sessions for tests of judging."""

from datetime import UTC, datetime

from pipeline.judging import Questions, Session
from pipeline.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def made_questions(count: int = 20, results: int = 1, seed: int = 7) -> Questions:
    """Every second query has the same first result in both versions."""
    documents = {f"d{number}": f"document {number}" for number in range(count + 3)}
    rankings = {}
    for number in range(count):
        first = tuple(f"d{number + rank}" for rank in range(3))
        second = first if number % 2 else (first[1], first[0], first[2])
        rankings[f"query {number}"] = first, second
    return Questions.draw(
        (3, 5), list(rankings), rankings, documents, results=results, seed=seed
    )  # fmt: skip


def made_session(store: Store, questions: Questions | None = None, who: str = "ada") -> Session:
    questions = questions or made_questions()
    begun = store.judgings() or [store.begin_judging(3, 5, "sha", who, NOON)]
    return Session(store, begun[-1], questions, 0.05, 0.95, who=who, clock=lambda: NOON)
