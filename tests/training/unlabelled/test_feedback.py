"""Feedback: pairs and a task from clicks and ratings, against a made log whose truth is known."""

import random
from dataclasses import replace

import numpy as np
import pytest
from made_clicks import made_log

from training.evaluation.evaluate import Ranking, scores_of_ranking
from training.pairs import HoldOut
from training.unlabelled import Document, Feedback, ServedQuery, Shown

NONE = HoldOut(share=0.0)
HALF = HoldOut(share=0.5)


def derived(made, lines=None, feedback=None):
    return (feedback or Feedback()).derive(lines or made.served, made.corpus, NONE)


def texts(pairs):
    return [(pair.query, pair.positive) for pair in pairs]


@pytest.mark.parametrize("visits", [1, 3, 10])
def test_pairs_are_far_more_often_right_than_raw_clicks(visits):
    made = made_log(visits=visits)
    pairs, raw = texts(derived(made).pairs), made.raw_clicks()
    wrong, wrong_raw = 1 - made.precision(pairs), 1 - made.precision(raw)
    assert wrong < 0.1
    assert wrong < wrong_raw / 2
    assert made.coverage(pairs) > 0.65 * made.coverage(raw)


def test_negatives_are_what_users_passed_over_and_no_answers():
    made = made_log()
    pairs = [pair for pair in derived(made).pairs if pair.negative]
    assert len(pairs) > 100
    assert made.precision([(pair.query, pair.negative) for pair in pairs]) < 0.02


def test_clicks_that_are_only_noise_give_next_to_no_pairs():
    made = made_log(on_answers=0.05, visits=10)
    assert len(derived(made).pairs) < 0.05 * len(made.answers)


def test_all_pairs_are_of_one_kind_with_lasting_ids_best_first():
    made = made_log()
    first, again = derived(made), derived(made, made.served[::-1])
    assert {pair.source for pair in first.pairs} == {first.kind} == {"feedback"}
    assert {pair.id for pair in first.pairs} == {pair.id for pair in again.pairs}
    better, worse = first.pairs[:60], first.pairs[-60:]
    assert made.precision(texts(better)) >= made.precision(texts(worse))


def test_a_flood_of_one_user_changes_little():
    made = made_log()
    junk = random.Random(1)
    flood = [
        replace(line, clicked=(junk.choice(line.shown).id,), user="flood", session="")
        for line in made.served[::3] * 20
    ]
    calm, flooded = derived(made), derived(made, [*made.served, *flood])
    assert made.precision(texts(flooded.pairs)) > 0.9
    assert made.coverage(texts(flooded.pairs)) > 0.8 * made.coverage(texts(calm.pairs))


def test_pairs_of_one_user_are_at_most_a_share_of_all():
    made = made_log()
    own = [
        replace(line, query=f"nonsense {n}", clicked=(line.shown[0].id,), user="flood", session="")
        for n, line in enumerate(made.served * 2)
    ]
    found = derived(made, [*made.served, *own])
    flooded = [pair for pair in found.pairs if pair.query.startswith("nonsense")]
    # A tenth of the votes; most of the others' votes are no clicks.
    assert len(flooded) < 0.1 * (len(made.served) + 200)
    assert "lines beyond the share of a user" in found.reason


def test_users_that_click_as_no_person_does_are_left_out_and_counted():
    made = made_log()
    greedy = [
        replace(line, clicked=tuple(each.id for each in line.shown), user="crawler")
        for line in made.served[:60]
    ]
    found = derived(made, [*made.served, *greedy])
    assert "left out: 60 lines of programs" in found.reason
    assert texts(found.pairs) == texts(derived(made).pairs)


def test_sessions_that_ask_faster_than_people_type_are_left_out():
    made = made_log()
    fast = [
        replace(line, user="script", session="x", timestamp=1_770_000_000.0 + place)
        for place, line in enumerate(made.served[:40])
    ]
    assert "40 lines of programs" in derived(made, [*made.served, *fast]).reason


def test_a_log_dated_by_the_day_is_no_program():
    made = made_log()
    dated = [replace(line, user="u1", timestamp=1_769_904_000.0) for line in made.served]
    assert "programs" not in derived(made, dated).reason


def test_a_user_has_one_vote_on_a_query_however_often_it_is_asked():
    corpus = [Document(str(n), f"text {n}") for n in range(4)]
    shown = tuple(Shown(str(n)) for n in range(4))
    line = ServedQuery("where", shown, clicked=("2",), user="one")
    once = Feedback()._judge([line], corpus).relevance
    often = Feedback()._judge([line] * 5000, corpus).relevance
    assert np.allclose(once.probability, often.probability)


RESULTS = [Document(str(n), f"text {n}") for n in range(200)]


def rated(votes, *, query="where is it", clicked=()):
    """Return lines in which users rated result 7: one line per vote."""
    return [
        ServedQuery(query, (Shown("5"), Shown("7"), Shown("9")), clicked, (("7", vote),), user=who)
        for who, vote in votes
    ]


def test_ratings_alone_give_pairs_and_negatives():
    log = [
        ServedQuery(
            f"question {n}", (Shown(str(n)), Shown(str(n + 100))), (), ((str(n), 1),), user=f"u{n}"
        )
        for n in range(40)
    ]
    log += [replace(line, feedback=((line.shown[1].id, -1),), user=f"x{line.user}") for line in log]
    found = Feedback().derive(log, RESULTS, NONE)
    assert len(found.pairs) == 40
    assert all(int(p.negative.split()[1]) == int(p.positive.split()[1]) + 100 for p in found.pairs)


def test_a_rating_outweighs_clicks():
    made = made_log()
    wrong = next(
        (line.query, each)
        for line in made.served
        for each in line.clicked
        if made.text(each) in made.answers[line.query]
    )
    lines = [
        replace(line, feedback=((wrong[1], -1),)) if line.query == wrong[0] else line
        for line in made.served
    ]
    assert (wrong[0], made.text(wrong[1])) in texts(derived(made).pairs)
    assert (wrong[0], made.text(wrong[1])) not in texts(derived(made, lines).pairs)


def test_contradicting_ratings_are_dropped_and_counted():
    base = rated([("a", 1), ("b", 1)], query="agreed")
    between = Feedback().derive([*base, *rated([("a", 1), ("b", -1)])], RESULTS, NONE)
    within = Feedback().derive([*base, *rated([("a", 1), ("a", -1)])], RESULTS, NONE)
    assert [pair.query for pair in between.pairs] == ["agreed"]
    assert [pair.query for pair in within.pairs] == ["agreed"]
    assert "2 contradicting ratings" in between.reason
    assert "1 contradicting ratings" in within.reason


def test_unknown_ids_are_left_out_and_counted_never_taken_for_text():
    made = made_log()
    known = made.corpus[: len(made.corpus) // 3]
    found = Feedback().derive(made.served, known, NONE)
    assert "results of unknown ids" in found.reason
    assert found.pairs
    assert all(pair.positive.startswith("text ") for pair in found.pairs)
    missing = Feedback().derive(made.served, [], NONE)
    assert missing.pairs == ()


def test_results_that_only_have_a_text_are_named_by_it():
    made = made_log()
    named = {str(n): each.text for n, each in enumerate(made.corpus)}
    lines = [
        replace(
            line,
            shown=tuple(Shown(text=named[each.id]) for each in line.shown),
            clicked=tuple(named[each] for each in line.clicked),
        )
        for line in made.served
    ]
    found = Feedback().derive(lines, [], NONE)
    assert texts(found.pairs) == texts(derived(made).pairs)


def test_clicks_without_results_are_counted():
    made = made_log()
    found = derived(made, [*made.served, ServedQuery("lost", clicked=("1", "2"))])
    assert "2 clicks without results" in found.reason


def test_a_log_without_clicks_says_so():
    made = made_log()
    found = derived(made, [replace(line, clicked=()) for line in made.served])
    assert found.pairs == ()
    assert found.reason == "no line of the log has a click or a rating"


def test_held_out_queries_give_no_pairs_and_are_measured_on():
    made = made_log()
    pairs = Feedback().derive(made.served, made.corpus, HALF).pairs
    task = Feedback().task(made.served, made.corpus, HALF)
    assert task.name == "proxy/feedback"
    assert not any(HALF.holds(pair.query) for pair in pairs)
    assert all(HALF.holds(query) for query in task.queries.values())
    assert len(task.corpus) == len(made.corpus)
    assert Feedback().task(made.served, made.corpus, NONE) is None


def ndcg(task, order):
    """Return the mean nDCG@10 of rankings: text of a query -> texts of documents, best first."""
    names, documents = sorted(task.queries), sorted(task.corpus)
    place = {task.corpus[name]: row for row, name in enumerate(documents)}
    rows = np.array([[place[text] for text in order(task.queries[name])] for name in names])
    ranking = Ranking(tuple(names), tuple(documents), rows.astype(np.int32), rows * 0.0)
    return scores_of_ranking(task, ranking)[task.name].metrics["ndcg_at_10"]


def test_the_task_does_not_repeat_the_ranking_of_the_model_that_served():
    made = made_log(queries=1500, visits=10)
    task = Feedback().task(made.served, made.corpus, HALF)
    served = {}
    for line in made.served:
        served.setdefault(line.query, [made.text(each.id) for each in line.shown])

    def champion(query):
        return served[query]

    def better(query):
        answers = [text for text in served[query] if text in made.answers[query]]
        return [*answers, *(text for text in served[query] if text not in answers)]

    def worse(query):
        answers = [text for text in served[query] if text in made.answers[query]]
        return [*(text for text in served[query] if text not in answers), *answers]

    now, up, down = (ndcg(task, order) for order in (champion, better, worse))
    assert (up - now).mean() > 0.1
    assert (down - now).mean() < -0.1
    # Over all queries whose answer was shown, whether or not anybody noticed it.
    shown = {query for query, texts in served.items() if made.answers[query] & set(texts)}
    real = [1 / np.log2(2 + served[q].index(next(iter(made.answers[q])))) for q in shown]
    assert abs(now.mean() - np.mean(real)) < 0.06
