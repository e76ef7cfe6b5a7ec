"""What two versions are judged on: queries of the log, documents, and what each version finds."""

import secrets
from collections.abc import Mapping, Sequence

from pipeline.cycle import KINDS
from pipeline.judging import Questions, Ranking
from pipeline.registry import Version, VersionFolder
from pipeline.store import Traffic
from pipeline.workspace import OpenWorkspace
from training.evaluation import nearest
from training.faults import DataFault
from training.pairs import normalised

_QUERIES_AT_ONCE = 256


def draw_questions(opened: OpenWorkspace, versions: tuple[Version, Version]) -> Questions:
    """Search for the queries of the log with both versions, and draw the questions.

    Raises
    ------
    DataFault
        There are no queries or no documents.
    """
    settings = opened.settings.tables.judge
    folders = [opened.versions.folder(each) for each in versions]
    log = _log(texts_of_log(opened, folders), _trained(opened, folders), settings.lines)
    documents = documents_of(opened, folders)
    queries = list(dict.fromkeys(log))
    first, second = (_search(opened, folder, queries, documents) for folder in folders)
    return Questions.draw(
        (versions[0].number, versions[1].number),
        log,
        {query: (first[query], second[query]) for query in queries},
        documents,
        results=settings.results,
        seed=secrets.randbits(32),
    )


def _trained(opened: OpenWorkspace, folders: Sequence[VersionFolder]) -> set[str]:
    """Return the queries whose answers a version may know from its training."""
    remembered = [pair for folder in folders for pair in folder.memory()]
    return {normalised(pair.query) for pair in (*opened.store.pairs(), *remembered)}


def texts_of_log(opened: OpenWorkspace, folders: Sequence[VersionFolder]) -> list[Traffic]:
    """Return the texts of the log, oldest first.

    Where a version learned from pairs that were made of the log, only held-out queries of that part
    are left: what gave no pair is not typical, because it tends to be what is hard.
    """
    store = opened.store
    learned = 0
    for folder in folders:
        if any(pair.source in KINDS for pair in folder.memory()):
            learned = max(learned, folder.facts().cut)
    holds = opened.settings.tables.holdout.holds
    before = store.traffic(role="recent", until=learned) if learned else []
    later = store.traffic(role="recent", after=learned)
    return [*(text for text in before if holds(text.text)), *later] or store.traffic("reference")


def _log(texts: Sequence[Traffic], trained: set[str], limit: int) -> list[str]:
    """Return the queries of the newest lines, without those that a version was trained on.

    One user or session asks a query once, so that no single one decides what is typical.
    """
    lines: list[str] = []
    seen: set[tuple[str, str, str]] = set()
    spelled: dict[str, str] = {}
    for text in reversed(texts):
        query = normalised(text.text)
        asker = (text.session, text.user, query)
        if not query or query in trained or asker in seen:
            continue
        if text.session or text.user:
            seen.add(asker)
        lines.append(spelled.setdefault(query, text.text))
        if len(lines) == limit:
            break
    if not lines:
        raise DataFault(
            "there are no queries to ask about: each text of the log is the query of a training "
            "pair; name a log or traffic that is not ([data], anchorhold.toml)"
            if texts
            else "there are no queries to ask about; name a log or traffic ([data], "
            "anchorhold.toml) and run `anchorhold run`"
        )
    return lines


def documents_of(opened: OpenWorkspace, folders: Sequence[VersionFolder]) -> dict[str, str]:
    """Return id -> text of the corpus, or of a large part; without one, of all anchor sets."""
    documents = opened.store.some_documents(opened.settings.tables.data.corpus_sample)
    found = {each.id: each.whole for each in documents if each.whole}
    for folder in folders if not found else ():
        for each in opened.anchor_sets.of(folder):
            found |= {f"{each.name}/{key}": text for key, text in each.corpus.items() if text}
    if not found:
        raise DataFault(
            "there are no documents to search; name a corpus (data.corpus, anchorhold.toml)"
        )
    # Where documents have the same text, one is enough.
    first: dict[str, str] = {}
    for key, text in found.items():
        first.setdefault(text, key)
    return {key: text for text, key in first.items()}


def _search(
    opened: OpenWorkspace,
    folder: VersionFolder,
    queries: Sequence[str],
    documents: Mapping[str, str],
) -> dict[str, Ranking]:
    """Return the best documents of each query by exact search."""
    encoder = opened.encoders.load(folder.model)
    keys = list(documents)
    vectors = encoder.encode(list(documents.values()), kind="document", progress=opened.progress)
    places, _ = nearest(
        encoder.similarity.ready(encoder.encode(queries, kind="query", progress=opened.progress)),
        encoder.similarity.ready(vectors),
        depth=opened.settings.tables.judge.shown,
        rows_at_once=_QUERIES_AT_ONCE,
        similarity=encoder.similarity,
    )
    return {
        query: tuple(keys[place] for place in found)
        for query, found in zip(queries, places.tolist(), strict=True)
    }
