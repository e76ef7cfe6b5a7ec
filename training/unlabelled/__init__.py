"""Pairs and measurements without labels: from documents, served logs and feedback."""

from training.unlabelled.centre import Centre, Centred, centred
from training.unlabelled.consensus import Consensus
from training.unlabelled.corpus import Corpus, distinct_queries
from training.unlabelled.derived import Derived, derived_id
from training.unlabelled.document import Document
from training.unlabelled.feedback import FEEDBACK_TASK, Feedback
from training.unlabelled.headroom import Headroom, headroom
from training.unlabelled.known_items import KnownItems
from training.unlabelled.lexical import LexicalIndex
from training.unlabelled.lexical_truth import LexicalTruth
from training.unlabelled.log_split import split_log
from training.unlabelled.proxy import Proxy
from training.unlabelled.recipe import Recipe
from training.unlabelled.reformulation import Reformulation
from training.unlabelled.reserved import Reserved
from training.unlabelled.screens import Screen, Screened, Screens
from training.unlabelled.served_query import ServedQuery, Shown, shown_ids
from training.unlabelled.structure import Structure

__all__ = [
    "FEEDBACK_TASK",
    "Centre",
    "Centred",
    "Consensus",
    "Corpus",
    "Derived",
    "Document",
    "Feedback",
    "Headroom",
    "KnownItems",
    "LexicalIndex",
    "LexicalTruth",
    "Proxy",
    "Recipe",
    "Reformulation",
    "Reserved",
    "Screen",
    "Screened",
    "Screens",
    "ServedQuery",
    "Shown",
    "Structure",
    "centred",
    "derived_id",
    "distinct_queries",
    "headroom",
    "shown_ids",
    "split_log",
]
