"""Erasing from the caches of this machine: vectors, scores and answers of a language model."""

import json
from collections.abc import Collection
from pathlib import Path

from pipeline.erasure.scrub import Scrubber
from pipeline.registry import copies, delete_copy
from pipeline.workspace import OpenWorkspace
from training.encoding import forget_texts


def erase_from_caches(
    opened: OpenWorkspace,
    scrubber: Scrubber,
    digests: Collection[str],
    queries: Collection[str],
    *,
    only_count: bool = False,
) -> dict[str, int]:
    """Delete vectors and answers of erased texts, and scores that depend on them; return how many.

    Parameters
    ----------
    opened
        The open workspace.
    scrubber
        Knows the texts.
    digests
        Of the evaluation sets that changed.
    queries
        Ids of the queries that went.
    only_count
        Delete nothing.
    """
    registered = {each.number for each in opened.registry.all_versions()}
    old = [number for number in copies(opened.registry) if number not in registered]
    scores = _scores(opened.scores.cache, digests, queries)
    answers = _answers(opened, scrubber)
    if not only_count:
        for number in old:
            delete_copy(opened.registry, number)
        for file in (*scores, *answers):
            file.unlink(missing_ok=True)
    cache = opened.encoders.cache
    return {
        "cached vectors": forget_texts(cache, scrubber.texts, only_count=only_count),
        "cached scores": len(scores),
        "generated answers": len(answers),
        "copies of deleted versions": len(old),
    }


def _scores(folder: Path, digests: Collection[str], queries: Collection[str]) -> list[Path]:
    """Return the files of scores that depend on what was erased, in the order to delete them."""
    parts = {each[:32] for each in digests}
    files = [each for each in sorted(folder.rglob("*")) if each.is_file()]
    for file in files:
        if file.suffix == ".json" and queries and _names_one(file, queries):
            parts |= {part for part in file.stem.split("-")[1:] if len(part) == 32}
    found = [file for file in files if parts & {*file.name.partition(".")[0].split("-")[1:]}]
    # A table names the queries of the rankings beside it, also for a call after a fault.
    return sorted(found, key=lambda file: file.suffix == ".json")


def _names_one(file: Path, queries: Collection[str]) -> bool:
    try:
        tasks = json.loads(file.read_text(encoding="utf-8"))["tasks"]
        return any(not set(queries).isdisjoint(each["query_ids"]) for each in tasks.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True  # It cannot be read; it would be measured again.


def _answers(opened: OpenWorkspace, scrubber: Scrubber) -> list[Path]:
    """Return the answers for documents that were erased, and those that quote an erased text."""
    folder, generate = (
        opened.settings.state / "cache" / "generated",
        opened.settings.tables.generate,
    )
    mine = {generate.answer_file(text, folder) for text in scrubber.texts}
    gone = []
    for file in sorted(folder.rglob("*.json")):
        content = file.read_text(encoding="utf-8", errors="replace")
        try:
            quoted = scrubber.json(value := json.loads(content), "text") != value
        except ValueError:
            quoted = True
        if file in mine or quoted:
            gone.append(file)
    return gone
