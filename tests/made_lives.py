"""A workspace with a long life: cycles whose candidates were refused, without their trainings."""

import os
from datetime import UTC, datetime
from pathlib import Path

from pipeline.results import CycleResult, Serving, TrainingResult

NOW = datetime(2026, 3, 2, tzinfo=UTC)
_NO_STATE = ("lock", ".db", ".db-wal", ".db-shm", "workspace.place")


def live_on(opened, cycles: int, *, verdict: str = "rejected") -> None:
    """Let cycles pass that each made a version of the champion's files, and refused it."""
    store, registry = opened.store, opened.registry
    champion = opened.versions.champion()
    before = CycleResult.model_validate(store.cycles(limit=1)[0].result)
    for _ in range(cycles):
        row = store.begin_cycle(NOW)
        run = registry.open_run(row.id, name=f"{row.id} running")
        child = registry.open_run(row.id, name="training", parent=run, attempt="configured")
        registry.log_metrics(child, {"train/loss": 1.0}, step=1, at=NOW)
        registry.log_metrics(run, {"anchor/bank/difference": -0.1}, step=1, at=NOW)
        registry.log_text(run, "report.html", "what happened")
        tags = {
            "anchorhold.fingerprint": f"{row.id:0>64}",
            "anchorhold.parent": str(champion.number),
            "anchorhold.verdict": verdict,
        }
        version = registry.register(child, row.id, opened.versions.folder(champion).path, tags)
        opened.versions.folder(version)
        for each in (child, run):
            registry.close_run(each)
        folder = opened.settings.state / "cycles" / row.id
        folder.mkdir(parents=True)
        (folder / "report.html").write_text("what happened")
        store.record_stage(row.id, "verdict", {"result": {}, "seconds": 0.0})
        training = TrainingResult.untrained("configured", child, "trained", "")
        result = before.changed(
            cycle=row.id,
            outcome="rejected",
            run_id=run,
            candidate=Serving(version=version.number),
            training=training.changed(log=({"step": 1.0, "loss": 1.0},)),
        )
        store.finish_cycle(row.id, "rejected", result.to_json(), NOW)


def keep(space: Path, *lines: str) -> None:
    """Add `[keep]` to the settings of a workspace."""
    with (space / "anchorhold.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n".join(["", "[keep]", *lines, ""]))


def files_of(space: Path) -> dict[str, int]:
    """Return the size of each file of the state, but of databases and locks."""
    found = {}
    for root, _, names in os.walk(space / ".anchorhold"):
        for name in names:
            path = Path(root, name)
            if not name.endswith(_NO_STATE) and not name.startswith("lock"):
                found[str(path.relative_to(space))] = path.stat().st_size
    return found
