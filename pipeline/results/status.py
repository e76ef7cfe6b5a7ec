"""The result of `anchorhold status`: the state of a workspace."""

from drift_triggers.cause import Source
from pipeline.results.acceptance import AcceptanceStatus
from pipeline.results.anchor_power import AnchorPower
from pipeline.results.canary import CanaryResult, RolledBackVersion
from pipeline.results.computing import Computing
from pipeline.results.index import IndexStatus
from pipeline.results.intake import IntakeCounts, LogCounts
from pipeline.results.messages import MessagesStatus
from pipeline.results.moment import Moment
from pipeline.results.outlook import GateOutlook
from pipeline.results.result import Result


class ChampionStatus(Result):
    """The version that serves.

    Attributes
    ----------
    version, cycle
        Its number, and the cycle that made it.
    fingerprint
        Identity of its embedding space.
    age_days
        Days since it was trained.
    """

    version: int
    cycle: str
    fingerprint: str
    age_days: float


class WaitingCounts(Result):
    """Records that arrived since the champion was trained; `served` of `traffic` are of logs.

    The next cycle uses `used_pairs` of the pairs.
    """

    pairs: int
    traffic: int
    served: int = 0
    used_pairs: int = 0


class RecordCounts(Result):
    """Where stored records are: all others together are those stored.

    Pairs are passed over when more of them waited for a version than its cycle used. Those held
    back by a screen wait for a person's word; they are counted once a version was promoted.
    """

    stored: int
    learned: int
    waiting: int
    discarded: int
    passed_over: int = 0
    held_back: int = 0


class DocumentCounts(Result):
    """The documents that there are now, and their stored and excluded versions."""

    documents: int = 0
    versions: int = 0
    discarded: int = 0


class StoredRecords(Result):
    """The stored records of each kind; each served line is a text of the traffic too."""

    pairs: RecordCounts
    traffic: RecordCounts
    served: RecordCounts = RecordCounts(stored=0, learned=0, waiting=0, discarded=0)
    documents: DocumentCounts = DocumentCounts()


class GateStatus(Result):
    """Whether the gate can tell a harmful candidate from a harmless one, and what it lacks."""

    meaningful: bool
    warnings: tuple[str, ...]


class PassedVersion(Result):
    """A version that passed the gate and waits for a person's approval."""

    version: int
    cycle: str


class CycleStatus(Result):
    """One finished cycle: how it ended, when it started, and the version that served after it.

    Attributes
    ----------
    source
        Where drift came from: "input", "model", "fine-tuning", "unknown"; "none" without drift.
    """

    cycle: str
    outcome: str
    started: Moment
    champion: int
    source: Source = "none"


class HistoryStatus(Result):
    """The promotion history, whose chain is whole.

    Attributes
    ----------
    rows
        Number of its entries.
    verified
        Whether MLflow confirms its last entry.
    """

    rows: int
    verified: bool


class PromotionStatus(Result):
    """One entry of the promotion history; `who` decided, and is empty for a cycle."""

    version: int
    previous: int | None
    action: str
    reason: str
    at: Moment
    who: str = ""


class StatusResult(Result):
    """The state of a workspace.

    Attributes
    ----------
    model
        Name of the registered model.
    champion
        The version that serves.
    waiting
        Records that no version has learned from.
    records
        Where the stored records are.
    log
        What the lines of served logs became, ever; those with results, clicks and feedback are the
        stored ones as they are now.
    read
        What became of all records that were read, ever.
    quarantined
        Records in quarantine; `anchorhold quarantine` lists them.
    redacted
        Stored records that had personal data taken out when they arrived (`intake.redact`), ever.
    anchors, gate
        What each anchor set can support, and what the gate lacks.
    outlook
        How often equally good candidates would pass, what limits that, and what would help; None
        without an anchor set.
    awaiting_approval
        Versions that passed the gate and wait for a person.
    approvals
        What the tags of approval in MLflow lead to, a sentence each.
    canary
        What the canary that runs shows now; None where none runs.
    rolled_back
        Versions that only `promote` with `force` lets serve again.
    cycles
        The last finished cycles, newest first.
    computing
        What models computed on in the last cycle; None where that was not recorded.
    history
        Whether the promotion history was verified.
    unfinished
        The cycle that `run` would resume; None where there is none.
    promotions
        The last entries of the promotion history, newest last.
    acceptances
        The last entries of the log of accepted texts, newest last.
    messages
        Messages to receivers that wait or were given up.
    index
        The index of the champion; None where there is none.
    erased
        Sentences that say how many records were erased, and when.
    unfinished_erasure
        Whether an erasure was begun and is not done; the next run finishes it.
    warnings
        Changed settings that the versions cannot follow, such as another base model.
    """

    model: str
    champion: ChampionStatus
    waiting: WaitingCounts
    records: StoredRecords
    log: LogCounts = LogCounts()
    read: IntakeCounts = IntakeCounts()
    quarantined: int
    redacted: int = 0
    anchors: tuple[AnchorPower, ...]
    gate: GateStatus
    outlook: GateOutlook | None = None
    awaiting_approval: tuple[PassedVersion, ...]
    approvals: tuple[str, ...] = ()
    canary: CanaryResult | None = None
    rolled_back: tuple[RolledBackVersion, ...]
    cycles: tuple[CycleStatus, ...]
    computing: Computing | None = None
    history: HistoryStatus
    unfinished: str | None
    promotions: tuple[PromotionStatus, ...]
    acceptances: tuple[AcceptanceStatus, ...] = ()
    messages: MessagesStatus = MessagesStatus()
    index: IndexStatus | None = None
    erased: tuple[str, ...] = ()
    unfinished_erasure: bool = False
    warnings: tuple[str, ...] = ()
