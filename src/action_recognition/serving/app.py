"""The service: what is asked for, and what is answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from action_recognition import __version__
from action_recognition.errors import ActionRecognitionError, UsageError, one_line
from action_recognition.recognition.formats import dump_json
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import FILM_S
from action_recognition.recognition.segmentation import Segment
from action_recognition.serving.asked import BODY, asked_video
from action_recognition.serving.examples import FAILURES, MODEL, PREDICTION, TIMELINE, answer
from action_recognition.serving.guard import Guard, error
from action_recognition.serving.jobs import GoneError, Jobs
from action_recognition.serving.lines import LINES, Lines, wants_lines
from action_recognition.serving.metrics import Measured, Metrics
from action_recognition.serving.page import api_page
from action_recognition.serving.settings import Settings
from action_recognition.video.source import Source

Tell = Callable[[dict[str, Any]], None]
Work = Callable[[Source, str, Callable[[], None]], dict[str, Any]]


def create_app(recognizer: Recognizer, settings: Settings) -> FastAPI:
    """The service with one model, as an ASGI application."""
    jobs = Jobs(settings.waiting)
    metrics = Metrics(lambda: jobs.taken)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        jobs.close()

    app = FastAPI(
        title="Action Recognition",
        version=__version__,
        description="Says which human action a video shows. Upload it as the file 'file' of a "
        "form, or name it in JSON below the operator's folder. Every request that fails is "
        'answered with {"error": "one sentence"}.',
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Measured, metrics=metrics, routes=app.routes)  # outside: sees refusals
    _add_errors(app)

    async def work_on(request: Request, work: Work) -> Response:
        with jobs.place():
            async with asked_video(request, settings.folder) as (source, name):
                found = await jobs.run(lambda go_on: work(source, name, go_on), request)
        return Response(dump_json(found), media_type="application/json")

    @app.post("/v1/predict", openapi_extra=BODY, responses=answer(PREDICTION) | FAILURES)
    async def predict(request: Request) -> Response:
        """The action of a video: what `action-recognition predict --json` prints."""

        def work(source: Source, name: str, go_on: Callable[[], None]) -> dict[str, Any]:
            prediction = recognizer.predict(source, name=name, on_stage=lambda _: go_on())
            metrics.seen(prediction.video.duration_s)
            facts = {**prediction.to_dict(), "file": name}
            if prediction.video.duration_s > FILM_S:
                found = recognizer.timeline(source, name=name, on_progress=lambda *_: go_on())
                facts["segments"] = [segment.to_dict() for segment in found]
            return facts

        return await work_on(request, work)

    @app.post("/v1/timeline", openapi_extra=BODY, responses=answer(TIMELINE, LINES) | FAILURES)
    async def timeline(
        request: Request,
        step_s: Annotated[float, Query(gt=0, description="seconds between answers")] = 1.0,
        dwell_s: Annotated[
            float, Query(ge=0, description="average length of an action; 0: no smoothing")
        ] = 2.0,
    ) -> Response:
        """What a video shows when: the objects that `action-recognition timeline --json` prints.

        With `Accept: application/x-ndjson` they come as JSON lines, each as soon as it is known.
        """

        def segments(source: Source, name: str, go_on: Callable[[], None]) -> Iterator[Segment]:
            seen_s = 0.0

            def progress(done_s: float, _: float) -> None:
                nonlocal seen_s
                metrics.seen(done_s - seen_s)
                seen_s = done_s
                go_on()

            return recognizer.timeline(
                source, name=name, step_s=step_s, dwell_s=dwell_s, on_progress=progress
            )

        def work(source: Source, name: str, go_on: Callable[[], None]) -> dict[str, Any]:
            found = [segment.to_dict() for segment in segments(source, name, go_on)]
            return {"file": name, "segments": found}

        async def lines() -> AsyncGenerator[dict[str, Any]]:
            with jobs.place():
                async with asked_video(request, settings.folder) as (source, name):

                    def work(go_on: Callable[[], None], tell: Tell) -> None:
                        for segment in segments(source, name, go_on):
                            tell(segment.to_dict())

                    async with aclosing(jobs.stream(work, request)) as found:
                        async for facts in found:
                            yield facts

        return Lines(lines()) if wants_lines(request) else await work_on(request, work)

    @app.get("/v1/model", responses=answer(MODEL))
    async def model() -> Response:
        """The model: its actions, how it sees a video, how it was trained and measured."""
        return Response(dump_json(recognizer.describe()), media_type="application/json")

    @app.get("/healthz", responses=answer({"status": "ok", "waiting": 0}))
    async def healthz() -> JSONResponse:
        """Whether the service answers, and how many requests have a place."""
        return JSONResponse({"status": "ok", "waiting": jobs.taken})

    @app.get("/metrics", response_class=PlainTextResponse)
    async def figures(request: Request) -> Response:
        """Figures for Prometheus: requests, how long they took, video seen, refusals."""
        return metrics.response(request.headers.get("accept", ""))

    @app.get("/", include_in_schema=False)
    @app.get("/docs", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(api_page(app.openapi()))

    return app


def _add_errors(app: FastAPI) -> None:
    """Every failure is one sentence."""

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, told: StarletteHTTPException) -> JSONResponse:
        sentence = str(told.detail)
        if told.status_code in (404, 405) and not isinstance(told, HTTPException):
            sentence = one_line(f"there is nothing for {request.method} {request.url.path}")
        return error(told.status_code, sentence, dict(told.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, told: RequestValidationError) -> JSONResponse:
        first = told.errors()[0]
        return error(400, one_line(f"{first['loc'][-1]}: {first['msg']}"))

    @app.exception_handler(ActionRecognitionError)
    async def failed(_: Request, told: ActionRecognitionError) -> JSONResponse:
        return error(400 if isinstance(told, UsageError) else 422, str(told))

    @app.exception_handler(GoneError)
    async def gone(_: Request, __: GoneError) -> JSONResponse:
        return error(503, "the server ends")

    @app.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> JSONResponse:  # the log has it, too
        return error(500, "the server failed; its log says why")
