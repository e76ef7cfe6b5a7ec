"""One line of a served log: the query, what was shown, and what the user did with it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.intake.bad_record import BadRecord, kind_of, shortened
from pipeline.intake.log_values import listed, name_of, number_of, rating_of, unpacked
from pipeline.intake.record_rules import RecordRules
from pipeline.store import Traffic
from training.unlabelled import ServedQuery, Shown

_IDS = ("id", "_id", "doc_id", "document_id", "docid", "chunk_id", "node_id", "object_id", "pid")
_TEXTS = ("text", "content", "page_content", "passage", "body", "snippet", "chunk")
_SCORES = ("score", "_score", "similarity", "similarity_score", "relevance_score", "relevance")
_PLACES = ("position", "rank", "ordinal")
_PLAIN = {"id", "text", "score"}
_RATINGS = ("feedback", "rating", "thumbs", "vote", "value")
_LONGEST_ID = 500
_LARGEST_VERSION = 2**31 - 1


class Pick(NamedTuple):
    """A result as a click or a rating names it: by id or text, or by its place from 1."""

    name: str
    place: int = 0


class Done(NamedTuple):
    """What a user did with results: clicks in their order, and ratings."""

    clicked: tuple[Pick, ...] = ()
    rated: tuple[tuple[Pick, int], ...] = ()
    seen: tuple[Pick, ...] = ()
    """Results that a page reports as seen, where the query does not list them."""
    whole: bool = False
    """Whether the ratings are all that there are now, and replace what is stored."""


def together(parts: Sequence[Done]) -> Done:
    """Return all that was done, in this order."""
    return Done(
        tuple(pick for part in parts for pick in part.clicked),
        tuple(each for part in parts for each in part.rated),
        tuple(pick for part in parts for pick in part.seen),
        any(part.whole for part in parts),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read.

    Attributes
    ----------
    query
        What was asked and shown; None where the line adds to one that was served before.
    id
        Id of the served line.
    done
        What the user did.
    remarks
        What could not be read of it, a sentence each.
    moment
        When it was done, in seconds since the epoch; None: unknown.
    """

    query: ServedQuery | None
    id: str
    done: Done
    remarks: tuple[str, ...] = ()
    moment: float | None = None


class Joined(NamedTuple):
    """What the user did, in the names of what was shown."""

    clicked: tuple[str, ...]
    feedback: tuple[tuple[str, int], ...]
    not_shown: tuple[str, ...]
    """Clicks and ratings that name nothing that was shown."""
    contradicting: tuple[str, ...]
    """Results that were rated both ways."""


def read_line(fields: Mapping[str, object], rules: RecordRules) -> Line:
    """Return what the fields of a line say, named as the documentation names them.

    Raises
    ------
    BadRecord
        There is no query, or a field that cannot be stored.
    """
    remarks: list[str] = []
    shown, done = _results(fields.get("results"), fields.get("scores"), remarks)
    done = Done(
        (*_clicks(fields.get("clicked"), remarks), *done.clicked),
        (*_ratings(fields.get("feedback"), shown, remarks), *done.rated),
    )
    for pick in (*done.clicked, *(pick for pick, _ in done.rated)):
        # Without results it is kept as it is written; some engines hold no NUL.
        if "\0" in pick.name:
            raise BadRecord(f"a click or rating of {shortened(pick.name)} holds a NUL character")
    id = name_of(fields.get("id"))
    asks = fields.get("query") not in (None, "")
    if not asks and id and (done.clicked or done.rated):
        _must_be_short(id)
        return Line(None, id, done, tuple(remarks))
    asked = _asked(fields, rules)
    answer = fields.get("answer")
    query = ServedQuery(
        asked.text,
        shown,
        answer=storable(answer, rules) if isinstance(answer, str) else "",
        id=asked.id,
        source=asked.source,
        session=asked.session,
        user=asked.user,
        timestamp=asked.timestamp,
        version=_version(fields.get("version"), remarks),
        seconds=_seconds(fields.get("seconds"), remarks),
    )
    for each in shown:
        _must_be_short(each.id)
        if each.text:
            storable(each.text, rules)
    return Line(query, asked.id, done, tuple(remarks))


def join(done: Done, shown: Sequence[Shown], *, others: Mapping[str, int] | None = None) -> Joined:
    """Return clicks and ratings in the names of what was shown.

    Where a line lists no results, they keep the names that they have.

    Examples
    --------
    >>> done = Done((Pick("b"), Pick("", 1)), ((Pick("b"), 1), (Pick("c"), 1)))
    >>> join(done, [Shown("a"), Shown("b")])
    Joined(clicked=('b', 'a'), feedback=(('b', 1),), not_shown=('c',), contradicting=())
    """
    names = [each.id or each.text for each in shown]
    known = {name: name for name in names}
    known.update({each.text: each.id for each in shown if each.id and each.text})
    missing: list[str] = []

    def found(pick: Pick) -> str:
        if pick.name in known:
            return known[pick.name]
        if not pick.name and 0 < pick.place <= len(names):
            return names[pick.place - 1]
        if not names and pick.name:
            return pick.name
        missing.append(pick.name or f"place {pick.place}")
        return ""

    clicked = tuple(dict.fromkeys(name for each in done.clicked if (name := found(each))))
    rated: dict[str, set[int]] = {name: {rating} for name, rating in (others or {}).items()}
    for pick, rating in done.rated:
        if name := found(pick):
            rated.setdefault(name, set()).add(rating)
    feedback = tuple((name, max(both)) for name, both in rated.items() if len(both) == 1)
    contradicting = tuple(name for name, ratings in rated.items() if len(ratings) > 1)
    return Joined(clicked, feedback, tuple(dict.fromkeys(missing)), contradicting)


def _asked(fields: Mapping[str, object], rules: RecordRules) -> Traffic:
    """Return the query as a text of the traffic; its rules are those of all texts."""
    names = ("id", "source", "timestamp", "session", "user")
    values = {name: fields[name] for name in names if name in fields}
    if "query" in fields:
        values["text"] = fields["query"]
    try:
        asked = rules.read(values)
    except BadRecord as bad:
        reason = str(bad)
        raise BadRecord("query" + reason[4:] if reason.startswith("text ") else reason) from None
    if not isinstance(asked, Traffic):
        raise TypeError("the rules of a log must be those of traffic")
    return asked


def storable(text: str, rules: RecordRules) -> str:
    """Return a text that every engine can hold; "" for a blank one."""
    if not text.strip():
        return ""
    read = rules.read({"text": text})
    return read.text if isinstance(read, Traffic) else ""


def _must_be_short(id: str) -> None:
    if len(id) > _LONGEST_ID or "\0" in id:
        raise BadRecord(
            f"id {shortened(id)} has {len(id)} characters or a NUL among them; at most "
            f"{_LONGEST_ID} plain characters are allowed"
        )


def _version(value: object, remarks: list[str]) -> int | None:
    """Return the number of a version, which logs also write as a text, or as 3.0."""
    number = number_of(value)
    if value is None or value == "":
        return None
    if number is None or not number.is_integer() or not 1 <= number <= _LARGEST_VERSION:
        remarks.append(
            f"version is {kind_of(value)} ({shortened(value)}); it must be the number of a "
            "version, from 1"
        )
        return None
    return int(number)


def _seconds(value: object, remarks: list[str]) -> float | None:
    number = number_of(value)
    if value is None or value == "":
        return None
    if number is None or number < 0:
        remarks.append(
            f"seconds is {kind_of(value)} ({shortened(value)}); it must be a number from 0"
        )
        return None
    return number


def _results(value: object, scores: object, remarks: list[str]) -> tuple[tuple[Shown, ...], Done]:
    """Return what was shown, in its order, and what the results themselves say was done."""
    found = unpacked(value)
    if isinstance(found, Mapping):
        found = _within(found)
    if isinstance(found, bool | int | float | Mapping):
        remarks.append(f"results are {kind_of(value)} ({shortened(value)}); they must be a list")
        return (), Done()
    items = [(*_item(each, remarks), each) for each in listed(found)]
    numbers = listed(scores)
    if len(numbers) == len(items):
        items = [
            (Shown(each.id, each.text, number_of(score)), place, raw)
            for (each, place, raw), score in zip(items, numbers, strict=True)
        ]
    if all(place is not None for _, place, _ in items):
        items.sort(key=lambda item: item[1] or 0)
    shown: dict[str, Shown] = {}
    clicked, rated = [], []
    for each, _, raw in items:
        name = each.id or each.text
        if not name:
            continue
        shown.setdefault(name, each)
        if isinstance(raw, Mapping) and not raw.keys() <= _PLAIN:
            if _is_clicked(raw):
                clicked.append(Pick(name))
            rated += [(Pick(name), rating) for rating in _rating_within(raw, remarks)]
    return tuple(shown.values()), Done(tuple(clicked), tuple(rated))


def _within(found: Mapping[str, object]) -> object:
    """Return the list in an answer of a search engine, or in an object of scores by id."""
    if any(name in found for name in (*_IDS, *_TEXTS)):
        return [found]
    hits = found.get("hits", found.get("documents", found.get("results", found.get("ids"))))
    if isinstance(hits, Mapping):
        return _within(hits)
    if isinstance(hits, list):
        return hits[0] if len(hits) == 1 and isinstance(hits[0], list) else hits
    if found and all(number_of(score) is not None for score in found.values()):
        return [{"id": id, "score": score} for id, score in found.items()]
    return found


def _item(value: object, remarks: list[str]) -> tuple[Shown, float | None]:
    """Return a result and its place, None where it names none."""
    if not isinstance(value, Mapping):
        name = name_of(value)
        if not name:
            remarks.append(f"a result is {kind_of(value)} ({shortened(value)}); it must have an id")
        # Ids hold no spaces as a rule; where the corpus has such an id, it is one all the same.
        return (Shown(text=name) if len(name.split()) > 1 else Shown(id=name)), None
    if value.keys() <= _PLAIN and isinstance(id := value.get("id"), str) and id:
        # Most logs are written so, and a million lines have ten million results.
        return Shown(id, _as_text(value.get("text")), number_of(value.get("score"))), None
    layers = [value, *(value.get(name) for name in ("document", "node", "_source", "metadata"))]
    inner = [each for each in layers if isinstance(each, Mapping)]
    inner += [each["metadata"] for each in inner[1:] if isinstance(each.get("metadata"), Mapping)]
    name = _first(inner, _IDS)
    text = _first(inner, _TEXTS, _as_text) or _as_text(value.get("document"))
    if not name and not text:
        remarks.append(f"a result names neither id nor text ({shortened(value)})")
    score = next(
        (
            number
            for each in inner
            for name in _SCORES
            if (number := number_of(each.get(name))) is not None
        ),
        None,
    )
    places = (number_of(value.get(name)) for name in _PLACES)
    return Shown(name, text, score), next((each for each in places if each is not None), None)


def _first(
    layers: Sequence[Mapping[str, object]],
    names: Sequence[str],
    read: Callable[[object], str] = name_of,
) -> str:
    return next((found for each in layers for name in names if (found := read(each.get(name)))), "")


def _as_text(value: object) -> str:
    return value if isinstance(value, str) and value.strip() else ""


def _is_clicked(result: Mapping[str, object]) -> bool:
    value = result.get("clicked", result.get("click", result.get("clicks")))
    if isinstance(value, str):
        return value.strip().lower() in ("true", "yes", "1")
    return bool(value) and isinstance(value, bool | int | float)


def _rating_within(result: Mapping[str, object], remarks: list[str]) -> Iterable[int]:
    name = next((name for name in ("feedback", "rating", "thumbs", "vote") if name in result), "")
    rating = _rating(result.get(name), name, remarks)
    return () if rating is None else (rating,)


def _clicks(value: object, remarks: list[str]) -> list[Pick]:
    found = unpacked(value)
    if isinstance(found, bool):
        remarks.append(f"clicked is {shortened(found)}; it must be a list of ids")
        return []
    if isinstance(found, Mapping) and not any(name in found for name in (*_IDS, *_PLACES)):
        return [Pick(str(name)) for name, each in found.items() if each]
    picks = [_pick(each) for each in listed(found)]
    remarks.extend(
        f"a click is {kind_of(each)} ({shortened(each)}); it must name a result"
        for each, pick in zip(listed(found), picks, strict=True)
        if not any(pick)
    )
    return [pick for pick in picks if any(pick)]


def _pick(value: object) -> Pick:
    if not isinstance(value, Mapping):
        return Pick(name_of(value))
    name = _first([value], (*_IDS, *_TEXTS))
    place = next((number for each in _PLACES if (number := number_of(value.get(each)))), 0)
    return Pick(name, int(place))


def _ratings(value: object, shown: Sequence[Shown], remarks: list[str]) -> list[tuple[Pick, int]]:
    found = unpacked(value)
    if found is None:
        return []
    if isinstance(found, Mapping) and not any(name in found for name in _IDS):
        pairs = [(Pick(str(name)), each) for name, each in found.items()]
    elif isinstance(found, Mapping | list):
        items = found if isinstance(found, list) else [found]
        pairs = []
        for each in items:
            if isinstance(each, Mapping):
                rating = next((each[name] for name in _RATINGS if name in each), None)
                pairs.append((_pick(each), rating))
            elif isinstance(each, list | tuple) and len(each) == 2:
                pairs.append((_pick(each[0]), each[1]))
            else:
                remarks.append(f"feedback holds {shortened(each)}; it must be an id and 1 or -1")
    else:
        # A rating of the whole answer: it rests on the first result more than on any other.
        pairs = [(Pick(shown[0].id or shown[0].text), found)] if shown else []
        if not shown:
            remarks.append(f"feedback is {shortened(found)}, but no result is there to be rated")
    rated = [(pick, _rating(each, pick.name, remarks)) for pick, each in pairs]
    return [(pick, rating) for pick, rating in rated if rating is not None]


def _rating(value: object, name: str, remarks: list[str]) -> int | None:
    if isinstance(value, list | Mapping):
        remarks.append(f"feedback on {shortened(name)} is {kind_of(value)}; it must be 1 or -1")
        return None
    try:
        return rating_of(value)
    except BadRecord as bad:
        remarks.append(f"feedback on {shortened(name)} is {bad}")
        return None
