"""What the service answered, from its log."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.observation.served import own_answers, served
from training.unlabelled import ServedQuery, Shown

CORPUS = {str(n): f"how the card {n} is blocked" for n in range(200)}


def lines(count=100, *, score):
    """Return lines that show document n first and its neighbour second for question n."""
    made = []
    for n in range(count):
        results = tuple(Shown(str((n + k) % 200)) for k in range(2))
        made.append(ServedQuery(f"where is my card {n}", results))
    return [
        replace(line, shown=tuple(replace(each, score=score(line, each)) for each in line.shown))
        for line in made
    ]


def unscored(line, result):
    return None


@pytest.fixture
def cosine(fake_encoder):
    def of(line, result):
        asked, shown = fake_encoder.encode([line.query, CORPUS[result.id]])
        return float(asked @ shown)

    return of


def test_cosines_are_the_champions_of_the_first_result(fake_encoder, cosine):
    log = lines(score=unscored)
    found = served(fake_encoder, log, CORPUS)
    assert np.allclose(found.cosines, [cosine(line, line.shown[0]) for line in log], atol=1e-6)
    seconds = [cosine(line, line.shown[1]) for line in log]
    assert np.allclose(found.margins, found.cosines - seconds, atol=1e-6)
    assert found.documents == tuple(each.id for line in log for each in line.shown)


def test_scores_that_are_the_champions_cosines_save_the_encoding(fake_encoder, cosine):
    log = lines(200, score=lambda line, result: round(cosine(line, result), 2))
    fake_encoder.encoded.clear()
    found = served(fake_encoder, log, CORPUS)
    assert found.cosines.tolist() == [line.shown[0].score for line in log]
    assert sum(text.startswith("how") for text in fake_encoder.encoded) < 100


def test_scores_of_another_kind_are_not_taken_for_cosines(fake_encoder, cosine):
    plain = served(fake_encoder, lines(score=unscored), CORPUS).cosines
    for other in (lambda line, result: 0.9, lambda line, result: 12.5 - int(result.id) / 10):
        assert np.allclose(served(fake_encoder, lines(score=other), CORPUS).cosines, plain)


def test_a_result_without_a_known_text_has_no_cosine_and_is_a_document_still(fake_encoder):
    log = lines(40, score=lambda line, result: 0.5)
    found = served(fake_encoder, log, {})
    assert not len(found.cosines)
    assert len(found.documents) == 80
    texts = [replace(line, shown=(Shown(text="how the card is blocked"),)) for line in log]
    assert len(served(fake_encoder, texts, {}).cosines) == 40


def test_near_identical_queries_are_compared_by_their_results(fake_encoder):
    shown = tuple(Shown(str(n)) for n in range(4))
    other = (shown[0], Shown("9"), Shown("8"), Shown("7"))
    log = [
        ServedQuery("where is my lost card today", shown),
        ServedQuery("opening hours", shown),
        ServedQuery("Where is my lost card today?", other),
        ServedQuery("where is my lost card, today please", shown),
    ]
    repeats = served(fake_encoder, log, CORPUS).repeats
    assert repeats[:, 1].tolist() == [0.25, 1.0]
    assert (repeats[:, 0] > 0.7).all()


def test_own_answers_are_what_the_answer_does_not_quote():
    document = "a lost card is blocked at once when you call the number on the back of it"
    line = ServedQuery(
        "what do I do about a lost card",
        (Shown("7"),),
        answer=f"What do I do about a lost card? {document.capitalize()}. I hope that this helps!",
    )
    assert own_answers([line], {"7": document}) == ("i hope that this helps",)
    assert document in own_answers([line], {})[0]
    assert own_answers([replace(line, answer=""), replace(line, answer="Yes.")], {}) == ()
