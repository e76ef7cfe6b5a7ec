"""An evaluation set made of answers: queries of the log, and the documents people preferred."""

from collections.abc import Mapping, Sequence

from pipeline.store import Judgement
from training.evaluation import EvaluationSet
from training.faults import DataFault
from training.pairs import hash_share, normalised


def anchor_set(
    name: str,
    judgements: Sequence[Judgement],
    documents: Mapping[str, str],
    *,
    maximum_documents: int = 5_000,
) -> EvaluationSet:
    """Return an evaluation set of what people answered about all versions.

    A query is answered by the best document of the side that was preferred; where both were good,
    by the best document of each. A query for which nothing was good is left out, as is a document
    that another answer about the same query says is worse.

    Parameters
    ----------
    name
        Name of the set.
    judgements
        Answers that are not undone, oldest first.
    documents
        Id -> text of the corpus: documents that are not shown become wrong answers to find.
    maximum_documents
        Size of the corpus; documents that were shown are never left out.

    Raises
    ------
    DataFault
        No query has an answer.
    """
    corpus: dict[str, str] = {}
    grades: dict[str, dict[str, int]] = {}
    queries: dict[str, str] = {}
    for each in judgements:
        query = normalised(each.query)
        queries.setdefault(query, each.query)
        found = grades.setdefault(query, {})
        for ranking in each.results.values():
            for key, text in ranking:
                corpus.setdefault(key, text)
        # The newest answer counts: people may know more by now.
        for version, ranking in each.results.items():
            found[ranking[0][0]] = int(each.answer in (version, "same"))
        if each.answer in ("first", "second"):
            found[each.results[each.answer][0][0]] = 1
    relevant = {
        f"q{number}": {key: 1 for key, grade in grades[query].items() if grade}
        for number, query in enumerate(queries)
    }
    texts = {f"q{number}": text for number, text in enumerate(queries.values())}
    answered = [query for query, found in relevant.items() if found]
    if not answered:
        raise DataFault(
            "no answer names a good result yet; an evaluation set needs one at least "
            "(`anchorhold judge`)"
        )
    further = sorted(documents.keys() - corpus.keys(), key=lambda key: hash_share(0, "anchor", key))
    for key in further[: max(0, maximum_documents - len(corpus))]:
        corpus[key] = documents[key]
    return EvaluationSet(
        name,
        {query: texts[query] for query in answered},
        corpus,
        {query: relevant[query] for query in answered},
    )
