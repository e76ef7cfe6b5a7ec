"""The public face: a workspace with one verb per command, for programs, notebooks, schedulers."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.cycle import check_now, run_cycle
from pipeline.operations.backtest import backtest
from pipeline.operations.changing import Changing
from pipeline.operations.circumstances import Folder, path_of, person
from pipeline.operations.compare import compare_versions, write_comparison
from pipeline.operations.evaluate import evaluate_again, evaluate_on_benchmark
from pipeline.operations.gc import collect
from pipeline.operations.generate import generate_queries
from pipeline.operations.judge import Answering, Asking, judge_versions
from pipeline.operations.messages import try_receivers
from pipeline.operations.reading import Reading
from pipeline.operations.simulate import simulate_workspace
from pipeline.operations.status import status_now
from pipeline.operations.watch import Watching
from pipeline.operations.watched_settings import WatchedSettings
from pipeline.results import (
    BacktestResult,
    CompareResult,
    CycleResult,
    DecisionResult,
    DeliveriesResult,
    EvaluateResult,
    GcResult,
    GenerateResult,
    InitResult,
    JudgeResult,
    SimulationResult,
    StatusResult,
    WatchEvent,
)
from pipeline.workspace import (
    Ask,
    Proxies,
    make_workspace,
)
from training.encoding import Encoder


class Workspace(Reading, Changing):
    """A workspace and what can be done with it; made by `Workspace.open`.

    Each verb is the command of the same name and returns a typed result. Verbs that only read may
    run beside others; `run`, `promote`, `rollback`, `discard`, `erase`, `accept` and `gc` hold
    the workspace while they run, and raise an error if somebody else holds it. Nothing of the
    process is changed: no environment variable, signal handler or output stream.

    All expected errors are `AnchorholdError`; the message says what is wrong and what is allowed.

    Examples
    --------
    >>> from pipeline import Workspace
    >>> with Workspace.open("support-search") as workspace:  # doctest: +SKIP
    ...     if workspace.check().train:
    ...         print(workspace.run().outcome)
    """

    @staticmethod
    def create(
        directory: Folder,
        sources: Sequence[Folder] = (),
        *,
        proxies: Proxies | None = None,
        ask: Ask | None = None,
        dry_run: bool = False,
    ) -> InitResult:
        """Make a workspace: a commented anchorhold.toml and the folders for data.

        Parameters
        ----------
        directory
            The new workspace.
        sources
            Folders and files whose content is guessed and named in the settings.
        proxies, ask
            `gate.proxies`, or what asks for it where there are no labels.
        dry_run
            Only tell what would be made.

        Raises
        ------
        AnchorholdError
            The directory is a workspace already, or cannot be written to.
        """
        return make_workspace(directory, sources, proxies=proxies, ask=ask, dry_run=dry_run)

    def check(
        self, traffic: Folder | None = None, pairs: Folder | None = None, log: Folder | None = None
    ) -> DecisionResult:
        """Say whether training is called for, and why; nothing is stored.

        Parameters
        ----------
        traffic, pairs, log
            Files to check instead of what has arrived.
        """
        with self._opened("check") as opened:
            files = {"traffic": path_of(traffic), "pairs": path_of(pairs), "log": path_of(log)}
            return check_now(opened, **files, now=self._clock())

    def run(
        self,
        strategies: Sequence[str] | None = None,
        *,
        seeds: Sequence[int] | None = None,
        adopt: bool = False,
    ) -> CycleResult:
        """Run one cycle, or resume an interrupted one.

        Parameters
        ----------
        strategies
            Names of the training strategies to try; "all" stands for every one. By default, the
            settings as they are.
        seeds
            Seeds with which each strategy is tried; by default, that of the settings.
        adopt
            Whether a new workspace takes over the champion of another one, whose registered model
            it shares; by default, it is refused.
        """
        with self._opened(
            "run", writes=True, strategies=strategies or (), seeds=seeds or ()
        ) as opened:
            return run_cycle(opened, self._clock(), adopt=adopt)

    def generate(self, *, dry_run: bool = False) -> GenerateResult:
        """Ask for the queries of `[generate]` before a run does, and keep the answers.

        Parameters
        ----------
        dry_run
            Only tell the cost; nothing is sent or stored.
        """
        with self._opened("generate", writes=not dry_run) as opened:
            return generate_queries(opened, dry_run=dry_run, now=self._clock())

    def status(self) -> StatusResult:
        """Return the champion, the data that waits, the last cycles and unfinished work."""
        with self._opened("status") as opened:
            return status_now(opened, self._clock())

    def compare(self, *versions: int | str, page: Folder | None = None) -> CompareResult:
        """Compare versions on every task; the first is the baseline.

        Parameters
        ----------
        versions
            Numbers or aliases: champion, candidate, previous or origin.
        page
            Where to write the comparison as an HTML page too.
        """
        with self._opened("compare") as opened:
            result = compare_versions(list(map(str, versions)), opened)
            if page is None:
                return result
            return write_comparison(Path(page), result, opened.settings.tables.model.name)

    def evaluate(
        self, version: int | str = "champion", benchmark: str | None = None
    ) -> EvaluateResult:
        """Measure a version again on its golden sets, or on a benchmark.

        Parameters
        ----------
        version
            Number or alias.
        benchmark
            A BEIR folder, or sentence-transformers/NanoBEIR-en.
        """
        with self._opened("evaluate") as opened:
            if benchmark is None:
                return evaluate_again(opened, str(version), self._clock())
            return evaluate_on_benchmark(opened, str(version), benchmark, self._clock())

    def gc(self, *, dry_run: bool = False) -> GcResult:
        """Delete old versions, cycles, trainings and caches, as `[keep]` says.

        Parameters
        ----------
        dry_run
            Only tell what would go, what stays and why.
        """
        with self._opened("gc", writes=not dry_run) as opened:
            return collect(opened, self._clock(), dry_run=dry_run)

    def backtest(self, folder: Folder | None = None) -> BacktestResult:
        """Replay past windows through triggers and policy: false alarms, misses, delay.

        Parameters
        ----------
        folder
            Files of texts, one window per file; by default, the windows of past cycles.
        """
        with self._opened("backtest") as opened:
            return backtest(opened, path_of(folder), self._clock())

    def simulate(
        self,
        texts: Folder | None = None,
        *,
        fast: bool = False,
        page: Folder | None = None,
        dry_run: bool = False,
    ) -> SimulationResult:
        """Try the settings on a year with injected drift of six causes; nothing is changed.

        Parameters
        ----------
        texts
            File of texts without drift; by default, those that are stored.
        fast
            One year, and nothing is trained.
        page
            Where to write a page for people.
        dry_run
            Only say what would be computed, and about how long it would take.
        """
        from pipeline.simulation import FAST, FULL

        with self._opened("simulate") as opened:
            return simulate_workspace(
                opened,
                FAST if fast else FULL,
                path_of(texts),
                self._clock(),
                page=path_of(page),
                dry_run=dry_run,
            )

    def judge(
        self,
        *versions: int | str,
        asking: Asking | None = None,
        new: bool = False,
        anchors: Folder | None = None,
        who: str | None = None,
    ) -> JudgeResult:
        """Let a person compare two versions blind, where their results for the log differ.

        Parameters
        ----------
        versions
            Two numbers or aliases; by default, the champion and the newest that never served.
        asking
            How questions are asked; by default nothing is asked, and the answers so far count.
        new
            Draw new questions, also where these versions were compared before.
        anchors
            Folder to make, with an evaluation set of all answers about all versions.
        who
            Who answers; by default, the user of this process.
        """
        with self._opened("judge") as opened:
            answering = Answering(who or person(), self._clock)
            chosen, how = list(map(str, versions)), asking or Asking()
            return judge_versions(opened, chosen, how, answering, new=new, anchors=path_of(anchors))

    def watch(
        self,
        *,
        every: str | None = None,
        records: int | None = None,
        tell: Callable[[WatchEvent], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Run a cycle whenever something is new, each in a process of its own, until stopped.

        Parameters
        ----------
        every
            Time between two checks for new data, such as "15m"; by default, `watch.every`.
        records
            Number of new records that starts a cycle before `every`; by default, `watch.records`.
        tell
            Gets what happens.
        stop
            Ends it when it is set; by default nothing does but an interruption.
        """
        settings = WatchedSettings(self.settings.root, every, records)
        Watching(settings, tell or _ignore, stop or threading.Event(), self._clock).go()

    def test_receivers(self) -> DeliveriesResult:
        """Send a test message to every receiver of `[promotion]` and `[alerts]`, once."""
        return try_receivers(self.settings, self._clock())

    def encoder(self, version: int | str = "champion") -> Encoder:
        """Return the encoder of a version, from texts to unit vectors.

        Parameters
        ----------
        version
            Number or alias.
        """
        with self._opened("encoder") as opened:
            folder = opened.versions.folder(opened.versions.named(version))
            # Without the cache of the cycles: what a program encodes would fill it.
            return opened.encoders.load_alone(folder.model)


def _ignore(event: WatchEvent) -> None:
    """Take what happens without a word."""
