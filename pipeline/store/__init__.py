"""The store: arrivals, cycles and promotions in one database; the only room with SQL."""

from pipeline.store.acceptances import Acceptance
from pipeline.store.arrivals import Arrivals
from pipeline.store.canaries import CanaryKey, CanaryRow
from pipeline.store.compacting import compact, rewrite
from pipeline.store.counts import DiscardedCounts, FileCounts, FileState, StoreCounts
from pipeline.store.cycles import CycleRow
from pipeline.store.damage import shows_damage, why_damaged, why_unreadable
from pipeline.store.database import StoreUnusable, absent_file, missing_driver
from pipeline.store.discards import Discard, Named, Selection
from pipeline.store.erasable import ERASED, Erasable, ErasedBy, Place, words_of
from pipeline.store.erasures import Erasure
from pipeline.store.hold import HoldLost, opening_alone
from pipeline.store.judgements import Judgement, Judging, Preference
from pipeline.store.migrations import REVISIONS
from pipeline.store.outbox import Message, OutboxCounts
from pipeline.store.prefixes import replace_prefix
from pipeline.store.preprocessings import ReadAlike, fingerprint_of
from pipeline.store.promotions import Action, HistoryBroken, HistoryHead, Promotion
from pipeline.store.pruned import Pruned, PrunedKind
from pipeline.store.records import Added, Fault, FileProgress, Kind, Record, Role, Traffic
from pipeline.store.served import VECTORS_ONLY
from pipeline.store.snapshot import copy_at_once, revision_of, value_in
from pipeline.store.store import Store
from pipeline.store.writable import why_not_written

__all__ = [
    "ERASED",
    "REVISIONS",
    "VECTORS_ONLY",
    "Acceptance",
    "Action",
    "Added",
    "Arrivals",
    "CanaryKey",
    "CanaryRow",
    "CycleRow",
    "Discard",
    "DiscardedCounts",
    "Erasable",
    "ErasedBy",
    "Erasure",
    "Fault",
    "FileCounts",
    "FileProgress",
    "FileState",
    "HistoryBroken",
    "HistoryHead",
    "HoldLost",
    "Judgement",
    "Judging",
    "Kind",
    "Message",
    "Named",
    "OutboxCounts",
    "Place",
    "Preference",
    "Promotion",
    "Pruned",
    "PrunedKind",
    "ReadAlike",
    "Record",
    "Role",
    "Selection",
    "Store",
    "StoreCounts",
    "StoreUnusable",
    "Traffic",
    "absent_file",
    "compact",
    "copy_at_once",
    "fingerprint_of",
    "missing_driver",
    "opening_alone",
    "replace_prefix",
    "revision_of",
    "rewrite",
    "shows_damage",
    "value_in",
    "why_damaged",
    "why_not_written",
    "why_unreadable",
    "words_of",
]
