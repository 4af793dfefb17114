"""What stands between the network and the service: whom it answers, and how much it reads."""

from __future__ import annotations

import asyncio
import hmac
from urllib.parse import urlsplit

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from action_recognition.serving.settings import Settings
from action_recognition.web.hosts import is_known_host
from action_recognition.web.rate import Rate

BUSY = "the server is busy; please try again in a moment"
RETRY = {"Retry-After": "5"}  # seconds
_FORM_BYTES = 4096  # of a form around its file
_SILENCE_S = 30.0  # within an upload
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses requests that must not be answered, and adds the security headers to each answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._rate = Rate(settings.requests_per_visitor, settings.requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes a request, as ASGI has it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
        else:
            await self._app(scope, self._bounded(receive), send_with_headers)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers, asks = Headers(scope=scope), scope["path"].startswith("/v1/")
        host = headers.get("host", "")
        if not is_known_host(host, self._settings.hosts):
            return error(
                421, "this server does not answer to this name; its operator can: --allow-host"
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return error(403, "pages of other sites are not answered")
        secret = asks or scope["path"] == "/metrics"
        if secret and not self._has_token(headers.get("authorization", "")):
            wanted = {"WWW-Authenticate": "Bearer"}
            return error(401, "the header Authorization: Bearer TOKEN is missing or wrong", wanted)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._most_bytes:
            return error(413, self._too_large)
        if asks and not self._rate.allows((scope.get("client") or ("",))[0]):
            return error(429, BUSY, RETRY)
        return None

    def _has_token(self, authorization: str) -> bool:
        if self._settings.token is None:
            return True
        scheme, _, token = authorization.partition(" ")
        same = hmac.compare_digest(token.strip().encode(), self._settings.token.encode())
        return same and scheme.lower() == "bearer"

    @property
    def _most_bytes(self) -> int:
        return self._settings.upload_mb * 1_000_000 + _FORM_BYTES

    @property
    def _too_large(self) -> str:
        return f"the upload is larger than {self._settings.upload_mb} MB"

    def _bounded(self, receive: Receive) -> Receive:
        """The body of a request, which must come in time, and whose length is not believed."""
        left = self._most_bytes
        until_s = asyncio.get_running_loop().time() + self._settings.upload_s
        ended = False

        async def receive_bounded() -> Message:
            nonlocal left, ended
            if ended:  # what is waited for now is that the client goes away
                return await receive()
            rest_s = until_s - asyncio.get_running_loop().time()
            try:
                message = await asyncio.wait_for(receive(), min(rest_s, _SILENCE_S))
            except TimeoutError:
                raise HTTPException(408, "the upload takes too long") from None
            left -= len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if left < 0:
                raise HTTPException(413, self._too_large)
            return message

        return receive_bounded


def error(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """What every request that fails is answered with."""
    return JSONResponse({"error": sentence}, status, headers)
