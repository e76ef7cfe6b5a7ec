"""Cycles that cannot go on: how they end, so that the next one can begin."""

from pipeline.results import DecisionResult, Outcome, Verdict
from training.faults import NoEmbedding


def cut_short(fault: Exception) -> tuple[Outcome, DecisionResult, Verdict | None]:
    """Return the outcome, decision and verdict of a cycle that a fault ended.

    A text without an embedding blocks until a person excludes it. What was deleted is no evidence
    against the candidate; the next cycle sees what arrived as new.
    """
    if isinstance(fault, NoEmbedding):
        blocked = DecisionResult(train=False, reasons=(str(fault),), blocked_by=("embeddings",))
        return "blocked", blocked, None
    reason = f"inconclusive: something that this cycle worked with was deleted: {fault}"
    verdict = Verdict(promote=False, outcome="inconclusive", reasons=(reason,))
    return "inconclusive", DecisionResult(train=False, reasons=(reason,)), verdict


def no_candidate(fault: Exception) -> Verdict:
    """Return the verdict where a fault left nothing to judge."""
    reason = f"rejected: there is no candidate: {fault}"
    return Verdict(promote=False, outcome="rejected", reasons=(reason,))
