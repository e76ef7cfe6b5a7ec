"""The labels: which texts mean the same, whatever their order."""

from hypothesis import given
from hypothesis import strategies as st

from training.pairs.labels import same_meaning_groups
from training.pairs.pair import Pair


def test_texts_on_both_sides_form_groups_and_documents_do_not():
    same = [Pair("1", "a", "b"), Pair("2", "b", "c"), Pair("3", "d", "c")]
    groups = same_meaning_groups(same)
    assert groups["a"] == groups["b"] == groups["c"]
    assert same_meaning_groups([Pair("1", "q1", "doc"), Pair("2", "q2", "doc")]) == {}
    assert same_meaning_groups(same) == same_meaning_groups(same[::-1])


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=12))
def test_a_group_is_what_links_of_two_sided_texts_connect_and_has_its_smallest_text_as_key(links):
    pairs = [Pair(str(n), *link) for n, link in enumerate(links)]
    two_sided = {query for query, _ in links} & {positive for _, positive in links}
    connected = {text: {text} for link in links if two_sided & {*link} for text in link}
    for _ in links:
        for query, positive in links:
            if two_sided & {query, positive}:
                both = connected[query] | connected[positive]
                for text in both:
                    connected[text] = both
    expected = {text: min(others) for text, others in connected.items()}
    assert same_meaning_groups(pairs) == expected
