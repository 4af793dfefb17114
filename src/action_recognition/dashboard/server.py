"""What stands between the network and Streamlit: whom it answers, headers, and limits of uploads.

`op_app.py` hands `MIDDLEWARE` to Streamlit's own application. What is used of Streamlit and
Starlette is imported or looked for by name: a version without it does not start.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from action_recognition.dashboard.held import HOLDINGS
from action_recognition.dashboard.limits import REFUSED, Rate
from action_recognition.dashboard.memory import bound_memory
from action_recognition.dashboard.settings import Settings

_UPLOAD = re.compile(r".*/_stcore/upload_file/([^/]+)/[^/]+")
_COPIES = 2  # of an upload while it arrives: its body, and what is read from it
_WRONG_HOST = (
    "This server does not answer to this name. Its operator can allow it: --server.allowedHosts\n"
)


class Guard:
    """Answers to known names only, and adds the security headers to each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = security_headers(_index_page())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes a request, as ASGI has it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        if is_known_host(Headers(scope=scope).get("host")):
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "http":
            refusal = PlainTextResponse(_WRONG_HOST, 421)
            await refusal(scope, receive, send_with_headers)
        else:
            await send({"type": "websocket.close", "code": 1008})


class UploadLimits:
    """Refuses uploads that are too many or would take too much memory; the page tells of it.

    Parameters:
        settings: with the limits.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._rate = Rate(settings.uploads_per_visitor, settings.uploads)
        self._limit = settings.held_mb * 1_000_000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes a request, as ASGI has it."""
        found = _UPLOAD.fullmatch(scope.get("path", ""))
        if found is None or scope.get("method") != "PUT":
            await self._app(scope, receive, send)
            return
        size = _COPIES * _announced_bytes(Headers(scope=scope))
        visitor = (scope.get("client") or ("",))[0]
        if not self._rate.allows(visitor) or not HOLDINGS.reserve(size, self._limit):
            REFUSED.add(found[1])
            while (await receive()).get("more_body"):  # else the browser tells of a broken line
                pass
            # As if it were taken: Streamlit then draws the page, which says that it was not.
            await Response(status_code=204)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            HOLDINGS.arrived(size)


def is_known_host(host: str | None) -> bool:
    """Whether a Host header is one under which this server may be asked.

    Without `server.allowedHosts`, these are `localhost` and addresses: no name that somebody else
    could point here (DNS rebinding).
    """
    if config.get_option("server.allowedHosts"):
        return is_host_allowed(host)
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def security_headers(index_page: str) -> dict[str, str]:
    """What a browser is told to refuse on the page; scripts in `index_page` itself are allowed."""
    scripts = [
        "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
        for text in re.findall(r"<script>(.*?)</script>", index_page, re.DOTALL)
    ]
    policy = {
        "default-src": "'self'",
        # The drawing of the network is made by a WebAssembly module; eval stays forbidden. The
        # player's script reaches the browser as a blob, which only a script can make.
        "script-src": " ".join(["'self'", "blob:", "'wasm-unsafe-eval'", *scripts]),
        "style-src": "'self' 'unsafe-inline'",  # Streamlit writes its styles into the page
        "img-src": "'self' data: blob:",
        "media-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",  # the camera stands in a frame of this server
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _announced_bytes(headers: Headers) -> int:
    length = headers.get("content-length", "")
    most: int = config.get_option("server.maxUploadSize") * 1_000_000
    return int(length) if length.isdecimal() else most


def _index_page() -> str:
    return Path(streamlit.__path__[0], "static", "index.html").read_text(encoding="utf-8")


def middleware() -> list[Middleware]:
    """For Streamlit's application; uploads never go to the disk from now on, memory is bounded.

    Raises:
        UsageError: the operator's settings are wrong.
    """
    if not hasattr(MultiPartParser, "spool_max_size"):
        raise ImportError("this version of Starlette may write uploads to disk")
    MultiPartParser.spool_max_size = sys.maxsize  # else more than a megabyte does
    bound_memory()
    return [Middleware(Guard), Middleware(UploadLimits, settings=Settings.read())]
