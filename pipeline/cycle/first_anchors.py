"""The first anchors of a team that declared none: known items of its documents, frozen."""

from dataclasses import replace

from pipeline.store import Store
from pipeline.workspace import Tables
from training.evaluation import EvaluationSet
from training.unlabelled import Corpus

FIRST_ANCHOR = "anchor/known-items"


def first_anchors(store: Store, tables: Tables) -> tuple[list[EvaluationSet], tuple[str, ...]]:
    """Return what the first version holds on to, and a sentence about it.

    Without an anchor set nothing can be promoted. Where the settings name none and there are
    documents, each of some documents must be found by its title or by a part of itself. The set
    stays as it is, whatever becomes of the documents.

    Parameters
    ----------
    store, tables
        Where the documents are, and the settings.
    """
    if tables.anchors:
        return [], ()
    documents = store.some_documents(tables.data.corpus_sample)
    if not documents:
        return [], ()
    made = tables.known_items.make(Corpus(documents))
    queries = len(made.task.queries) if made.task else 0
    fewest = tables.learned_anchors.minimum_queries
    if made.task is None or queries < fewest:
        told = (
            f"the settings name no anchor set ([anchors.NAME]), and the documents give too few "
            f"known items for one ({made.reason}; learned_anchors.minimum_queries is {fewest}), so "
            "nothing can be promoted until there is one"
        )
        return [], (told,)
    told = (
        f"the settings name no anchor set ([anchors.NAME]), so {queries} known items of the "
        f"documents were frozen as {FIRST_ANCHOR}: documents to be found by their titles or by a "
        "part of themselves; judged queries of your own say more"
    )
    return [replace(made.task, name=FIRST_ANCHOR)], (told,)
