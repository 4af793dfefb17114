"""The processes that decode strangers' files: `python -m action_recognition.video.worker FD`.

One process is started once, has everything imported, and is told over the socket FD to fork a child
for each file. The child confines itself before it is given the file. It takes requests and gives
answers as JSON, which cannot run anything at either end:

- `{"name", "limits"}` with the descriptor of a file: open it. Answer: `{"info", "missing"}`.
- `{"times", "size", "max_aspect"}` with the descriptor of shared memory, then further `{"times"}`:
  frames at these times, into the memory one after the other. Answer: `{"times"}`.
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
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, BinaryIO

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from action_recognition.errors import UsageError, VideoError
from action_recognition.video.confinement import bound, confine
from action_recognition.video.cutting import write_cut
from action_recognition.video.decoder import Video
from action_recognition.video.encoder import TIME_BASE, encode_mp4, to_yuv
from action_recognition.video.limits import Limits
from action_recognition.video.overlays import unpack
from action_recognition.video.preview import browser_preview

MESSAGE_BYTES = 65536  # no message is longer
_RAW_BYTES = 32768


def main(descriptor: int) -> None:
    """Forks a child for each request, until the other end of the socket is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that uses this one
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for module in pkgutil.walk_packages(av.__path__, "av."):  # later, there are no files to import
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    sample = _sample()
    _warm_up(sample)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=descriptor) as requests:
        while True:
            message, channels, _, _ = socket.recv_fds(requests, 1, 1)
            if not message:
                return
            child = os.fork()
            if not child:
                requests.close()
                _serve(channels[0], sample)
            os.close(channels[0])
            try:
                handle = os.pidfd_open(child)
            except ProcessLookupError:  # it has ended already
                requests.send(b".")
            else:
                socket.send_fds(requests, [b"."], [handle])
                os.close(handle)


def _sample() -> bytes:
    """A video of a moment."""
    picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
    frame = to_yuv(picture, VideoReformatter())
    frame.pts, frame.duration, frame.time_base = 0, 1, TIME_BASE
    return encode_mp4([frame], width=64, height=64, frame_rate=25)


def _warm_up(sample: bytes) -> None:
    """Does once what is done with each file; the memory of a new child is then its own."""
    with Video(io.BytesIO(sample), name="sample") as video:
        video.frames_at([0.0], size=172)


def _serve(channel: int, sample: bytes) -> None:
    """The whole life of a child. It ends without a word if its other end has gone."""
    try:
        with contextlib.suppress(OSError):
            _warm_up(
                sample
            )  # of this project: before the child is confined, but also before a file
            _Child(socket.socket(fileno=channel)).run()
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

        def wanted() -> Iterator[float]:
            while "times" in self._next:
                yield from self._next["times"]
                self._send({"times": actual})
                actual.clear()
                self._next = self._receive()
                if "size" in self._next:  # of another series
                    return

        frames = video.stream_at(wanted(), size=size, max_aspect=self._next["max_aspect"])
        into = self._memory[: len(self._memory) // (size * size * 3) * (size * size * 3)]
        squares = into.reshape(-1, size, size, 3)
        for time_s, frame in frames:
            squares[len(actual)] = frame
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
