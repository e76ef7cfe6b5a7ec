"""What the lines of a log became, in counts, and what of it a person should check."""

from collections import Counter

from pipeline.intake.bad_record import shortened
from pipeline.results import LogCounts
from training.unlabelled import ServedQuery

_COUNTED_USERS = 100_000
_FLOOD_LINES, _FLOOD_SHARE = 1_000, 0.2


class LogTally:
    """The counts of one file, or of the traces of one experiment.

    Attributes
    ----------
    counts
        Numbers by the names of `LogCounts`.
    formats
        Format -> line where it was met first.
    other_names
        Column -> the field that it was read as.
    actions
        Actions of events that are not read.
    unknown
        Ids that no document of the corpus has.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.formats: dict[str, int] = {}
        self.other_names: dict[str, str] = {}
        self.actions: Counter[str] = Counter()
        self.unknown: set[str] = set()
        self.users: Counter[str] = Counter()
        self.bare_clicks = 0

    def note_format(self, name: str, line: int) -> None:
        """Note that a line is in this format."""
        self.formats.setdefault(name, line)

    def count(self, query: ServedQuery) -> None:
        """Count what a line says."""
        self.counts["with_results"] += bool(query.shown)
        self.counts["with_clicks"] += bool(query.clicked)
        self.counts["with_feedback"] += bool(query.feedback)
        self.bare_clicks += not query.shown and bool(query.clicked or query.feedback)
        if query.user:
            self.users[query.user] += 1
            if len(self.users) > _COUNTED_USERS:
                # Who sent a fifth of the lines is always among the first of them.
                self.users = Counter(dict(self.users.most_common(_COUNTED_USERS // 10)))

    @property
    def result(self) -> LogCounts:
        """The counts as intake returns them."""
        return LogCounts(**self.counts)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should check, in sentences that begin after the name of the file."""
        counts, found = self.counts, []
        if len(self.formats) > 1:
            places = ", ".join(f"{name} from line {first}" for name, first in self.formats.items())
            found.append(f"mixes formats ({places}); each line was read as what it is")
        if self.other_names:
            read = ", ".join(
                f"{shortened(name)} as {field}" for name, field in self.other_names.items()
            )
            found.append(f"has columns under other names; read {read}")
        if self.unknown:
            some = ", ".join(shortened(name) for name in sorted(self.unknown)[:3])
            found.append(
                f"names {len(self.unknown)} documents that are not in the corpus ({some}"
                f"{', …' if len(self.unknown) > 3 else ''}); their lines are stored all the same"
            )
        if counts["not_shown"]:
            found.append(
                f"has {counts['not_shown']} clicks or ratings of results that were not shown; "
                "they are in quarantine"
            )
        if self.bare_clicks:
            found.append(
                f"has {self.bare_clicks} lines with clicks or ratings but without results; "
                "without what else was shown they say little"
            )
        if counts["contradictions"]:
            found.append(
                f"rates {counts['contradictions']} results both ways; these ratings were dropped"
            )
        if self.actions:
            named = ", ".join(
                f"{shortened(name)} ({many})" for name, many in self.actions.most_common(5)
            )
            found.append(
                f"has events of other actions: {named}; those that are clicks can be named in "
                "intake.click_actions"
            )
        return (*found, *self._flood())

    def _flood(self) -> tuple[str, ...]:
        total = self.users.total()
        user, lines = max(self.users.items(), key=lambda each: each[1], default=("", 0))
        if lines < _FLOOD_LINES or lines < _FLOOD_SHARE * total:
            return ()
        return (
            f"has {lines} of {total} lines from one user ({shortened(user)}); a user has one vote "
            "per query, but counts with every text in drift checks",
        )
