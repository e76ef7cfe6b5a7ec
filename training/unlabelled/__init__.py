"""Pairs and measurements without labels: from documents, served logs and feedback."""

from training.unlabelled.derived import Derived
from training.unlabelled.document import Document
from training.unlabelled.feedback import FEEDBACK_TASK, Feedback
from training.unlabelled.log_split import split_log
from training.unlabelled.screens import Screen, Screened, Screens
from training.unlabelled.served_query import ServedQuery, Shown

__all__ = [
    "FEEDBACK_TASK",
    "Derived",
    "Document",
    "Feedback",
    "Screen",
    "Screened",
    "Screens",
    "ServedQuery",
    "Shown",
    "split_log",
]
