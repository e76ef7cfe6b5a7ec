"""Judging: blind answers of people about two versions, and what they say at any time."""

from pipeline.judging.anchors import anchor_set
from pipeline.judging.judge import Judge
from pipeline.judging.page_server import serve
from pipeline.judging.questions import Questions, Ranking
from pipeline.judging.sentences import certainty, summary
from pipeline.judging.session import Choice, Session, Shown
from pipeline.judging.sheet import read_sheet, write_sheet
from pipeline.judging.standing import Standing

__all__ = [
    "Choice",
    "Judge",
    "Questions",
    "Ranking",
    "Session",
    "Shown",
    "Standing",
    "anchor_set",
    "certainty",
    "read_sheet",
    "serve",
    "summary",
    "write_sheet",
]
