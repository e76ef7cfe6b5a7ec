"""Asking for generated queries before a cycle needs them, and what they cost."""

from contextlib import nullcontext
from datetime import datetime

from pipeline.cycle import answers_folder
from pipeline.results import GenerateResult
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault
from training.unlabelled import Corpus, Reserved, distinct_queries, shown_ids, split_log


def generate_queries(opened: OpenWorkspace, *, dry_run: bool, now: datetime) -> GenerateResult:
    """Take in what has arrived and ask for queries; a cycle finds the answers in the cache.

    Parameters
    ----------
    dry_run
        Only tell the cost; nothing is sent or stored.
    now
        The present.

    Raises
    ------
    DataFault
        No endpoint is set, or there are no documents.
    """
    tables = opened.settings.tables
    generate = tables.generate
    if not generate.enabled:
        raise DataFault(
            "generate.url is not set; it must name a server that answers chat completions in the "
            'OpenAI format, such as url = "http://127.0.0.1:8000/v1" in [generate], with its model'
        )
    store = opened.store
    with store.rehearsal() if dry_run else nullcontext():
        opened.take_in(now)
        served = store.served()
        documents = store.some_documents(tables.data.corpus_sample, shown_ids(served))
    if not documents:
        raise DataFault("there are no documents; name them in data.corpus (anchorhold.toml)")
    corpus = Corpus(documents)
    reserved = Reserved(documents=tables.known_items.protected(documents), hold_out=tables.holdout)
    queries = distinct_queries(split_log(served, tables.holdout)[0])
    folder = answers_folder(opened.settings)
    cost = generate.cost(corpus, reserved, queries, folder)
    answered, fault = cost.known, ""
    if not dry_run:
        answers, fault = generate.ask(corpus, reserved, queries, folder, opened.progress)
        answered = len(answers)
    return GenerateResult(
        dry_run=dry_run,
        url=generate.url,
        model=generate.model,
        documents=cost.documents,
        cached=cost.known,
        answered=answered,
        tokens_in=cost.tokens_in,
        tokens_out=cost.tokens_out,
        price=cost.price,
        reason=f"{cost.reason}; {fault}" if fault else cost.reason,
    )
