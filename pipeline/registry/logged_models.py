"""The logged models of an experiment in MLflow: one per version, PENDING until it is whole."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.machine import this_process
from pipeline.registry.runs import (
    PREFIX,
    Measured,
    Tracking,
    clear_faults,
    every_page,
    is_left,
    owned,
)
from training.evaluation import Scorecard

_VERSIONS = "mlflow.modelVersions"
"""Tag from which MLflow's pages link a logged model to its registered versions."""


@dataclass(frozen=True)
class LoggedModels(Tracking):
    """Keeps one logged model per version; every call may be repeated safely."""

    def open_logged_model(self, run: str, cycle: str) -> str:
        """Return the id of the logged model of a run, PENDING and this process's own.

        What a killed process left of it is taken over; it is made where there is none.
        """
        from mlflow.entities import LoggedModelStatus

        name = f"cycle-{cycle}"
        tags = {f"{PREFIX}cycle": cycle, f"{PREFIX}workspace": self.workspace, **owned()}
        asked = f"name = '{name}' AND source_run_id = '{run}'"
        found = next(iter(self._search_models(asked)), None)
        if found is None:
            found = self.client.create_logged_model(
                self.experiment, name=name, source_run_id=run, tags=tags, model_type="embedding"
            )
        else:
            self.client.set_logged_model_tags(found.model_id, tags)
            self.client.finalize_logged_model(found.model_id, LoggedModelStatus.PENDING)
        self.name_output(run, found.model_id)
        return str(found.model_id)

    def finish_logged_model(self, id: str) -> None:
        """Say that all files of a logged model are there; no process owns it then."""
        from mlflow.entities import LoggedModelStatus

        self.client.finalize_logged_model(id, LoggedModelStatus.READY)
        for left in self.client.get_logged_model(id).tags.keys() & owned().keys():
            self.client.delete_logged_model_tag(id, left)

    def link_version(self, id: str, name: str, version: int) -> None:
        """Show on the page of a logged model which registered version it became."""
        link = json.dumps([{"name": name, "version": version}])
        self.client.set_logged_model_tags(id, {_VERSIONS: link})

    def log_scores(
        self, run: str, id: str | None, scorecard: Scorecard, *, step: int, at: datetime
    ) -> None:
        """Log the means of a scorecard to a run, its logged model and its data sets.

        Parameters
        ----------
        run
            The run that measured them.
        id
            The logged model; None where the version has none.
        scorecard
            What was measured, named "<task>/<metric>" so that charts group by task.
        step, at
            Where the charts draw them.
        """
        measured = {}
        for name, scores in scorecard.tasks.items():
            whole = _whole_set(name, scorecard.tasks)
            measured[name] = (whole, scorecard.tasks[whole].set_digest)
            if whole == name:
                rows = len(scores.query_ids)
                self.log_dataset(run, name, scores.set_digest, "evaluation", rows)
        for name, (data_set, digest) in measured.items():
            means = {
                f"{name}/{metric}": scorecard.tasks[name].mean(metric)
                for metric in scorecard.tasks[name].metrics
            }
            self.log_metrics(run, means, step=step, at=at, of=Measured(id, data_set, digest))

    def reap(self, resuming: str | None = None, *, alone: bool = False) -> list[str]:
        """End what dead processes left: runs, and logged models without all files.

        Parameters
        ----------
        resuming
            Id of the cycle that is about to be resumed; what it left is kept.
        alone
            Whether no other machine runs a cycle: then what cycles left there is ended, too.

        Returns
        -------
        list of str
            Ids of the runs that were ended as KILLED, and of the models, as FAILED.
        """
        from mlflow.entities import LoggedModelStatus

        failed = []
        with clear_faults("look for unfinished models"):
            chosen = f"tags.`{PREFIX}workspace` = '{self.workspace}'"
            if not alone:
                chosen += f" AND tags.`{PREFIX}host` = '{this_process()['host']}'"
            for found in self._search_models(chosen):
                if found.status != LoggedModelStatus.PENDING or not is_left(found.tags):
                    continue
                if found.tags.get(f"{PREFIX}cycle") != resuming:
                    self.client.finalize_logged_model(found.model_id, LoggedModelStatus.FAILED)
                    failed.append(str(found.model_id))
        return super().reap(resuming, alone=alone) + failed

    def name_output(self, run: str, id: str) -> None:
        """Show a logged model on the page of a run."""
        from mlflow.entities import LoggedModelOutput

        with clear_faults("name what a run made"):
            outputs = self.client.get_run(run).outputs
            if id not in [each.model_id for each in (outputs.model_outputs if outputs else ())]:
                self.client.log_outputs(run, [LoggedModelOutput(id, step=0)])

    def _search_models(self, asked: str) -> list[Any]:
        return every_page(
            lambda token: self.client.search_logged_models(
                [self.experiment], asked, page_token=token
            )
        )


def _whole_set(task: str, tasks: Iterable[str]) -> str:
    """Return the task of the whole evaluation set that a slice is part of.

    Examples
    --------
    >>> _whole_set("anchor/faq/lang=de", ["anchor/faq", "anchor/faq/lang=de", "anchor/fa"])
    'anchor/faq'
    """
    return min((each for each in tasks if f"{task}/".startswith(f"{each}/")), key=len)
