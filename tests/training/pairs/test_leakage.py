"""The leakage guard: whatever repeats an evaluation query is removed and counted."""

from hypothesis import given
from hypothesis import strategies as st

from training.pairs.leakage import LeakageGuard
from training.pairs.pair import Pair, normalised


def numbered(count, prefix="question"):
    return [Pair(str(i), f"{prefix} number {i}", f"answer {i}") for i in range(count)]


def test_exact_and_near_duplicates_of_evaluation_queries_are_removed_and_counted():
    pairs = [
        Pair("exact", "How can I block my card?", "a"),
        Pair("as-positive", "something else", "how can i block my card"),
        Pair("near-words", "how can i please block my card", "c"),
        Pair("near-letters", "hippopotamuses", "d"),
        Pair("kept", "where is the station", "e"),
    ]
    kept, leakage = LeakageGuard().clean(pairs, ["How can I block my card", "hippopotamuse"])
    assert [p.id for p in kept] == ["kept"]
    assert (leakage.exact, leakage.near) == (2, 2)
    assert leakage.examples[0] == ("How can I block my card?", "How can I block my card")


def test_short_texts_that_share_some_words_are_no_duplicates():
    pairs = [Pair("1", "card lost", "x"), Pair("2", "lost", "y")]
    kept, leakage = LeakageGuard().clean(pairs, ["card stolen", "the cost of it"])
    assert kept == pairs and (leakage.exact, leakage.near) == (0, 0)


def test_no_evaluation_queries_remove_nothing():
    assert LeakageGuard().clean(numbered(3), [])[0] == numbered(3)


@given(
    st.lists(st.text(alphabet="abcd ", min_size=1, max_size=30), min_size=1, max_size=12),
    st.text("abcd ", min_size=1),
)
def test_near_duplicates_are_exactly_those_of_the_definition(texts, query):
    pairs = [Pair(str(i), text, "zzzzzz") for i, text in enumerate(texts)]
    kept, _ = LeakageGuard().clean(pairs, [query])

    def runs(text):
        return {text[i : i + 4] for i in range(len(text) - 3)} or {text}

    def leaks(text):
        a, b = normalised(text), normalised(query)
        if a == b or len(runs(a) & runs(b)) >= 0.8 * len(runs(a) | runs(b)):
            return True
        words = set(a.split()), set(b.split())
        return min(map(len, words)) >= 4 and len(words[0] & words[1]) >= 0.8 * len(
            words[0] | words[1]
        )

    assert [p.id for p in kept] == [p.id for p in pairs if not leaks(p.query)]
