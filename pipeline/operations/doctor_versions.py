"""What the doctor finds out in an open workspace: clock, versions, model, index, anchor sets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pipeline.cycle import Indexing, rolled_back, verify_history
from pipeline.machine import size_of_folder
from pipeline.operations.status import gate_now
from pipeline.registry import Version, VersionFolder, fault_of_stored, try_writing
from pipeline.results import Diagnosis
from pipeline.search import IndexSettings
from pipeline.service.loading import Loader
from pipeline.store import Store
from pipeline.workspace import OpenWorkspace, Settings

_STATES_KEPT = 2
"""Checkpoints of a training that stay (`save_total_limit`)."""
_MODELS_PER_STATE = 3
"""A checkpoint holds the weights and two moments of each, as AdamW keeps them."""
COPIES = 3
"""Of a new version: the one that the cycle makes, MLflow's, and the checked local copy."""


def disk_needed(champion: VersionFolder, indexed: int) -> tuple[int, str]:
    """Return the bytes that a training cycle takes at once, and what for.

    Parameters
    ----------
    champion
        The version that serves: the next one has its size.
    indexed
        Bytes of its index; 0 where a cycle builds none.
    """
    model, version = size_of_folder(champion.model), size_of_folder(champion.path)
    states = (_STATES_KEPT + 1) * _MODELS_PER_STATE * model
    what = "checkpoints, and a version as large as the champion"
    return COPIES * version + states + indexed, what + (", and its index" if indexed else "")


def index_size(settings: Settings) -> int:
    """Return the bytes of an index in a local folder, where cycles build one; else 0."""
    table: IndexSettings = settings.tables.index
    if table.mode == "off" or "://" in table.uri:
        return 0
    tables = sorted((settings.root / table.uri).glob("v*"))
    return max((size_of_folder(each) for each in tables), default=0)


def check_clock(store: Store, now: datetime, future_hours: float) -> Iterator[Diagnosis]:
    """Compare the clock with what is recorded.

    Parameters
    ----------
    future_hours
        How far ahead of the clock a record may be dated, as intake allows it.
    """
    rows = store.cycles(1)
    last = max((row.finished or row.started for row in rows), default=None)
    newest = store.newest_timestamp()
    if last is not None and last > now:
        yield Diagnosis.problem(
            "clock",
            f"the clock says {_told(now)}, but cycle {rows[0].id} was at work at {_told(last)}",
            "set the clock (`timedatectl` shows it): the model's age and all pauses follow it",
        )
    elif newest is not None and newest > (now + timedelta(hours=future_hours)).timestamp():
        moment = datetime.fromtimestamp(newest, UTC)
        yield Diagnosis.warning(
            "clock",
            f"the clock says {_told(now)}, but a stored record is dated {_told(moment)}",
            "set the clock, or exclude the file or source with `anchorhold discard`",
        )
    else:
        yield Diagnosis.fine(
            "clock", f"the clock says {_told(now)}, later than all that is recorded"
        )


def check_server(opened: OpenWorkspace, now: datetime) -> Iterator[Diagnosis]:
    """Let an MLflow server take a tag."""
    if opened.settings.tracking_uri.startswith(("http:", "https:")):
        try_writing(opened.registry, now)
        yield Diagnosis.fine("tracking", "the MLflow server takes changes of the experiment")


def check_cycles(opened: OpenWorkspace) -> Iterator[Diagnosis]:
    """Say whether a cycle or a move was interrupted."""
    unfinished, move = opened.store.unfinished_cycle(), opened.store.intended_move()
    if unfinished:
        says = f"cycle {unfinished.id} was interrupted"
        yield Diagnosis.warning("cycles", says, "anchorhold run resumes it")
    elif move:
        says = f"the move to version {move['version']} was interrupted"
        yield Diagnosis.warning("cycles", says, "anchorhold run records it if it was made")
    else:
        yield Diagnosis.fine("cycles", "no cycle and no move was interrupted")


def check_champion(opened: OpenWorkspace, champion: Version) -> Iterator[Diagnosis]:
    """Compare the alias in MLflow with the promotion history, and the files with their hashes."""
    moves = opened.store.promotions()
    history = verify_history(opened.store, opened.registry)
    if moves and moves[-1].version != champion.number and not opened.store.intended_move():
        marked = champion.number in rolled_back(moves)
        yield Diagnosis.problem(
            "champion",
            f"MLflow's alias champion names version {champion.number}, but the promotion history "
            f"ends with version {moves[-1].version}: somebody moved the alias by hand",
            f"anchorhold promote {moves[-1].version} --reason …"
            + ("" if marked else ", or set the alias back in MLflow"),
        )
        return
    folder = opened.versions.folder(champion)
    for each in opened.warnings(champion):
        says, _, remedy = each.partition("; ")
        yield Diagnosis.warning("champion", says, remedy)
    confirmed = "confirmed by MLflow" if history.verified else "confirmed by the next cycle or move"
    yield Diagnosis.fine(
        "champion",
        f"version {champion.number} of cycle {folder.facts().cycle} serves, its files are whole, "
        f"and the promotion history of {history.rows} rows is {confirmed}",
    )


def check_stored(opened: OpenWorkspace, champion: Version) -> Iterator[Diagnosis]:
    """Compare what MLflow stores of the champion with what was registered: all of it is fetched."""
    number = champion.number
    if fault := fault_of_stored(opened.registry, champion):
        yield Diagnosis.problem(
            "versions",
            f"version {number} serves from its local copy, and is damaged where it is stored "
            f"({fault})",
            "anchorhold doctor --repair",
        )
    else:
        yield Diagnosis.fine("versions", f"the stored files of version {number} are whole")


def check_model(opened: OpenWorkspace, champion: Version) -> Iterator[Diagnosis]:
    """Load the champion with its index, and let it answer its probes."""
    computing = opened.computing
    served = Loader(opened).load(champion.number)
    yield Diagnosis.fine(
        "model",
        f"version {champion.number} loads, gives the {served.encoder.dimensions} numbers per text "
        f"that it was registered with, and computes on {computing}",
    )


def check_index(opened: OpenWorkspace, champion: Version) -> Iterator[Diagnosis]:
    """Say what the champion's index lacks."""
    indexing = Indexing(opened)
    found = indexing.status(champion)
    number, documents = champion.number, opened.store.count_documents()
    stored = opened.versions.folder(champion).dimension()
    build = "anchorhold index build"
    if found is None and indexing.builds and documents:
        says = f"version {number} serves and has no index of the {documents} documents"
        yield Diagnosis.warning("index", says, f"{build}, or the next run")
    elif found is None:
        yield Diagnosis.fine(
            "index", f"there is no index, and index.mode is {indexing.settings.mode}"
        )
    elif found.stale or stored not in (None, found.dimensions):
        why = found.stale or f"it has {found.dimensions} dimensions, the version {stored}"
        yield Diagnosis.problem(
            "index", f"the index of version {number} is not its own: {why}", build
        )
    elif found.behind:
        says = f"the index of version {number} lacks {found.behind} changes of documents"
        yield Diagnosis.warning("index", says, f"{build}, or the next run")
    else:
        says = f"the index of version {number} has all {found.documents} documents"
        yield Diagnosis.fine("index", says)


def check_anchors(opened: OpenWorkspace, champion: Version) -> Iterator[Diagnosis]:
    """Say whether the gate can decide anything on the anchor sets."""
    # A set that cannot be read is no matter of power: the next cycle fails on it.
    opened.anchor_sets.of(opened.versions.folder(champion))
    _, gate, outlook = gate_now(opened, champion, log=bool(opened.store.count_served()))
    if gate.meaningful and not gate.warnings:
        says = outlook.reasons[0] if outlook and outlook.reasons else "the anchor sets are enough"
        yield Diagnosis.fine("anchors", says)
        return
    remedies = outlook.remedies if outlook else ()
    says = outlook.reasons[0] if outlook and outlook.reasons else gate.warnings[0]
    yield Diagnosis.warning(
        "anchors", says, remedies[0].reason if remedies else "anchorhold status shows each set"
    )


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
