"""The processes that decode strangers' files: `python -m action_recognition.video.worker FD`.

One process is started once, has everything imported, and is asked over the socket FD for a child
for each file. The child confines itself before it is given the file. It takes requests and gives
answers as JSON, which cannot run anything at either end:

- `{"name", "limits"}` with the descriptor of a file: open it. Answer: `{"info", "missing"}`.
- `{"times", "place", "size", "max_aspect"}` with the descriptor of shared memory, then further
  `{"times", "place"}`: frames at these times, into the memory from that place on. Answer:
  `{"times"}`. The next request may come before the answer.
- `{"preview"}`: what a browser plays from that second on. Answer: the facts, then its bytes.
- `{"cut", "overlays"}`, then so many bytes of overlays: a part as MP4. Answer: the facts, then its
  bytes.

Any answer can be `{"error"}`: the reason why the file cannot be read.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import mmap
import os
import pkgutil
import select
import signal
import socket
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

import av
import numpy as np

from action_recognition.errors import UsageError, VideoError
from action_recognition.video.confinement import bound, confine
from action_recognition.video.cutting import write_cut
from action_recognition.video.decoder import Video
from action_recognition.video.limits import Limits
from action_recognition.video.overlays import unpack
from action_recognition.video.preview import browser_preview
from action_recognition.video.skipping import FewAtOnce

_Forked = tuple[int, ...]  # descriptors: the socket to talk to it, and its process
_SOON_S = 0.3  # by then, a short video has been answered, and another child does not disturb
MESSAGE_BYTES = 65536  # no message is longer
_RAW_BYTES = 32768


def main(descriptor: int) -> None:
    """Forks a child for each request, until the other end of the socket is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that uses this one
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for module in pkgutil.walk_packages(av.__path__, "av."):  # later, there are no files to import
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    samples = [_sample("h264"), _sample("mpeg4")]
    _warm_up(samples)
    gc.collect()
    gc.freeze()
    spare: _Forked | None = None
    with socket.socket(fileno=descriptor) as requests:
        while True:
            if spare is None and not select.select([requests], [], [], _SOON_S)[0]:
                spare = _fork(requests, samples)
            if not requests.recv(1):
                return
            given, spare = spare or _fork(requests, samples), None
            socket.send_fds(requests, [b"."], given)
            for handed in given:
                os.close(handed)


def _fork(requests: socket.socket, samples: list[bytes]) -> _Forked:
    """A child that waits for its file."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if not child:
        requests.close()
        ours.close()
        _serve(theirs, samples)
    theirs.close()
    try:
        return ours.detach(), os.pidfd_open(child)
    except ProcessLookupError:  # it has ended already
        return ()


def _sample(codec: str) -> bytes:
    """A video of a moment."""
    container, encoder = {"h264": ("mp4", "libx264"), "mpeg4": ("avi", "mpeg4")}[codec]
    with io.BytesIO() as out:
        with av.open(out, "w", format=container) as target:
            stream = target.add_stream(encoder, rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
            for k in range(10):
                picture = np.full((240, 320, 3), 20 * k, np.uint8)
                target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            target.mux(stream.encode(None))
        return out.getvalue()


def _warm_up(samples: list[bytes]) -> None:
    """Does once what is done with each file; the memory of a new child is then its own."""
    for sample in samples:
        with Video(io.BytesIO(sample), name="sample") as video:
            video.frames_at([0.0, 0.2], size=172)


def _serve(channel: socket.socket, samples: list[bytes]) -> None:
    """The whole life of a child. It ends without a word if its other end has gone."""
    try:
        with contextlib.suppress(OSError):
            # These are of this project: the child is not confined yet, but has no file either.
            _warm_up(samples)
            _Child(channel).run()
    finally:
        os._exit(0)


class _Child:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._memory = np.empty(0, np.uint8)
        self._next: dict[str, Any] = {}

    def run(self) -> None:
        """Opens the file that it is given, then does what is asked."""
        missing = confine()
        request, descriptors = self._receive_with()
        if not request:
            return
        self._file: BinaryIO = os.fdopen(descriptors[0], "rb")
        self._name, limits = request["name"], Limits(**request["limits"])
        bound(limits)
        try:
            with Video(self._file, name=self._name, limits=limits) as video:
                self._send({"info": asdict(video.info), "missing": missing})
                self._next = self._receive()
                while self._next:
                    if "preview" in self._next:
                        self._preview(limits)
                        self._next = self._receive()
                    elif "cut" in self._next:
                        self._cut(limits)
                        self._next = self._receive()
                    else:
                        self._frames(video)
        except VideoError as error:
            self._send({"error": error.reason})
        except MemoryError:
            self._send({"error": "decoding it takes more memory than is allowed (memory_bytes)"})

    def _frames(self, video: Video) -> None:
        size = self._next["size"]
        actual: list[float] = []

        def more() -> list[float]:
            if actual:
                self._send({"times": actual})
                actual.clear()
                self._next = self._receive()
                if "size" in self._next:  # of another series
                    return []
            times: list[float] = self._next.get("times", [])
            return times

        wanted, aspect = FewAtOnce(more), self._next["max_aspect"]
        frames = video.stream_at(wanted, size=size, max_aspect=aspect)
        into = self._memory[: len(self._memory) // (size * size * 3) * (size * size * 3)]
        squares = into.reshape(-1, size, size, 3)
        for time_s, frame in frames:
            squares[self._next["place"] + len(actual)] = frame
            actual.append(time_s)

    def _preview(self, limits: Limits) -> None:
        start_s = self._next["preview"]
        made = browser_preview(self._file, name=self._name, start_s=start_s, limits=limits)
        data = made.data if made.transcoded else b""  # else they are those of the file
        self._send(
            {
                "bytes": len(data),
                "mime": made.mime,
                "transcoded": made.transcoded,
                "start_s": made.start_s,
                "end_s": made.end_s,
            }
        )
        self._send_bytes(data)

    def _cut(self, limits: Limits) -> None:
        start_s, end_s, mode = self._next["cut"]
        count, packed = self._next["overlays"], io.BytesIO()
        while count is not None and packed.tell() < count:
            part = self._channel.recv(MESSAGE_BYTES)
            if not part:
                return
            packed.write(part)
        overlays = None if count is None else unpack(packed.getvalue())
        out = io.BytesIO()
        try:
            made = write_cut(
                self._file,
                out,
                start_s,
                end_s,
                name=self._name,
                mode=mode,
                overlays=overlays,
                limits=limits,
            )
        except UsageError as error:
            self._send({"refused": str(error)})
            return
        data = out.getbuffer()
        self._send({"bytes": len(data), **asdict(made)})
        self._send_bytes(data)

    def _send_bytes(self, data: bytes | memoryview) -> None:
        for begin in range(0, len(data), _RAW_BYTES):
            self._channel.send(data[begin : begin + _RAW_BYTES])

    def _send(self, answer: dict[str, Any]) -> None:
        self._channel.send(json.dumps(answer).encode())

    def _receive(self) -> dict[str, Any]:
        """The next request; empty once there is no other end."""
        request, descriptors = self._receive_with()
        for descriptor in descriptors:
            shared = mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
            self._memory = np.frombuffer(shared, np.uint8)
            os.close(descriptor)
        return request

    def _receive_with(self) -> tuple[dict[str, Any], list[int]]:
        message, descriptors, _, _ = socket.recv_fds(self._channel, MESSAGE_BYTES, 1)
        return json.loads(message) if message else {}, descriptors


if __name__ == "__main__":
    main(int(sys.argv[1]))
