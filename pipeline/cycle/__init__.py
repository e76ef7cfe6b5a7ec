"""One cycle, from intake to a recorded outcome."""

from pipeline.cycle.approval import approvals
from pipeline.cycle.awaiting_index import awaits_index
from pipeline.cycle.canary import canary_now, harm_now
from pipeline.cycle.canary_keys import digest_of_key
from pipeline.cycle.check import check_now, observe
from pipeline.cycle.cosines import movement_of
from pipeline.cycle.erasing import finish_erasing
from pipeline.cycle.fresh_quality import quality_beside
from pipeline.cycle.given import rehearse_candidate
from pipeline.cycle.history import History, verify_history
from pipeline.cycle.index_plan import plan_index
from pipeline.cycle.indexing import Indexing
from pipeline.cycle.kinds import KINDS, answers_folder
from pipeline.cycle.old_cycles import leftovers
from pipeline.cycle.past_checks import lately
from pipeline.cycle.promotion import Champions, rolled_back
from pipeline.cycle.record import record_golden
from pipeline.cycle.repaired_history import repair_champion, repair_history_head
from pipeline.cycle.retention import Plan, plan_retention
from pipeline.cycle.run import run_candidate, run_cycle
from pipeline.cycle.window import Gathered, checks, known_until, later_reference, texts_between

__all__ = [
    "KINDS",
    "Champions",
    "Gathered",
    "History",
    "Indexing",
    "Plan",
    "answers_folder",
    "approvals",
    "awaits_index",
    "canary_now",
    "check_now",
    "checks",
    "digest_of_key",
    "finish_erasing",
    "harm_now",
    "known_until",
    "lately",
    "later_reference",
    "leftovers",
    "movement_of",
    "observe",
    "plan_index",
    "plan_retention",
    "quality_beside",
    "record_golden",
    "rehearse_candidate",
    "repair_champion",
    "repair_history_head",
    "rolled_back",
    "run_candidate",
    "run_cycle",
    "texts_between",
    "verify_history",
]
