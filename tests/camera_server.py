"""For tests of live sources: an IP camera in a thread, which sends well or badly."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from video_maker import barcode

PARTS = "multipart/x-mixed-replace; boundary=frame"
BOUNDARY = b"--frame\r\n"


# As large as those of real cameras: FFmpeg wants 2 KB before it knows what comes.
_PADDING = b"\xff\xfe" + (4000).to_bytes(2, "big") + bytes(3998)  # a comment


def jpeg(number: int = 0, *, size: tuple[int, int] = (64, 48), form: str = "4:2:0") -> bytes:
    """A picture that tells its number (`read_barcode`), in colour or `form` "gray"."""
    image, file = Image.fromarray(barcode(number, 0.0, *size)), io.BytesIO()
    if form == "gray":
        image.convert("L").save(file, "JPEG", quality=90)
    else:
        image.save(file, "JPEG", quality=90, subsampling=form)
    data = file.getvalue()
    return data[:20] + _PADDING + data[20:]  # after the header


def part(
    picture: bytes, *, length: int | None = None, boundary: bytes = BOUNDARY, bare: bool = False
) -> bytes:
    """One part of a multipart stream.

    Parameters:
        length: announced instead of the right one.
        bare: none is announced.
    """
    announced = b"" if bare else b"Content-Length: %d\r\n" % (length or len(picture))
    return boundary + b"Content-Type: image/jpeg\r\n" + announced + b"\r\n" + picture + b"\r\n"


class Wire:
    """What a camera writes into."""

    def __init__(self, http: BaseHTTPRequestHandler, stopping: threading.Event) -> None:
        self._http, self._stopping = http, stopping
        self._began = time.monotonic()

    def send(self, data: bytes) -> None:
        self._http.wfile.write(data)

    def until(self, time_s: float) -> None:
        """Waits until so many seconds after the connection."""
        self._stopping.wait(max(0.0, self._began + time_s - time.monotonic()))

    def silence(self) -> None:
        """Says nothing more until the server stops."""
        self._stopping.wait()

    def reset(self) -> None:
        """Breaks the connection off, as a router does that is switched off and on."""
        at_once = struct.pack("ii", 1, 0)
        self._http.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self._http.connection.close()
        self._http.wfile = io.BytesIO()  # type: ignore[assignment]


Show = Callable[[Wire], None]


def parts(pieces: Iterable[bytes], *, fps: float = 100, then: Show | None = None) -> Show:
    """Sends so many pieces a second, then does something else, or ends the stream."""

    def show(wire: Wire) -> None:
        for k, piece in enumerate(pieces):
            wire.until(k / fps)
            wire.send(piece)
        if then is not None:
            then(wire)

    return show


class CameraServer:
    """Each connection is shown the next of the `shows`; the last one is shown to all others.

    The attribute `connections` counts them.
    """

    def __init__(self, *shows: Show, kind: str = PARTS, status: int = 200) -> None:
        self.connections = 0
        self._shows, self._kind, self._status = shows, kind, status
        self._stopping = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/live"

    def __enter__(self) -> CameraServer:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Takes no connection any more."""
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def _handler(outer) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                show = outer._shows[min(outer.connections, len(outer._shows) - 1)]
                outer.connections += 1
                self.send_response(outer._status)
                self.send_header("Content-Type", outer._kind)
                self.end_headers()
                with suppress(OSError):  # the other side has gone
                    show(Wire(self, outer._stopping))

            def log_message(self, *_: Any) -> None: ...

        return Handler
