"""A visitor of the dashboard without a browser: Streamlit's own protocol over a WebSocket."""

from __future__ import annotations

import asyncio
import urllib.request
import uuid
from collections.abc import Callable
from http.cookiejar import CookieJar
from types import TracebackType

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

_PUT_S = 120.0  # for an upload


class Visitor:
    """One visit to the page Recognize.

    Parameters:
        address: of the server, `http://127.0.0.1:PORT`.

    The attribute `elements` holds what the page shows now, by its place.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._jar = CookieJar()
        self._http = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self._jar)
        )
        self._socket: ClientConnection
        self._session = self._uploader = ""
        self._upload: tuple[FileURLs, str, int] | None = None
        self._urls: list[FileURLs] = []
        self._running = False
        self.elements: dict[tuple[int, ...], Element] = {}

    async def __aenter__(self) -> Visitor:
        """Opens the page, and waits until it is drawn."""
        await asyncio.to_thread(self._get, "/")
        await asyncio.to_thread(self._get, "/_stcore/health")  # sets a cookie
        self._socket = await connect(
            f"{self._address.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit"), Subprotocol(self._xsrf() or "none")],
            additional_headers={"Cookie": f"_streamlit_xsrf={self._xsrf()}"},
            origin=self._address,  # type: ignore[arg-type]
            max_size=None,
            ping_interval=None,  # as browsers do
            proxy=None,
        )
        await self._draw()
        return self

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._socket.close()

    async def upload(self, name: str, content: bytes) -> None:
        """Chooses a file, and waits until the page is drawn with it."""
        ask = BackMsg()
        ask.file_urls_request.request_id = str(uuid.uuid4())
        ask.file_urls_request.session_id = self._session
        ask.file_urls_request.file_names.append(name)
        await self._socket.send(ask.SerializeToString())
        await self._until(lambda: bool(self._urls))
        urls = self._urls.pop()
        await asyncio.to_thread(self._put, urls.upload_url, name, content)
        self._upload = urls, name, len(content)
        await self._draw()

    async def click(self, label: str) -> None:
        """Clicks a button, and waits until the page is drawn to its end."""
        ids = [
            e.button.id
            for e in self.elements.values()
            if e.WhichOneof("type") == "button" and e.button.label == label
        ]
        if not ids:
            raise LookupError(f"there is no button {label}; the page shows: {self.text()}")
        await self._draw(ids[0])

    def text(self) -> str:
        """All text that is shown, a line for each element."""
        lines = []
        for place in sorted(self.elements):
            element = self.elements[place]
            kind = element.WhichOneof("type")
            if kind in ("markdown", "heading", "alert"):
                lines.append(getattr(element, kind).body)
        return "\n".join(lines)

    def _get(self, path: str) -> None:
        self._http.open(self._address + path, timeout=_PUT_S).read()

    def _xsrf(self) -> str:
        return next((c.value or "" for c in self._jar if c.name == "_streamlit_xsrf"), "")

    def _put(self, path: str, name: str, content: bytes) -> None:
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        body = f"{head}Content-Type: video/mp4\r\n\r\n".encode() + content
        body += f"\r\n--{edge}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={edge}",
            "X-Xsrftoken": self._xsrf(),
            "Origin": self._address,
        }
        request = urllib.request.Request(self._address + path, body, headers, method="PUT")
        self._http.open(request, timeout=_PUT_S).read()

    async def _draw(self, clicked: str | None = None) -> None:
        message = BackMsg()
        states = message.rerun_script.widget_states.widgets
        if clicked is not None:
            states.add(id=clicked, trigger_value=True)
        if self._upload is not None:
            urls, name, size = self._upload
            info = states.add(id=self._uploader).file_uploader_state_value.uploaded_file_info
            info.add(name=name, size=size, file_id=urls.file_id, file_urls=urls)
        message.rerun_script.SetInParent()
        self._running = True
        await self._socket.send(message.SerializeToString())
        await self._until(lambda: not self._running)

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            data = await self._socket.recv()
            assert isinstance(data, bytes)
            self._receive(ForwardMsg.FromString(data))

    def _receive(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._session = message.new_session.initialize.session_id
            self._drawn: set[tuple[int, ...]] = set()
        elif kind == "delta":
            self._take(tuple(message.metadata.delta_path), message)
        elif kind == "file_urls_response":
            self._urls += message.file_urls_response.file_urls
        elif kind == "script_finished":
            # Other values mean that it was stopped for a newer run, which follows.
            if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.elements = {p: e for p, e in self.elements.items() if p in self._drawn}
                self._running = False
            elif message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                raise RuntimeError("the page cannot be drawn")

    def _take(self, place: tuple[int, ...], message: ForwardMsg) -> None:
        below = [p for p in self.elements if p[: len(place)] == place]
        if message.delta.WhichOneof("type") == "new_element":
            for old in below:
                del self.elements[old]
            element = message.delta.new_element
            self.elements[place] = element
            self._drawn.add(place)
            if element.WhichOneof("type") == "file_uploader":
                self._uploader = element.file_uploader.id
        elif place in self.elements:
            del self.elements[place]
