"""What Prometheus reads of the service: requests, how long they took, video seen, refusals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OTHER = "other"  # every path that is none of the service: strangers must not add names
_SECONDS = (0.01, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """The figures of one service.

    Parameters:
        in_hand: how many requests have a place now.
    """

    def __init__(self, in_hand: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "action_recognition_requests", "Requests answered, those refused included",
            ["route", "status"], registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "action_recognition_request_seconds", "From a request to the end of its answer",
            ["route"], registry=registry, buckets=_SECONDS,
        )  # fmt: skip
        self._busy = Counter(
            "action_recognition_busy_refusals", "Requests refused because there are too many",
            registry=registry,
        )  # fmt: skip
        self._video = Counter(
            "action_recognition_video_seconds", "Video that the service has looked at",
            registry=registry,
        )  # fmt: skip
        Gauge(
            "action_recognition_requests_in_hand", "Requests that have a place", registry=registry
        ).set_function(in_hand)

    def answered(self, route: str, status: int, elapsed_s: float, *, busy: bool) -> None:
        """Counts a request that has its answer.

        Parameters:
            elapsed_s: from its arrival to the end of the answer, in seconds.
            busy: it was refused because there are too many.
        """
        self._requests.labels(route, f"{status // 100}xx").inc()
        self._seconds.labels(route).observe(elapsed_s)
        if busy:
            self._busy.inc()

    def seen(self, video_s: float) -> None:
        """Counts seconds of video that were looked at."""
        self._video.inc(max(0.0, video_s))

    def response(self, accept: str) -> Response:
        """All figures, in the format that the header `Accept` of a request prefers."""
        encode, kind = choose_encoder(accept)
        return Response(encode(self._registry), headers={"Content-Type": kind})


class Measured:
    """Counts every request that comes, before anything refuses it.

    Parameters:
        routes: those of the service; requests for other paths are counted together.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Sequence[BaseRoute]) -> None:
        self._app, self._metrics = app, metrics
        self._paths = {route.path for route in routes if isinstance(route, Route)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes a request, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s = time.perf_counter()
        status, busy = 500, False  # what a request gets that fails before its answer begins

        async def send_and_note(message: Message) -> None:
            nonlocal status, busy
            if message["type"] == "http.response.start":
                status = message["status"]
                busy = status in (429, 503) and "retry-after" in Headers(raw=message["headers"])
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            route = scope["path"] if scope["path"] in self._paths else _OTHER
            self._metrics.answered(route, status, time.perf_counter() - begun_s, busy=busy)
