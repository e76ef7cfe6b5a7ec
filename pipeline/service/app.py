"""The application: every route, how faults are answered, and the page that describes them."""

from http import HTTPStatus
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from pipeline.service.bodies import FaultAnswer, Health, Ready
from pipeline.service.embeddings import embedding_routes
from pipeline.service.faults import Refused, told
from pipeline.service.guard import VERSION_HEADER, Guard
from pipeline.service.metrics import CONTENT_TYPE
from pipeline.service.searching import search_routes
from pipeline.service.service import Service

_ALWAYS = (401, 403, 413, 503, 504)
_OF_A_BODY = (400, 404, 408, 409, 415, 422)
_ABOUT = (
    f"Every answer says in {VERSION_HEADER} which version gave it. Vectors of different versions "
    "must not be compared. Every error has OpenAI's form."
)


def make_app(service: Service, token: str = "") -> ASGIApp:
    """Return the application, wrapped in its guard.

    Parameters
    ----------
    service
        What answers.
    token
        That requests must carry; "" for none.
    """
    faults: dict[int | str, dict[str, Any]] = {
        status: {"model": FaultAnswer} for status in sorted((*_ALWAYS, *_OF_A_BODY))
    }
    app = FastAPI(
        title="anchorhold",
        description=_ABOUT,
        version=service.release,
        responses=faults,
        # Their pages load scripts from elsewhere; /openapi.json describes everything.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for routes in (embedding_routes(service), search_routes(service)):
        app.include_router(routes, dependencies=[Depends(_json_only)])
    _add_state(app, service)
    _add_handlers(app)
    _describe(app, service, needs_token=bool(token))
    return Guard(app, service.limits, token, service.metrics, lambda: service.version)


async def _json_only(request: Request) -> None:
    """Refuse a body that a page of another site could send without asking first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != "application/json":
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body must be JSON, with Content-Type: application/json",
        )


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get("/health")
    async def health() -> Health:
        """Say that the process answers."""
        return Health()

    @app.get("/ready")
    async def ready() -> Ready:
        """Say whether a version is loaded; 503 until then."""
        return Ready(version=service.pair().version)

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """Return the metrics in the text format of Prometheus."""
        return Response(service.metrics.page(), media_type=CONTENT_TYPE)


def _add_handlers(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def refused(_: Request, fault: HTTPException) -> JSONResponse:
        code, param = (fault.code, fault.param) if isinstance(fault, Refused) else (None, None)
        body = told(fault.status_code, str(fault.detail), code, param)
        return JSONResponse(body, fault.status_code, fault.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, fault: RequestValidationError) -> JSONResponse:
        # Without the values, which are the user's texts.
        first = fault.errors()[0]
        place = [str(each) for each in first["loc"][1:] if first["type"] != "json_invalid"]
        message = f"{'.'.join(place) or 'the body'}: {first['msg'].removeprefix('Value error, ')}"
        param = place[0] if place else None
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return JSONResponse(told(status, message, first["type"], param), status)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse(told(500, "an unexpected error occurred", "internal_error"), 500)


def _describe(app: FastAPI, service: Service, *, needs_token: bool) -> None:
    """Put limits, lengths and the token on the page that describes the routes."""
    limits, made = service.limits, app.openapi

    def page() -> dict[str, Any]:
        found = made()
        bodies = found["components"]["schemas"]
        texts = {"maxLength": limits.max_characters}
        champion = service.pairs.loaded.champion
        for name, key in (("EmbeddingsBody", "input"), ("EmbedBody", "inputs")):
            one, several = bodies[name]["properties"][key]["anyOf"]
            one.update(texts)
            several.update({"maxItems": limits.max_inputs})
            several["items"].update(texts)
            if champion is not None:
                length = bodies[name]["properties"]["dimensions"]["anyOf"][0]
                length["enum"] = service.lengths(champion)
        search = bodies["SearchBody"]["properties"]
        search["query"].update(texts)
        search["k"]["maximum"] = limits.max_results
        if needs_token:
            schemes = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            }
            found["components"]["securitySchemes"] = schemes
            found["security"] = [{"bearer": []}, {"key": []}]
        return found

    app.openapi = page  # type: ignore[method-assign]
