"""The runs of one model's experiment in MLflow: one per cycle, logged so that repeating is safe."""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pipeline.machine import lives, this_process
from pipeline.registry.run_files import remove_unfinished
from pipeline.registry.said import in_short, raised_by_mlflow
from training.faults import AnchorholdError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)

PREFIX = "anchorhold."
"""Begins every tag that anchorhold sets."""

NOTE = "mlflow.note.content"
"""Tag that MLflow shows as the description, as Markdown."""

_REAPED = f"{PREFIX}reaped"
"""Tag of a run whose process died and which nobody took over."""
_METRICS_AT_ONCE = 1000
_PARAMS_AT_ONCE = 100
_LONGEST_PARAM = 6000
_LONGEST_TAG = 8000
_LONGEST_DIGEST = 36


class RegistryFault(AnchorholdError):
    """The registry cannot do what is asked; the message says why and what is allowed."""


@dataclass(frozen=True)
class Measured:
    """What a metric says something about, besides its run.

    Attributes
    ----------
    logged_model
        Id of the logged model; None where there is none.
    data_set, digest
        Name and digest of the data that it was measured on.
    """

    logged_model: str | None
    data_set: str
    digest: str


@dataclass(frozen=True)
class Tracking:
    """The runs of one model's experiment; every call may be repeated safely.

    Attributes
    ----------
    client
        The only way to MLflow; the global state of its fluent interface is not used.
    experiment
        Id of the experiment, named like the model.
    workspace
        Identity of the workspace, so that several may share one server and one model name.
    """

    client: "MlflowClient"
    experiment: str
    workspace: str

    def open_run(
        self,
        cycle: str,
        *,
        name: str,
        parent: str | None = None,
        attempt: str = "cycle",
        tags: Mapping[str, str] | None = None,
        started: datetime | None = None,
    ) -> str:
        """Return the id of the run of a cycle, or of one attempt in it, as this process's own.

        A run that a process began before it died is resumed.

        Parameters
        ----------
        cycle
            Id of the cycle.
        name
            Name that people see.
        parent
            Id of the cycle's run, for the run of an attempt.
        attempt
            Which run of the cycle: "cycle" for the cycle's own.
        tags
            Further tags.
        started
            When the run began; None for the server's present.
        """
        identity = self._identity(cycle, attempt)
        all_tags = {**_shortened(tags or {}), **identity, **owned()}
        if parent is not None:
            all_tags["mlflow.parentRunId"] = parent
        with clear_faults("open a run"):
            found = self._search(identity)
            if found:
                run: str = found[0].info.run_id
                remove_unfinished(found[0].info.artifact_uri)
                self.client.update_run(run, status="RUNNING", name=name)
                self.set_tags(run, all_tags)
                if _REAPED in found[0].data.tags:
                    self.client.delete_tag(run, _REAPED)
                return run
            milliseconds = None if started is None else _milliseconds(started)
            made = self.client.create_run(
                self.experiment, start_time=milliseconds, tags=all_tags, run_name=name
            )
            return str(made.info.run_id)

    def rename_cycle(self, cycle: str, name: str) -> None:
        """Give the run of a finished cycle another name, if it is still there."""
        with clear_faults("rename a run"):
            for found in self._search(self._identity(cycle, "cycle")):
                self.client.update_run(found.info.run_id, name=name)

    def _identity(self, cycle: str, attempt: str) -> dict[str, str]:
        """Return the tags by which the run of an attempt is found again."""
        return {
            f"{PREFIX}workspace": self.workspace,
            f"{PREFIX}cycle": cycle,
            f"{PREFIX}attempt": attempt,
        }

    def log_metrics(
        self,
        run: str,
        metrics: Mapping[str, float],
        *,
        step: int,
        at: datetime,
        of: Measured | None = None,
    ) -> None:
        """Log numbers, named "<task>/<metric>" so that charts group by task."""
        from mlflow.entities import Metric

        when = _milliseconds(at)
        about = {}
        if of is not None and of.logged_model is not None:
            about = {
                "model_id": of.logged_model,
                "dataset_name": of.data_set,
                "dataset_digest": of.digest[:_LONGEST_DIGEST],
                "run_id": run,
            }
        each = [
            Metric(_key(name), float(value), when, step, **about) for name, value in metrics.items()
        ]
        with clear_faults("log metrics"):
            for start in range(0, len(each), _METRICS_AT_ONCE):
                self.client.log_batch(run, metrics=each[start : start + _METRICS_AT_ONCE])

    def logged_steps(self, run: str, metric: str) -> set[int]:
        """Return the steps at which a run has a metric."""
        with clear_faults("read metrics"):
            return {int(each.step) for each in self.client.get_metric_history(run, _key(metric))}

    def log_params(self, run: str, params: Mapping[str, Any]) -> None:
        """Log settings; MLflow lets none change, so each keeps its first value."""
        from mlflow.entities import Param

        with clear_faults("log settings"):
            known = self.client.get_run(run).data.params
            values = {_key(name): str(value)[:_LONGEST_PARAM] for name, value in params.items()}
            for name in known.keys() & values.keys():
                if known[name] != values[name]:
                    logger.warning("%s of run %s stays %s", name, run, known[name])
            fresh = [Param(name, text) for name, text in values.items() if name not in known]
            for start in range(0, len(fresh), _PARAMS_AT_ONCE):
                self.client.log_batch(run, params=fresh[start : start + _PARAMS_AT_ONCE])

    def log_json(self, run: str, name: str, content: Any) -> None:
        """Log a value as the JSON file `name`, a path inside the run's files."""
        self.log_text(run, name, json.dumps(content, indent=1, ensure_ascii=False))

    def log_text(self, run: str, name: str, text: str) -> None:
        """Log a text as the file `name`, a path inside the run's files."""
        with clear_faults(f"log {name}"):
            self.client.log_text(run, text, name)

    def log_dataset(self, run: str, name: str, digest: str, context: str, rows: int) -> None:
        """Log which data a run used, by digest; no row leaves the workspace.

        Parameters
        ----------
        run
            Id of the run.
        name
            Such as "mix" or "anchor/support-2023".
        digest
            Of the data, hexadecimal; MLflow shows its first 36 characters.
        context
            Its purpose, such as "training", "replay" or "evaluation".
        rows
            Number of rows.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(
            name=name,
            digest=digest[:_LONGEST_DIGEST],
            source_type="local",
            source=json.dumps({"digest": digest}),
            profile=json.dumps({"num_rows": rows}),
        )
        tags = [InputTag("mlflow.data.context", context)]
        with clear_faults(f"log the data set {name}"):
            self.client.log_inputs(run, [DatasetInput(dataset, tags)])

    def set_tags(self, run: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run; values that are too long for MLflow are cut."""
        from mlflow.entities import RunTag

        with clear_faults("set tags"):
            each = [RunTag(name, value) for name, value in _shortened(tags).items()]
            self.client.log_batch(run, tags=each)

    def close_run(
        self,
        run: str,
        *,
        status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED",
        name: str | None = None,
        note: str = "",
        tags: Mapping[str, str] | None = None,
        ended: datetime | None = None,
    ) -> None:
        """End a run, with its last name and a description in Markdown; no process owns it then."""
        self.set_tags(run, {**(tags or {}), **({NOTE: note} if note else {})})
        with clear_faults("end a run"):
            for left in self.client.get_run(run).data.tags.keys() & owned().keys():
                self.client.delete_tag(run, left)
            if name is not None:
                self.client.update_run(run, name=name)
            end = None if ended is None else _milliseconds(ended)
            self.client.set_terminated(run, status=status, end_time=end)

    def has_run(self, run: str) -> bool:
        """Say whether a run is there and not deleted."""
        from mlflow.exceptions import MlflowException

        with clear_faults("look for a run"):
            try:
                return str(self.client.get_run(run).info.lifecycle_stage) == "active"
            except MlflowException as fault:
                if fault.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return False

    def reap(self, resuming: str | None = None, *, alone: bool = False) -> list[str]:
        """End the runs whose processes died, except those of the resumed cycle.

        Parameters
        ----------
        resuming
            Id of the cycle that is about to be resumed.
        alone
            Whether no other machine runs a cycle: then the runs of cycles there are of dead
            processes, too.

        Returns
        -------
        list of str
            Ids of the runs that were ended as KILLED.
        """
        chosen = {f"{PREFIX}workspace": self.workspace}
        if not alone:
            chosen[f"{PREFIX}host"] = this_process()["host"]
        reaped = []
        with clear_faults("look for dead runs"):
            for run in self._search(chosen, "attributes.status = 'RUNNING'"):
                tags = run.data.tags
                if tags.get(f"{PREFIX}cycle") == resuming or not is_left(tags):
                    continue
                remove_unfinished(run.info.artifact_uri)
                self.client.set_tag(run.info.run_id, _REAPED, "its process had died")
                self.client.set_terminated(run.info.run_id, status="KILLED")
                reaped.append(str(run.info.run_id))
        return reaped

    def _search(self, tags: Mapping[str, str], *conditions: str) -> list[Any]:
        """Return the runs with these tags, oldest first."""
        for value in tags.values():
            if "'" in value or '"' in value:
                raise RegistryFault(f"{value!r} cannot be part of a tag; quotes are not allowed")
        asked = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        found = self.client.search_runs(
            [self.experiment],
            " and ".join([*asked, *conditions]),
            order_by=["attributes.start_time ASC"],
        )
        return list(found)


def every_page(ask: Callable[[str | None], Any]) -> list[Any]:
    """Return what all pages of an answer of MLflow hold.

    Parameters
    ----------
    ask
        Returns the page with a token; None stands for the first.
    """
    found: list[Any] = []
    token = None
    while True:
        page = ask(token)
        found.extend(page)
        token = page.token
        if not token:
            return found


@contextmanager
def clear_faults(doing: str) -> Iterator[None]:
    """Turn MLflow's faults into one sentence that says what was being done."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except Exception as fault:
        if isinstance(fault, MlflowException | OSError) or raised_by_mlflow(fault):
            raise RegistryFault(f"MLflow could not {doing}: {in_short(fault)}") from fault
        raise


def owned() -> dict[str, str]:
    """Return the tags that name this process as the owner of what it began."""
    return {f"{PREFIX}{name}": value for name, value in this_process().items()}


def owner(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the process that such tags name."""
    return {name: tags.get(f"{PREFIX}{name}", "") for name in this_process()}


def is_left(tags: Mapping[str, str]) -> bool:
    """Say whether what has these tags was left by a dead process, as nobody else runs a cycle."""
    of = owner(tags)
    if of["host"] == this_process()["host"]:
        return not lives(of)
    # What belongs to no cycle may be at work there.
    return tags.get(f"{PREFIX}cycle", "").isdecimal()


def _key(name: str) -> str:
    """Return a name that MLflow takes: "ndcg@10" -> "ndcg_at_10", other signs -> "_"."""
    plain = re.sub(r"[^\w./ :-]", "_", name.replace("@", "_at_"))
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[:250] or "_"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _shortened(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: str(value)[:_LONGEST_TAG] for name, value in tags.items()}
