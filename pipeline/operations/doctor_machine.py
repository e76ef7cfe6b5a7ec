"""What the doctor finds out without opening the workspace: files, folders, lock, receivers."""

import glob
import importlib.util
import os
import shlex
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.intake import missing_files, unread_files
from pipeline.machine import holder, open_to_others, why_closed, why_silent
from pipeline.machine.deliver import Receiver
from pipeline.operations.circumstances import person
from pipeline.results import Diagnosis, DoctorPart, size
from pipeline.workspace import SETTINGS_FILE, Settings
from training.encoding import hub_is_off, is_hub_id, was_fetched

_SHOWN = 3
"""Paths that one sentence names."""
_EFFECTIVE = os.access in os.supports_effective_ids
_PORTS = {"http": 80, "https": 443}


def check_data(settings: Settings) -> Iterator[Diagnosis]:
    """Find patterns that name nothing, and files that cannot be read."""
    files, nowhere, closed = 0, [], []
    for kind, patterns in settings.tables.data.places.items():
        for pattern in patterns:
            if ":" in pattern.split("/", 1)[0]:  # of the hub, or of MLflow
                continue
            found = glob.glob(os.path.join(settings.root, pattern), recursive=True)
            files += len(found)
            closed += [each for each in found if not _may(Path(each), os.R_OK)]
            parent = Path(settings.root, pattern).parent
            if not found and not glob.has_magic(str(parent)) and not parent.is_dir():
                nowhere.append(f"data.{kind} = {pattern!r}")
    if closed:
        yield Diagnosis.problem(
            "data", f"{_few(closed)} cannot be read", f"chmod u+r {shlex.quote(closed[0])}"
        )
    elif nowhere:
        yield Diagnosis.warning(
            "data",
            f"there is no folder for {_few(nowhere)}",
            f"correct the path in {SETTINGS_FILE}, or make the folder",
        )
    elif missing := list(missing_files(settings.tables.data.places, settings.root)):
        yield Diagnosis.problem("data", _few(missing), f"correct the path in {SETTINGS_FILE}")
    elif unread := list(unread_files(settings.tables.data.places, settings.root)):
        yield Diagnosis.warning(
            "data", _few(unread), f"add a pattern in {SETTINGS_FILE}, or move these files"
        )
    else:
        yield Diagnosis.fine("data", f"{files} files are named by [data]")


def check_folders(settings: Settings) -> Iterator[Diagnosis]:
    """Find what this user may not read or write."""
    state = settings.state
    needed = [settings.root / SETTINGS_FILE, settings.root, state]
    if state.is_dir() and _may(state, os.R_OK | os.X_OK):
        needed += sorted(each for each in state.iterdir() if not each.is_symlink())
    for path in needed:
        if not path.exists():
            continue
        # Cycles write into the state folder alone; the workspace itself must only let it be made.
        only_read = path.name == SETTINGS_FILE or (path == settings.root and state.is_dir())
        wanted = os.R_OK if only_read else os.R_OK | os.W_OK
        wanted |= os.X_OK if path.is_dir() else 0
        if not _may(path, wanted):
            facts = path.stat()
            what = "read" if only_read else "written"
            yield Diagnosis.problem(
                "folders",
                f"{path} cannot be {what} by {person()} (owner {facts.st_uid}, mode "
                f"{stat.filemode(facts.st_mode)})",
                f"chown -R {person()} {shlex.quote(str(path))}, or run as its owner, on a disk "
                "that is not read-only",
            )
            return
    yield Diagnosis.fine("folders", f"{state} can be read and written")


def check_modes(settings: Settings) -> Iterator[Diagnosis]:
    """Find what other users of this machine may read, but should not."""
    state = settings.state
    if wide := open_to_others(state):
        others = f" and {len(wide) - 1} more" if len(wide) > 1 else ""
        yield Diagnosis.warning(
            "folders",
            f"{min(wide)}{others} are open to other users of this machine",
            f"the next run closes them, and so does chmod -R go-rwx {shlex.quote(str(state))}; a "
            "group may share a workspace (docs/how-to/move-or-share.md)",
        )


def check_lock(settings: Settings) -> Iterator[Diagnosis]:
    """Say who is at work in the workspace, and whether that process still lives."""
    held = holder(settings.state)
    if held is None:
        yield Diagnosis.fine("lock", "nobody is at work in the workspace")
    elif held.lives:
        yield Diagnosis.warning("lock", f"{held.told} is at work in it", "wait until it ends")
    else:
        yield Diagnosis.problem(
            "lock",
            f"{held.told} took the lock and is gone, but a process that it started holds it on",
            f"find it with `fuser {shlex.quote(str(settings.state / 'lock'))}`, and end it",
        )


def check_disk(place: Path, needed: int, why: str) -> Iterator[Diagnosis]:
    """Compare the free space with what one cycle needs.

    Parameters
    ----------
    place
        A folder that exists, where the cycle writes.
    needed
        Bytes.
    why
        What they are needed for.
    """
    free = shutil.disk_usage(place).free
    says = f"{size(free)} are free, and a cycle needs about {size(needed)} at once ({why})"
    if free < needed:
        yield Diagnosis.problem(
            "disk", says, "anchorhold gc, smaller numbers in [keep], or a larger disk"
        )
    else:
        yield Diagnosis.fine("disk", says)


def check_packages(settings: Settings) -> Iterator[Diagnosis]:
    """Find packages that the settings need and that are not installed."""
    tables = settings.tables
    needs = []
    if tables.index.mode != "off":
        database = tables.index.uri.startswith("postgres")
        key = "index.uri" if database else "index.mode"
        needs.append(("psycopg", "postgres", key) if database else ("lancedb", "serve", key))
    if tables.compute.engine == "ray":
        needs.append(("ray", "ray", "compute.engine"))
    missing = [each for each in needs if importlib.util.find_spec(each[0]) is None]
    for package, extra, key in missing:
        says = f"the package {package}, which {key} needs, is not installed"
        yield Diagnosis.problem("packages", says, f'pip install "anchorhold[{extra}]"')
    if not missing:
        yield Diagnosis.fine("packages", "all packages that are needed are there")


def check_base(settings: Settings, place: str) -> Iterator[Diagnosis]:
    """Say whether the base model can be had, before the first run has fetched it.

    Parameters
    ----------
    place
        Its folder, or what the hub calls it.
    """
    base = settings.tables.model.base
    if Path(place).expanduser().is_dir():
        yield Diagnosis.fine("model", f"model.base is the folder {base!r}")
    elif is_hub_id(place) and was_fetched(place):
        yield Diagnosis.fine("model", f"model.base {base!r} was fetched before")
    elif is_hub_id(place) and not hub_is_off():
        yield Diagnosis.fine("model", f"the first run fetches {base!r} from the hub")
    else:
        says = f"model.base {base!r} is no folder"
        says += ", and HF_HUB_OFFLINE forbids to ask the hub" if is_hub_id(place) else ""
        yield Diagnosis.problem(
            "model", says, f"name a folder or a hub id with model.base ({SETTINGS_FILE})"
        )


def check_surroundings(settings: Settings, chosen: frozenset[str]) -> Iterator[Diagnosis]:
    """Find out about receivers, the endpoint and the service.

    Parameters
    ----------
    chosen
        Tables that the settings file has.
    """
    tables = settings.tables
    for name in ("promotion", "alerts"):
        yield from _receiver(settings, name, getattr(tables, name))
    if tables.generate.enabled:
        yield from _reached("endpoint", "generate.url", tables.generate.url)
    if "serve" not in chosen:
        return
    serve = tables.serve
    if not serve.is_loopback and not os.environ.get(serve.token):
        yield Diagnosis.warning(
            "service",
            f"serve.host {serve.host} can be reached by other machines, but the environment "
            f"variable {serve.token} is not set here",
            f"set {serve.token} where `anchorhold serve` runs",
        )
    address = f"{serve.host}:{serve.port}"
    local = "127.0.0.1" if serve.host in ("0.0.0.0", "::") else serve.host
    if not serve.port:
        return
    if why_closed(local, serve.port):
        yield Diagnosis.warning("service", f"no service answers at {address}", "anchorhold serve")
    elif silence := why_silent(f"http://{local}:{serve.port}/health"):
        yield Diagnosis.problem(
            "service", f"what listens at {address} fails: {silence}", "see what it printed"
        )
    else:
        yield Diagnosis.fine("service", f"a service answers at {address}")


def _receiver(settings: Settings, name: str, receiver: Receiver) -> Iterator[Diagnosis]:
    if not receiver.ways:
        return
    if receiver.key_variable and not os.environ.get(receiver.key_variable):
        yield Diagnosis.warning(
            "receivers",
            f"the environment variable {receiver.key_variable} is not set, so that webhooks of "
            f"[{name}] cannot be signed",
            f"set {receiver.key_variable} where cycles run",
        )
    if receiver.command:
        program = receiver.command[0]
        found = settings.root / program if "/" in program else shutil.which(program)
        if found is None or not _may(Path(found), os.X_OK):
            yield Diagnosis.warning(
                "receivers",
                f"{name}.command begins with {program!r}, which is no program",
                f"correct {name}.command ({SETTINGS_FILE})",
            )
        else:
            yield Diagnosis.fine("receivers", f"{name}.command can be started")
    if receiver.webhook:
        yield from _reached("receivers", f"{name}.webhook", receiver.webhook)


def _reached(part: DoctorPart, key: str, url: str) -> Iterator[Diagnosis]:
    """Say whether something listens where a URL points; nothing is sent."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    if silence := why_closed(host, port):
        says = f"{key}: {host}:{port} does not answer ({silence})"
        yield Diagnosis.warning(
            part, says, f"correct {key} ({SETTINGS_FILE}), or start what it names"
        )
    else:
        yield Diagnosis.fine(part, f"{key}: {host}:{port} answers")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _may(path: Path, mode: int) -> bool:
    """Say whether this user may do something with a path."""
    return os.access(path, mode, effective_ids=_EFFECTIVE)
