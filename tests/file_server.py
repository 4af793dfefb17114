"""For tests of downloads: a web server in a thread, with one file that it serves well or badly."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from action_recognition.datasets.download.sources import RemoteFile

RAR = b"Rar!\x1a\x07\x01\x00" + bytes(range(256)) * 400  # passes for an archive, about 100 kB

# Self-signed, for the name localhost only, valid on 2020-01-01 only (openssl ca -selfsign
# -startdate 20200101000000Z -enddate 20200102000000Z); with its key, a secret of nobody.
EXPIRED_CERTIFICATE = Path(__file__).with_name("expired_certificate.pem")


def remote(*locations: str, digest: str = "", name: str = "clips.rar") -> RemoteFile:
    """A file of these locations."""
    return RemoteFile("UCF101", "videos", name, locations, digest)


def names_in(folder: Path) -> list[str]:
    """What stands in a folder, but for the locks."""
    return sorted(p.name for p in folder.iterdir() if p.suffix != ".lock")


@dataclass(frozen=True)
class Answer:
    """How a request is answered. The default is what a good server does.

    Parameters:
        status: instead of the file, this status; 0 closes the connection without a word.
        headers: more of them.
        body: instead of the server's file.
        etag, last_modified: of the file; empty: not sent.
        ranges: False answers 200 with the whole file, whatever was asked for.
        if_range: False answers a range of another file than the one that was asked for.
        content_range: instead of the right one.
        chunked: no length is announced.
        cut: the connection is cut after so many bytes of this answer's body.
        hold: it is not cut then, but falls silent until the server stops.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    etag: str = '"v1"'
    last_modified: str = ""
    ranges: bool = True
    if_range: bool = True
    content_range: str | None = None
    chunked: bool = False
    cut: int | None = None
    hold: bool = False


@dataclass
class Request:
    """What was asked for, and how many bytes of the file were sent."""

    path: str
    headers: dict[str, str]  # with lower-case names
    status: int = 0
    sent: int = 0

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


class FileServer:
    """Answers the first requests as `answers` say, in their order, and the others well.

    Attributes:
        body: the file; may be changed.
        then: the answer when `answers` are used up; may be changed.
        requests: those that came.
    """

    def __init__(
        self, body: bytes, *answers: Answer, then: Answer | None = None, tls: bool = False
    ) -> None:
        self.body = body
        self.then = then or Answer()
        self.requests: list[Request] = []
        self._answers = list(answers)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(EXPIRED_CERTIFICATE)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)

    def __enter__(self) -> FileServer:
        # A short poll: it is what stopping waits for.
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def url(self, name: str = "clips.rar", *, host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self._http.server_port}/{name}"

    @property
    def ranges(self) -> list[str | None]:
        """What each request asked for; None: the whole file."""
        return [r.range for r in self.requests]

    def _next(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            return self._answers.pop(0) if self._answers else self.then

    def _handler(outer) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {k.lower(): v for k, v in self.headers.items()}
                request = Request(self.path, headers)
                answer = outer._next(request)
                with suppress(OSError):  # the other side has gone
                    _answer(self, request, answer, outer.body, outer._stopping)

            def log_message(self, *_: Any) -> None: ...

        return Handler


def _answer(
    http: BaseHTTPRequestHandler,
    request: Request,
    answer: Answer,
    file: bytes,
    stopping: threading.Event,
) -> None:
    body = file if answer.body is None else answer.body
    if answer.status == 0:
        http.close_connection = True
        return
    if answer.status is not None:
        _send_head(http, request, answer.status, {"Content-Length": "0", **answer.headers})
        return
    headers = dict(answer.headers)
    if answer.etag:
        headers["ETag"] = answer.etag
    if answer.last_modified:
        headers["Last-Modified"] = answer.last_modified
    status, start = 200, 0
    asked = re.fullmatch(r"bytes=(\d+)-", request.range or "")
    condition = request.headers.get("if-range")
    same = condition in (None, answer.etag, answer.last_modified) or not answer.if_range
    if asked and answer.ranges and same:
        status, start = 206, int(asked[1])
        if start >= len(body):
            _send_head(http, request, 416, {"Content-Length": "0", **answer.headers})
            return
        right = f"bytes {start}-{len(body) - 1}/{len(body)}"
        headers["Content-Range"] = right if answer.content_range is None else answer.content_range
    body = body[start:]
    if answer.chunked:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers.setdefault("Content-Length", str(len(body)))
    _send_head(http, request, status, headers)
    _send_body(http, request, answer, body)
    if answer.hold:
        stopping.wait()
    if answer.cut is not None:
        http.close_connection = True


def _send_head(
    http: BaseHTTPRequestHandler, request: Request, status: int, headers: Mapping[str, str]
) -> None:
    request.status = status
    http.send_response(status)
    for name, value in headers.items():
        http.send_header(name, value)
    http.end_headers()


def _send_body(http: BaseHTTPRequestHandler, request: Request, answer: Answer, body: bytes) -> None:
    step = 1 << 14
    sent = body if answer.cut is None else body[: answer.cut]
    for k in range(0, len(sent), step):
        piece = sent[k : k + step]
        if answer.chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        http.wfile.write(piece)
        request.sent += len(sent[k : k + step])
    if answer.chunked and answer.cut is None:
        http.wfile.write(b"0\r\n\r\n")


# Several servers, by the name of the file that each of them has.
Servers = dict[str, FileServer]


def asked_of(servers: Servers) -> int:
    """How many requests came in all."""
    return sum(len(s.requests) for s in servers.values())
