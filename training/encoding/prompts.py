"""Prompts: which of a model's own prompts is put before a query, and which before a document."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Kind = Literal["query", "document"]
"""Side of a search: some models encode queries and documents differently."""

_OTHER: Mapping[Kind, Kind] = {"query": "document", "document": "query"}
# In the order in which they are tried; those of sentence-transformers come first.
_SIDES: Mapping[Kind, tuple[str, ...]] = {
    "query": ("query", "queries", "question", "questions"),
    "document": ("document", "passage", "corpus", "documents", "passages", "doc", "docs"),
}
# What models write beside the side: "search_query", "retrieval.passage", "s2p_query".
_SEARCHES = ("search", "retrieval", "s2p", "web", "asymmetric", "ir", "qa")
# Tasks that compare texts of one kind; "s2s_query" is no prompt for a search.
_NO_SEARCHES = {
    "bitext", "classification", "clustering", "pair", "reranking", "s2s", "similarity", "sts",
    "summarization",
}  # fmt: skip
_LISTED = 4  # unused prompts that are named


def chosen_prompt(prompts: Mapping[str, str | None], default: str | None, kind: Kind) -> str:
    """Return the prompt for a kind of text; an empty text if the model has none for it.

    It is the first of these that is not empty:

    1. the prompt with a name that sentence-transformers knows: "query"; "document", "passage" or
       "corpus";
    2. one whose name says the side and that it is for searches, such as "search_document";
    3. the model's default prompt, unless its name says the other side;
    4. the only one whose name says the side, whatever its task, unless the task is no search.

    An empty prompt never hides another one: sentence-transformers 6 adds empty "query" and
    "document" prompts to every model.

    Parameters
    ----------
    prompts
        The model's prompts by name.
    default
        Name of its default prompt; None: it has none.
    kind
        Side of the search.

    Examples
    --------
    >>> e5 = {"query": "query: ", "document": "", "passage": "passage: "}
    >>> chosen_prompt(e5, None, "query"), chosen_prompt(e5, None, "document")
    ('query: ', 'passage: ')
    """
    filled = {name: text for name, text in prompts.items() if text}
    for name in _SIDES[kind]:
        if name in filled:
            return filled[name]
    ranked = sorted(
        (rank, name) for name in filled if (rank := _search_rank(name, kind)) is not None
    )
    if ranked:
        return filled[ranked[0][1]]
    if default in filled and not _says(default, _OTHER[kind]):
        return filled[default]
    others = {filled[name] for name in filled if _says(name, kind) and not _tasks(name, kind)[1]}
    return others.pop() if len(others) == 1 else ""


def unused_prompts(prompts: Mapping[str, str | None], default: str | None) -> str:
    """Return a sentence about the prompts that are never used; an empty one if there are none.

    Examples
    --------
    >>> unused_prompts({"query": "find: ", "sts": "compare: "}, None)
    "the prompt 'sts' is not used: queries are encoded with 'find: ', documents without a prompt"
    """
    used = {kind: chosen_prompt(prompts, default, kind) for kind in _SIDES}
    unused = [name for name, text in prompts.items() if text and text not in used.values()]
    if not unused:
        return ""
    names = ", ".join(repr(name) for name in unused[:_LISTED])
    if len(unused) > _LISTED:
        names += f" and {len(unused) - _LISTED} more"
    queries, documents = (
        f"with {text!r}" if text else "without a prompt" for text in used.values()
    )
    plural = "s" if len(unused) > 1 else ""
    return (
        f"the prompt{plural} {names} {'are' if plural else 'is'} not used: queries are encoded "
        f"{queries}, documents {documents}"
    )


def prompt_of(model: "SentenceTransformer", kind: Kind) -> str:
    """Return the prompt that a model gets before each text of a kind."""
    return chosen_prompt(model.prompts, model.default_prompt_name, kind)


def write_prompts(model: "SentenceTransformer") -> None:
    """Name the prompts of both kinds as `encode_query` and `encode_document` look them up.

    So everybody who loads the saved model gets the vectors that it was trained and scored with.
    """
    chosen = [prompt_of(model, kind) for kind in _SIDES]
    model.prompts.update(zip(_SIDES, chosen, strict=True))


def has_routes(model: "SentenceTransformer") -> bool:
    """Return whether a model has modules of their own for each side."""
    return any(type(part).__name__ in {"Router", "Asym"} for part in model)


def tells_sides_apart(model: "SentenceTransformer") -> bool:
    """Return whether a model reads queries and documents differently, prompts aside.

    Such a model has modules for each side, or cuts or wraps the texts of the two sides differently.
    It must be told the side in training as in encoding.
    """
    return has_routes(model) or any(map(_reads_by_side, model))


def _reads_by_side(part: Any) -> bool:
    lengths = ("query_length", "document_length", "query_expansion")
    if any(getattr(part, name, None) is not None for name in lengths):
        return True
    wraps = getattr(part, "_chat_template_declares_task", None)
    return bool(wraps and wraps())


def _words(name: str) -> set[str]:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return set(re.findall(r"[a-z0-9]+", parted.lower()))


def _says(name: str, kind: Kind) -> bool:
    return not _words(name).isdisjoint(_SIDES[kind])


def _tasks(name: str, kind: Kind) -> tuple[set[str], set[str]]:
    """Return what a name says beside the side: tasks that are searches or unknown, and no searches.

    A name that says the other side too is for neither.
    """
    words = _words(name)
    refused = words & (_NO_SEARCHES | set(_SIDES[_OTHER[kind]]))
    return words - set(_SIDES[kind]) - refused, refused


def _search_rank(name: str, kind: Kind) -> tuple[int, int, int] | None:
    """Return how well a name fits a search, low is better; None if it does not say that."""
    tasks, refused = _tasks(name, kind)
    if not _says(name, kind) or refused or not tasks <= set(_SEARCHES):
        return None
    side = min(place for place, side in enumerate(_SIDES[kind]) if side in _words(name))
    task = min((place for place, task in enumerate(_SEARCHES) if task in tasks), default=0)
    return len(tasks), task, side
