"""The doctor: whether a workspace can work tonight, and what mends what cannot."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pipeline.machine import size_of_folder, why_unreachable
from pipeline.operations.doctor_machine import (
    check_base,
    check_data,
    check_disk,
    check_folders,
    check_lock,
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
    disk_needed,
    index_size,
)
from pipeline.registry import identity_at, sqlite_file, without_password
from pipeline.results import Diagnosis, DoctorPart, DoctorResult
from pipeline.store import missing_driver, why_not_written
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


def examine(folder: Path, now: datetime, *, quick: bool) -> DoctorResult:
    """Check a workspace; nothing of it is changed, and no fault is raised.

    Parameters
    ----------
    folder
        The workspace.
    now
        The present.
    quick
        Whether the model is not loaded.
    """
    began = time.perf_counter()
    found = tuple(_findings(folder, now, quick))
    return DoctorResult(
        workspace=str(folder),
        quick=quick,
        checks=found,
        problems=sum(each.state == "problem" for each in found),
        warnings=sum(each.state == "warning" for each in found),
        seconds=round(time.perf_counter() - began, 2),
    )


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
    yield from _caught("packages", check_packages(settings))
    chosen = frozenset(read_values(folder))
    yield from _caught("receivers", check_surroundings(settings, chosen))
    reached = list(_reachable(settings))
    yield from reached
    if any(each.state == "problem" for each in (*folders, *reached)):
        return
    if not identity_at(settings.state):
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
        yield _told("workspace", str(fault))


def _reachable(settings: Settings) -> Iterator[Diagnosis]:
    """Say whether the databases answer and take a change.

    One that is missing in a workspace that was used must not be opened: it would be made anew.
    """
    used = bool(identity_at(settings.state))
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
        yield from _caught("model", check_model(opened, champion))
    yield from _caught("index", check_index(opened, champion))
    yield from _caught("anchors", check_anchors(opened, champion))


def _caught(part: DoctorPart, findings: Iterator[Diagnosis]) -> Iterator[Diagnosis]:
    """Yield findings, and a fault among them as a problem."""
    try:
        yield from findings
    except (AnchorholdError, OSError) as fault:
        yield _told(part, str(fault))


def _told(part: DoctorPart, message: str) -> Diagnosis:
    """Return a fault as a problem: its message says what is wrong, then what is allowed."""
    says, _, remedy = message.partition("; ")
    return Diagnosis.problem(part, says, remedy or f"{SETTINGS_FILE}, or `anchorhold status`")
