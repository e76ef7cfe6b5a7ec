"""The doctor: whether a workspace can work tonight, and what mends what cannot."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pipeline.machine import disk_fault, size_of_folder, why_unreachable
from pipeline.operations.doctor_machine import (
    check_base,
    check_data,
    check_disk,
    check_folders,
    check_lock,
    check_modes,
    check_packages,
    check_surroundings,
)
from pipeline.operations.doctor_versions import (
    COPIES,
    check_anchors,
    check_champion,
    check_clock,
    check_cycles,
    check_index,
    check_model,
    check_server,
    check_stored,
    disk_needed,
    index_size,
)
from pipeline.operations.repair import repair_workspace
from pipeline.registry import identity_at, sqlite_file, without_password
from pipeline.results import Diagnosis, DoctorPart, DoctorResult, Repair
from pipeline.store import missing_driver, why_damaged, why_not_written
from pipeline.workspace import (
    SETTINGS_FILE,
    Base,
    OpenWorkspace,
    Settings,
    load_settings,
    open_workspace,
    read_values,
)
from training.faults import AnchorholdError


def examine(folder: Path, now: datetime, *, quick: bool, repair: bool = False) -> DoctorResult:
    """Check a workspace; nothing of it is changed without `repair`, and no fault is raised.

    Parameters
    ----------
    folder
        The workspace.
    now
        The present.
    quick
        Whether the model is not loaded.
    repair
        Whether to repair first what can be repaired.
    """
    began = time.perf_counter()
    repairs = tuple(_repairs(folder, now)) if repair else ()
    found = tuple(_findings(folder, now, quick))
    return DoctorResult(
        workspace=str(folder),
        quick=quick,
        checks=found,
        problems=sum(each.state == "problem" for each in found)
        + sum(not each.done for each in repairs),
        warnings=sum(each.state == "warning" for each in found),
        seconds=round(time.perf_counter() - began, 2),
        repairs=repairs,
    )


def _repairs(folder: Path, now: datetime) -> Iterator[Repair]:
    """Repair a workspace that was used and whose databases are whole; the checks tell the rest."""
    try:
        settings = load_settings(folder)
    except AnchorholdError:
        return
    lost = any(each.state == "problem" for each in _reachable(settings, quick=True))
    if _was_used(settings) and not lost:
        yield from repair_workspace(settings, now)


def _was_used(settings: Settings) -> bool:
    """Say whether anything was ever run: a state folder may have lost its identity."""
    return bool(identity_at(settings.state)) or _exists(settings.store_url)


def _findings(folder: Path, now: datetime, quick: bool) -> Iterator[Diagnosis]:
    """Make the checks, the cheap ones first; what needs something that failed is left out."""
    settings = None
    try:
        settings = load_settings(folder)
        yield Diagnosis.fine("settings", f"{folder / SETTINGS_FILE} is valid")
    except AnchorholdError as fault:
        yield from (_told("settings", line) for line in str(fault).splitlines())
    if settings is None:
        return
    yield from _caught("data", check_data(settings))
    folders = list(_caught("folders", check_folders(settings)))
    yield from folders
    yield from _caught("folders", check_modes(settings))
    yield from _caught("packages", check_packages(settings))
    chosen = frozenset(read_values(folder))
    yield from _caught("receivers", check_surroundings(settings, chosen))
    reached = list(_reachable(settings, quick))
    yield from reached
    if any(each.state == "problem" for each in (*folders, *reached)):
        return
    if not _was_used(settings):
        place = Path(Base(settings).place).expanduser()
        yield from _caught("model", check_base(settings, str(place)))
        if place.is_dir():
            needed = COPIES * size_of_folder(place)
            yield from _caught("disk", check_disk(settings.root, needed, "the first version"))
        return
    yield from _caught("lock", check_lock(settings))
    try:
        with open_workspace(settings, doing="doctor", now=now, exclusive=False) as opened:
            yield from _within(opened, now, quick)
    except (AnchorholdError, OSError) as fault:
        yield _told("workspace", _sentence(fault))


def _reachable(settings: Settings, quick: bool) -> Iterator[Diagnosis]:
    """Say whether the databases answer and take a change.

    One that is missing in a workspace that was used must not be opened: it would be made anew.
    """
    used = _was_used(settings)
    places: tuple[tuple[DoctorPart, str, str], ...] = (
        ("store", "store.url", settings.store_url),
        ("tracking", "tracking.uri", settings.tracking_uri),
    )
    for part, key, url in places:
        shown = without_password(url)
        server = url.startswith(("http:", "https:"))
        missing = "" if server else missing_driver(url)
        if silence := missing or why_unreachable(url):
            # What tells of a missing driver ends with the command that installs it.
            correct = missing.rpartition(": ")[2] or f"start it, or correct {key} ({SETTINGS_FILE})"
            yield Diagnosis.problem(part, f"{shown} does not answer ({silence})", correct)
        elif server:
            yield Diagnosis.fine(part, f"{shown} answers")
        elif not used:
            yield Diagnosis.fine(part, f"{shown} gets its tables by the first run")
        elif url.startswith("sqlite") and not _exists(url):
            says = f"{shown} is missing or empty, but this workspace was used"
            yield Diagnosis.problem(part, says, f"restore it from a backup, or correct {key}")
        elif damage := why_damaged(url, quick=quick):
            says = f"{shown} is damaged ({damage})"
            yield Diagnosis.problem(part, says, "restore a backup (`anchorhold restore`)")
        elif refused := why_not_written(url):
            says = f"{shown} takes no change ({refused})"
            yield Diagnosis.problem(part, says, "free it, or make it writable and whole")
        else:
            yield Diagnosis.fine(part, f"{shown} can be read and written")


def _exists(url: str) -> bool:
    file = sqlite_file(url)
    return file is not None and file.exists() and bool(file.stat().st_size)


def _within(opened: OpenWorkspace, now: datetime, quick: bool) -> Iterator[Diagnosis]:
    """Check what only an open workspace shows."""
    settings = opened.settings
    yield from _caught("tracking", check_server(opened, now))
    yield from _caught("clock", check_clock(opened.store, now, settings.tables.intake.future_hours))
    yield from _caught("cycles", check_cycles(opened))
    champion = None
    try:
        champion = opened.versions.champion_if_any()
    except AnchorholdError as fault:
        yield _told("champion", str(fault))
        return
    if champion is None:
        yield from _caught("model", check_base(settings, Base(settings).place))
        return
    found = list(_caught("champion", check_champion(opened, champion)))
    yield from found
    if any(each.state == "problem" for each in found):
        return
    needed, why = disk_needed(opened.versions.folder(champion), index_size(settings))
    yield from _caught("disk", check_disk(settings.state, needed, why))
    if quick:
        yield Diagnosis.fine("model", "the model is not loaded (--quick)")
    else:
        yield from _caught("versions", check_stored(opened, champion))
        yield from _caught("model", check_model(opened, champion))
    yield from _caught("index", check_index(opened, champion))
    yield from _caught("anchors", check_anchors(opened, champion))


def _caught(part: DoctorPart, findings: Iterator[Diagnosis]) -> Iterator[Diagnosis]:
    """Yield findings, and a fault among them as a problem."""
    try:
        yield from findings
    except (AnchorholdError, OSError) as fault:
        yield _told(part, _sentence(fault))


def _sentence(fault: AnchorholdError | OSError) -> str:
    return str(fault if isinstance(fault, AnchorholdError) else disk_fault(fault) or fault)


def _told(part: DoctorPart, message: str) -> Diagnosis:
    """Return a fault as a problem: its message says what is wrong, then what is allowed."""
    says, _, remedy = message.partition("; ")
    return Diagnosis.problem(part, says, remedy or f"{SETTINGS_FILE}, or `anchorhold status`")
