"""Search over HTTP, and what users did with the results."""

import asyncio
import logging
import time

from fastapi import APIRouter, Request

from pipeline.service.bodies import FeedbackAnswer, FeedbackBody, Found, SearchAnswer, SearchBody
from pipeline.service.faults import Refused, unavailable, unusable
from pipeline.service.hooks import Answered, NoRecorder, NotShown, UnknownQuery
from pipeline.service.pair import Served
from pipeline.service.service import Service
from training.unlabelled import Shown

logger = logging.getLogger(__name__)


def search_routes(service: Service) -> APIRouter:
    """Return the routes that search the documents."""
    routes = APIRouter()
    shadows: set[asyncio.Task[None]] = set()

    @routes.post("/search")
    async def search(body: SearchBody, request: Request) -> SearchAnswer:
        """Return the documents that are nearest to a query."""
        service.check([body.query], "query")
        if body.k > service.limits.max_results:
            raise unusable(f"k is {body.k}, at most {service.limits.max_results}", param="k")
        key = body.user or body.session or body.query
        served = service.pair(service.route.version(key))
        request.state.version = served.version
        results, seconds = await _found(service, served, body)
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
            # A task of its own: as a background task it would be part of the request, with its
            # time-out and its seconds.
            task = asyncio.create_task(_shadow(service, key, body, shown))
            shadows.add(task)
            task.add_done_callback(shadows.discard)
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


async def _found(service: Service, served: Served, body: SearchBody) -> tuple[list[Found], float]:
    """Return what a version finds, its vector in its own index, and the seconds that it took."""
    index = served.index
    if index is None:
        raise unavailable(
            "no_index",
            f"version {served.version} has no index; `anchorhold index build` builds it",
        )
    began = time.perf_counter()
    encoded = await service.encode(served, [body.query], "query")

    def search() -> list[Found]:
        hits = index.search(encoded.vectors, body.k)[0]
        documents = service.documents([hit.id for hit in hits])
        return [
            # A document that was withdrawn since the index was built is not shown.
            Found(id=hit.id, score=hit.score, title=found.title, url=found.url)
            for hit in hits
            if (found := documents.get(hit.id))
        ]

    results = await asyncio.to_thread(search)
    return results, time.perf_counter() - began


async def _shadow(service: Service, key: str, body: SearchBody, shown: Answered) -> None:
    """Let the candidate answer too, after the user has the champion's answer."""
    candidate = service.pairs.loaded.candidate
    if candidate is None:
        return
    try:
        results, seconds = await _found(service, candidate, body)
    except Refused:
        return  # Too much to do, or no index: nothing is compared.
    except Exception as fault:
        # Without the message of the fault, which may quote a user.
        logger.warning("the candidate did not answer in the shadow: %s", type(fault).__name__)
        return
    service.route.compare(key, shown, Answered([each.id for each in results], seconds))
