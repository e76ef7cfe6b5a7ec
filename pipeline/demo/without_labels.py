"""The second way of the demonstration: documents and a log alone, without any labelled pair."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.demo.docstrings import documentation_pairs
from pipeline.demo.material import (
    MARKER,
    NEW_PACKAGES,
    OLD_PACKAGES,
    THIRD_PACKAGES,
    shuffled,
    take,
    write_rows,
)
from pipeline.workspace import SETTINGS_FILE
from training.pairs import Pair

_SETTINGS = """\
# {marker}: the same documentation as documents and a log of questions, nothing labelled.
[model]
name = "documentation-search-without-labels"
base = {base}
max_length = 64        # tokens: the passages are short

[data]
corpus = ["corpus/*.jsonl"]    # the documentation: passages without their questions
log = ["log/*.jsonl"]          # the questions: what was asked, without answers

[known_items]
share = 0.3            # more documents to measure on, of these few

[gate]
proxies = "allow"      # a promotion may rest on evidence without labels, and is stamped so
"""
_SHOWN = 5


@dataclass(frozen=True)
class UnlabelledSizes:
    """How many passages or questions each chapter uses."""

    known: int
    first_log: int
    window: int
    new: int
    poisoned: int


class UnlabelledStage:
    """Lays out the documents and the log that arrive in each chapter."""

    def __init__(self, workspace: Path, sizes: UnlabelledSizes, base: Path) -> None:
        self.workspace = workspace
        """The folder of this part."""
        self._sizes, self._base = sizes, base
        old, new, third = (
            shuffled(documentation_pairs(packages, most=most))
            for packages, most in (
                (OLD_PACKAGES, sizes.known),
                (NEW_PACKAGES, sizes.new),
                (THIRD_PACKAGES, sizes.poisoned),
            )
        )
        self._old, self._new, self._third = old, new, third

    def begin(self) -> None:
        """Write the settings, the documents of known packages and the first part of the log."""
        settings = _SETTINGS.format(marker=MARKER, base=json.dumps(str(self._base)))
        self.workspace.mkdir(parents=True, exist_ok=True)
        (self.workspace / SETTINGS_FILE).write_text(settings, encoding="utf-8")
        self._documents("known", self._old)
        self._log("before", take(self._old, self._sizes.first_log))

    def quiet_week(self) -> None:
        """Let questions about the known packages arrive."""
        self._log("week-1", take(self._old, self._sizes.window))

    def new_packages(self) -> None:
        """Let documents of other packages arrive, and questions about them."""
        self._documents("new", self._new)
        self._log("week-2", self._new)

    def misleading_log(self) -> None:
        """Let a third group of packages arrive, with clicks on passages that answer nothing."""
        self._documents("third", self._third)
        chance = random.Random(3)
        rows = []
        for number, pair in enumerate(self._third):
            shown = chance.sample([each.id for each in self._third if each != pair], _SHOWN)
            rows.append(
                {
                    "query": pair.query,
                    "results": [{"id": id} for id in shown],
                    "clicked": shown[:1],
                    "session": f"session-{number}",
                    "user": f"user-{number}",
                }
            )
        write_rows(self.workspace / "log" / "week-3.jsonl", rows)

    def _documents(self, name: str, pairs: Sequence[Pair]) -> None:
        rows = ({"id": pair.id, "text": pair.positive, "source": pair.source} for pair in pairs)
        write_rows(self.workspace / "corpus" / f"{name}.jsonl", rows)

    def _log(self, name: str, pairs: Sequence[Pair]) -> None:
        write_rows(self.workspace / "log" / f"{name}.jsonl", ({"query": p.query} for p in pairs))
