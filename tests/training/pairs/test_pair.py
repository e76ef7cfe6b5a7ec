from hypothesis import given
from hypothesis import strategies as st

from training.pairs.hold_out import HoldOut
from training.pairs.labels import same_meaning_groups
from training.pairs.leakage import LeakageGuard
from training.pairs.pair import Pair, normalised


def numbered(count, prefix="question"):
    return [Pair(str(i), f"{prefix} number {i}", f"answer {i}") for i in range(count)]


def test_normalisation_ignores_case_punctuation_and_spaces():
    assert normalised("Lost my CARD!") == normalised("lost  my card") == "lost my card"
    assert normalised("ﬁne") == "fine"


def test_a_text_of_punctuation_alone_keeps_its_identity():
    assert normalised("???") == "???" != normalised("!")


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = normalised(text)
    assert normalised(once) == once or not once.isascii()


def test_a_query_is_never_on_both_sides():
    pairs = numbered(100) + [
        Pair(f"b{i}", f"Question number {i}!", f"other {i}") for i in range(100)
    ]
    training, held_out = HoldOut().split(pairs)
    assert not {normalised(p.query) for p in training} & {normalised(p.query) for p in held_out}
    assert len(training) + len(held_out) == 200


def test_the_side_depends_on_neither_order_nor_what_else_arrives():
    few, many = numbered(300), numbered(400)
    held_first = {p.id for p in HoldOut().split(few)[1]}
    held_later = {p.id for p in HoldOut().split(many[::-1])[1]}
    assert held_first == {i for i in held_later if int(i) < 300}


def test_holding_out_respects_minimum_and_maximum():
    assert len(HoldOut(minimum=30).split(numbered(80))[1]) >= 30
    assert len(HoldOut(minimum=30).split(numbered(20))[1]) == 10
    assert len(HoldOut(maximum=25).split(numbered(1000))[1]) == 25
    assert HoldOut(share=0.0).split(numbered(50))[1] == []


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
    assert (leakage.exact, leakage.near, leakage.removed) == (2, 2, 4)
    assert leakage.examples[0] == ("How can I block my card?", "How can I block my card")


def test_short_texts_that_share_some_words_are_no_duplicates():
    pairs = [Pair("1", "card lost", "x"), Pair("2", "lost", "y")]
    kept, leakage = LeakageGuard().clean(pairs, ["card stolen", "the cost of it"])
    assert kept == pairs and leakage.removed == 0


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


def test_texts_on_both_sides_form_groups_and_documents_do_not():
    same = [Pair("1", "a", "b"), Pair("2", "b", "c"), Pair("3", "d", "c")]
    groups = same_meaning_groups(same)
    assert groups["a"] == groups["b"] == groups["c"]
    assert same_meaning_groups([Pair("1", "q1", "doc"), Pair("2", "q2", "doc")]) == {}
    assert same_meaning_groups(same) == same_meaning_groups(same[::-1])
