"""Structure: titles, first sentences and crops, never what many documents repeat."""

from training.unlabelled import Corpus, Document, Reserved, Structure
from training.unlabelled.lexical import words_of
from training.unlabelled.passages import sentences_of, shortened

TEXT = (
    "We block a lost card at once, day or night. A new card comes by post within five days. "
    "Until then you can pay with your phone in every shop."
)


def pairs_of(*documents, **settings):
    return Structure(**settings).derive(Corpus(documents)).pairs


def test_a_title_asks_for_its_text_and_a_first_sentence_for_the_rest():
    (titled,) = pairs_of(Document("1", TEXT, "A lost card"), per_document=1)
    assert (titled.query, titled.positive) == ("A lost card", TEXT)
    (first,) = pairs_of(Document("1", TEXT), per_document=1)
    assert first.query == sentences_of(TEXT)[0]
    assert first.positive == " ".join(sentences_of(TEXT)[1:])


def test_a_crop_lacks_words_and_its_document_lacks_the_sentence():
    _, crop = pairs_of(Document("1", TEXT, "A lost card"), per_document=2)
    source = next(
        each for each in sentences_of(TEXT) if set(crop.query.split()) <= set(each.split())
    )
    assert len(crop.query.split()) < len(source.split())
    assert source not in crop.positive
    assert crop.positive.startswith("A lost card")


def test_each_document_gives_at_most_so_many_pairs():
    text = " ".join(f"Sentence {letter} tells something else about cards." for letter in "abcde")
    long = Document("1", text)
    assert len(pairs_of(long, per_document=3)) == 3


def test_repeated_titles_and_sentences_are_no_queries():
    notice = "All rights are reserved by the bank of the town."
    texts = [
        f"{notice} This text number {n} tells of cards. It has more of {n} too." for n in range(5)
    ]
    documents = [Document(text, text, "Home") for text in texts]
    pairs = pairs_of(*documents, minimum_rest=5)
    assert pairs
    assert not any("rights" in pair.query or pair.query == "Home" for pair in pairs)
    assert pairs_of(*(Document(str(n), f"{notice} {n}", "Home") for n in range(5))) == ()


def test_short_texts_give_nothing_and_are_counted():
    derived = Structure().derive(Corpus([Document("1", "See above.", "Note"), Document("2", TEXT)]))
    assert len(derived.pairs) == 2
    assert "too short or repeated: 1" in derived.reason


def test_a_bounded_number_of_documents_is_chosen_by_their_ids():
    texts = (TEXT.replace("a", f"a{number}") for number in range(40))
    documents = [Document(str(number), text) for number, text in enumerate(texts)]
    short = [Document(f"short {number}", f"See {number}.") for number in range(40)]
    few = Structure(maximum=10).derive(Corpus([*documents, *short]))
    more = Structure(maximum=10).derive(Corpus([*documents[::-1], *short, Document("z", "")]))
    assert len(few.pairs) == 20
    assert few.pairs == more.pairs
    assert "not needed" in few.reason


def test_a_reserved_query_is_no_title():
    taboo = Reserved(queries=frozenset({"a lost card"}))
    derived = Structure().derive(Corpus([Document("1", TEXT, "A lost card")]), taboo)
    assert derived.pairs
    assert all(pair.query != "A lost card" for pair in derived.pairs)


def test_scripts_without_blanks_have_sentences_and_crops():
    text = "卡丢失后请立即挂失。新卡将在五天内寄出。在此之前您可以使用手机付款。"
    assert len(sentences_of(text)) == 3
    pairs = pairs_of(Document("1", text))
    assert len(pairs) == 2
    crop = shortened("在此之前您可以使用手机付款", 0.5, "seed")
    assert 0 < len(words_of(crop)) < len(words_of("在此之前您可以使用手机付款"))
