"""Search over HTTP, and what users did with the results."""

import asyncio
import time
from collections.abc import Sequence

from fastapi import APIRouter, BackgroundTasks, Request

from pipeline.search import Hit
from pipeline.service.bodies import FeedbackAnswer, FeedbackBody, Found, SearchAnswer, SearchBody
from pipeline.service.faults import Refused, unavailable, unusable
from pipeline.service.hooks import Answered, NoRecorder, NotShown, UnknownQuery
from pipeline.service.pair import Served
from pipeline.service.service import Service
from training.unlabelled import Shown


def search_routes(service: Service) -> APIRouter:
    """Return the routes that search the documents."""
    routes = APIRouter()

    @routes.post("/search")
    async def search(body: SearchBody, request: Request, later: BackgroundTasks) -> SearchAnswer:
        """Return the documents that are nearest to a query."""
        service.check([body.query], "query")
        if body.k > service.limits.max_results:
            raise unusable(f"k is {body.k}, at most {service.limits.max_results}", param="k")
        key = body.user or body.session or body.query
        served = service.pair(service.route.version(key))
        request.state.version = served.version
        began = time.perf_counter()
        hits = await _nearest(service, served, body)
        documents = await asyncio.to_thread(service.documents, [hit.id for hit in hits])
        results = [
            # A document that was withdrawn since the index was built is not shown.
            Found(id=hit.id, score=hit.score, title=found.title, url=found.url)
            for hit in hits
            if (found := documents.get(hit.id))
        ]
        seconds = time.perf_counter() - began
        query_id = service.record(
            query=body.query,
            results=[Shown(id=each.id, score=each.score) for each in results],
            version=served.version,
            seconds=seconds,
            session=body.session,
            user=body.user,
        )
        if service.route.shadows(key):
            shown = Answered([each.id for each in results], seconds)
            later.add_task(_shadow, service, key, body, shown)
        return SearchAnswer(query_id=query_id, version=served.version, results=results)

    @routes.post("/feedback", status_code=202)
    async def feedback(body: FeedbackBody) -> FeedbackAnswer:
        """Keep which results of a query were clicked, and how they were rated."""
        if isinstance(service.recorder, NoRecorder):
            raise Refused(409, "no_log", "no log is kept; log.share of the settings is 0")
        try:
            taken = await asyncio.to_thread(
                service.recorder.feedback,
                query_id=body.query_id,
                clicked=body.clicked,
                feedback=body.feedback,
                answer=body.answer,
            )
        except UnknownQuery as fault:
            raise Refused(404, "unknown_query", str(fault), param="query_id") from None
        except NotShown as fault:
            raise Refused(409, "not_shown", str(fault)) from None
        if taken == "dropped":
            raise unavailable("log_full", "the log is full; nothing was kept of this")
        return FeedbackAnswer(query_id=body.query_id, taken=taken)

    return routes


async def _nearest(service: Service, served: Served, body: SearchBody) -> Sequence[Hit]:
    """Return what a version finds: its vector in its own index, from beginning to end."""
    if served.index is None:
        raise unavailable(
            "no_index",
            f"version {served.version} has no index; `anchorhold index build` builds it",
        )
    encoded = await service.encode(served, [body.query], "query")
    found = await asyncio.to_thread(served.index.search, encoded.vectors, body.k)
    return found[0]


async def _shadow(service: Service, key: str, body: SearchBody, shown: Answered) -> None:
    """Let the candidate answer too, after the user has the champion's answer."""
    candidate = service.pairs.loaded.candidate
    if candidate is None:
        return
    began = time.perf_counter()
    try:
        hits = await _nearest(service, candidate, body)
    except Refused:
        return  # Too much to do, or no index: nothing is compared.
    answered = Answered([hit.id for hit in hits], time.perf_counter() - began)
    service.route.compare(key, shown, answered)
