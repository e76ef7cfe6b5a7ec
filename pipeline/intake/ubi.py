"""OpenSearch User Behavior Insights: its queries as lines of a log, its events as what was done.

The schema: https://o19s.github.io/ubi (1.0 to 1.3), and the indices ubi_queries and ubi_events.
"""

from collections.abc import Mapping, Sequence

from pipeline.intake.bad_record import BadRecord, shortened
from pipeline.intake.log_values import name_of, number_of, unpacked
from pipeline.intake.moments import seconds_of
from pipeline.intake.served_lines import Done, Line, Pick

SEEN = ("impression", "view")
"""Actions that say that a result was on the page."""
_RATINGS = {"thumbs_up": 1, "like": 1, "upvote": 1}
_RATINGS |= {"thumbs_down": -1, "dislike": -1, "downvote": -1}


def is_query(record: Mapping[str, object]) -> bool:
    """Return whether a record is a row of ubi_queries."""
    return "user_query" in record and ("query_id" in record or "query_response_hit_ids" in record)


def is_event(record: Mapping[str, object]) -> bool:
    """Return whether a record is a row of ubi_events."""
    return "action_name" in record


def query_of(record: Mapping[str, object]) -> dict[str, object]:
    """Return a query as a line of a log: in `query` the plugin keeps what the engine was sent."""
    return {name: value for name, value in record.items() if name != "query"}


def event_line(record: Mapping[str, object], clicks: Sequence[str]) -> Line | str:
    """Return what an event says about the results of its query, or the name of another action.

    Parameters
    ----------
    record
        A row of ubi_events; nested, or with the paths as names of columns.
    clicks
        Names of actions that are clicks.

    Raises
    ------
    BadRecord
        It names no query or no result.

    Examples
    --------
    >>> event = {"action_name": "click", "query_id": "7",
    ...          "event_attributes": {"object": {"object_id": "d2"}, "position": {"ordinal": 2}}}
    >>> event_line(event, ("click",)).done.clicked
    (Pick(name='d2', place=2),)
    """
    written = name_of(record.get("action_name"))
    action = written.lower().replace("-", "_").replace(" ", "_")
    if action not in (*clicks, *SEEN, *_RATINGS):
        return written
    query = name_of(record.get("query_id"))
    pick = _pick(record)
    if not query:
        raise BadRecord(f"the event {shortened(written)} has no query_id; it must name its query")
    if not any(pick):
        raise BadRecord(
            f"the event {shortened(written)} names no result; it needs "
            "event_attributes.object.object_id or event_attributes.position.ordinal"
        )
    done = (
        Done(clicked=(pick,))
        if action in clicks
        else Done(rated=((pick, _RATINGS[action]),))
        if action in _RATINGS
        else Done(seen=(pick,))
    )
    return Line(None, query, done, moment=_moment(record.get("timestamp")))


def _pick(record: Mapping[str, object]) -> Pick:
    attributes = unpacked(record.get("event_attributes"))
    layers = {**record, **attributes} if isinstance(attributes, Mapping) else dict(record)
    names = ("object.object_id", "object_id", "object.internal_id")
    name = next((found for each in names if (found := name_of(_at(layers, each)))), "")
    places = ("position.ordinal", "ordinal", "position", "rank")
    place = next(
        (number for each in places if (number := number_of(_at(layers, each))) is not None), 0
    )
    return Pick(name, int(place))


def _at(record: Mapping[str, object], path: str) -> object:
    """Return the value at a path, whether it is nested or a column has the path as its name."""
    for name in (f"event_attributes.{path}", path):
        if name in record:
            return record[name]
    value: object = record
    for name in path.split("."):
        value = unpacked(value.get(name)) if isinstance(value, Mapping) else None
    return value


def _moment(value: object) -> float | None:
    try:
        return seconds_of(value)
    except BadRecord:
        return None
