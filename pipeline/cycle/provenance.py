"""How the records of a window came about: what read them, and which fields documents lack."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drift_triggers.signal import FieldFacts, Preprocessing
from pipeline.results import Window
from pipeline.store import Kind, ReadAlike, Store, fingerprint_of


@dataclass(frozen=True)
class Provenance:
    """How the records of a window came about.

    Attributes
    ----------
    preprocessing
        "texts" and "documents" -> what read them; empty where the champion knows none.
    documents
        Which fields documents lack; None where there are none.
    """

    preprocessing: Mapping[str, Preprocessing] = field(default_factory=dict)
    documents: FieldFacts | None = None


def provenance(
    store: Store,
    window: Window,
    kind: Kind,
    recent: int,
    read_by: Mapping[str, str | int] | None = None,
) -> Provenance:
    """Read what is noted about the records of a window.

    Parameters
    ----------
    kind
        "traffic" or "pair": what the recent texts are.
    recent
        How many recent texts there are; they are the newest.
    read_by
        What reads them, where they are in no store; None: as noted.
    """
    found = {}
    if window.known:
        known = [
            *store.read_alike("traffic", until=window.known),
            *store.read_alike("pair", until=window.known),
        ]
        if read_by is not None:
            now = [ReadAlike(fingerprint_of(read_by), read_by, recent)]
        else:
            stretch = {"after": window.known, "until": window.until}
            now = store.read_alike(kind, **stretch, latest=recent)
        found["texts"] = _compared(known, now)
    if window.after:
        found["documents"] = _compared(
            store.read_alike("document", until=window.after),
            store.read_alike("document", after=window.after, until=window.until),
        )
    before, lacked = store.documents_lacking(until=window.after)
    count, lack = store.documents_lacking(after=window.after, until=window.until)
    missing = {
        name: (lacked[name], lack[name])
        for name in lacked
        if lacked[name] + lack[name] < before + count
    }
    return Provenance(
        {kind: each for kind, each in found.items() if each.known or each.recent},
        FieldFacts(before, count, missing) if before or count else None,
    )


def _compared(known: Iterable[ReadAlike], recent: Iterable[ReadAlike]) -> Preprocessing:
    counts: list[dict[str, int]] = []
    names: dict[str, str] = {}
    for side in (known, recent):
        count: dict[str, int] = {}
        for each in side:
            count[each.fingerprint] = count.get(each.fingerprint, 0) + each.records
            names[each.fingerprint] = name_of(each.parts)
        counts.append(count)
    return Preprocessing(counts[0], counts[1], names)


def name_of(parts: Mapping[str, str | int]) -> str:
    """Return what people call a preprocessing.

    Examples
    --------
    >>> name_of({"reader": "records", "rules": 1, "declared": "cleaner 4"})
    "'cleaner 4' (records, rules 1)"
    >>> name_of({"reader": "pages", "rules": 1, "section_characters": 900, "declared": ""})
    'pages, rules 1, section_characters 900'
    """
    told = [str(parts.get("reader", "records"))]
    told += [
        f"{name} {value}" for name, value in parts.items() if name not in ("reader", "declared")
    ]
    inside, declared = ", ".join(told), parts.get("declared")
    return f"{declared!r} ({inside})" if declared else inside
