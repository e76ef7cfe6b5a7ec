"""Reformulation: what was clicked after the same wish was asked again."""

from training.unlabelled import Corpus, Document, Reformulation, ServedQuery, Shown

CORPUS = Corpus([Document("7", "We block it at once."), Document("9", "Open from nine to five.")])


def asked(query, at, clicked=(), session="s", user="", shown=("7", "9"), feedback=()):
    results = tuple(Shown(name) for name in shown)
    return ServedQuery(
        query, results, tuple(clicked), feedback, session=session, user=user, timestamp=float(at)
    )


def pairs_of(*log, **settings):
    derived = Reformulation(**settings).derive(log, CORPUS)
    return [(pair.query, pair.positive) for pair in derived.pairs]


def test_all_unanswered_queries_before_a_click_lead_to_what_was_clicked():
    log = [asked("card gone", 0), asked("card gone help", 30), asked("lost card", 60, ["9", "7"])]
    block = "We block it at once."
    assert pairs_of(*log) == [("card gone", block), ("card gone help", block)]


def test_other_sessions_later_hours_and_other_wishes_give_nothing():
    click = asked("lost card", 60, ["7"])
    assert pairs_of(asked("card gone", 0, session="t"), click) == []
    assert pairs_of(asked("card gone", 0), asked("lost card", 400, ["7"])) == []
    assert pairs_of(asked("weather", 0, shown=()), click) == []
    assert pairs_of(asked("lost card", 0), click) == []
    assert (
        pairs_of(asked("card gone", 0, session=""), asked("lost card", 9, ["7"], session="")) == []
    )


def test_a_query_that_was_answered_is_not_reformulated():
    click = asked("lost card", 60, ["7"])
    assert pairs_of(asked("card gone", 0, ["9"]), click) == []
    assert pairs_of(asked("card gone", 0, feedback=(("9", 1),)), click) == []
    assert len(pairs_of(asked("card gone", 0, feedback=(("9", -1),)), click)) == 1


def test_one_user_cannot_flood_the_pairs():
    log = []
    for number in range(100):
        log.append(asked(f"card gone {number}", 1000 * number, user="u"))
        log.append(asked("lost card", 1000 * number + 9, ["7"], user="u"))
    assert len(pairs_of(*log, per_user=5, per_document=50)) == 5
    assert len(pairs_of(*log, per_user=50, per_document=7)) == 7


def test_clicks_on_texts_and_unknown_documents():
    first = ServedQuery("card gone", session="s", timestamp=0.0)
    text = ServedQuery("lost card gone", (), ("We block it at once.",), session="s", timestamp=9.0)
    unknown = ServedQuery("lost card gone", (), ("404",), session="s", timestamp=9.0)
    assert len(pairs_of(first, text)) == 1
    derived = Reformulation().derive([first, unknown], CORPUS)
    assert derived.pairs == ()
    assert "the clicked document is unknown: 1" in derived.reason
