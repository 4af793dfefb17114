"""Strangers' videos, decoded in a process of their own that can reach nothing else.

See `worker` for what runs there, and `confinement` for what it cannot do. Linux only.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import mmap
import os
import shutil
import signal
import socket
import stat
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import UsageError, VideoError
from action_recognition.video.fork_server import server_has_ended, take_decoder
from action_recognition.video.frames import Frames
from action_recognition.video.info import VideoInfo
from action_recognition.video.limits import DEFAULT_LIMITS, Limits
from action_recognition.video.orientation import Orientation
from action_recognition.video.preview import Preview
from action_recognition.video.source import Source, check_file, name_of

Read = TypeVar("Read")

_BATCH = 8  # frames that are asked for at once; two such batches are on their way
_BUFFER_BYTES = 8_000_000  # for both; one frame of 1024x1024 takes 3 MB
_MESSAGE_BYTES = 65536
_RAW_BYTES = 32768
_MAX_PREVIEW_BYTES = 200_000_000  # a minute of 640x360 has some megabytes


def can_isolate() -> bool:
    """Whether this system has what isolation needs."""
    return sys.platform == "linux" and bool(sys.executable)


class IsolatedVideo(Frames):
    """A video like `Video`, decoded in a confined process of its own.

    Parameters:
        source, name, limits: see `Video`.

    Attributes:
        missing: what the kernel could not take away: "network", "files"; normally empty.

    Raises:
        UsageError: this system is not Linux.
        VideoError: the file cannot be read, or its decoder crashed, hung or ran into a limit.
    """

    def __init__(
        self, source: Source, *, name: str | None = None, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.name = name or name_of(source)
        self._decoder = Decoder(source, self.name, limits)
        self._unread = 0  # answers that are still to come
        try:
            self.info, self.missing = self._decoder.trusted(_info, self._decoder.opened, limits)
        except BaseException:
            self.close()
            raise

    def stream_at(
        self, times_s: Iterable[float], *, size: int, max_aspect: float = 4 / 3
    ) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Like `frames_at`, but yields (start time, frame) one by one. The times must ascend.

        While some frames are taken, the next are being decoded.
        """
        count = max(1, min(_BATCH, _BUFFER_BYTES // (2 * size * size * 3)))
        memory = _shared(2 * count * size * size * 3)
        try:
            populated = mmap.MAP_SHARED | mmap.MAP_POPULATE
            shared = mmap.mmap(memory, 0, flags=populated, prot=mmap.PROT_READ)
            halves = np.frombuffer(shared, np.uint8).reshape(2, count, size, size, 3)
            times = iter(times_s)
            batches = iter(lambda: [float(t) for t in islice(times, count)], [])
            for _ in range(self._unread):  # of frames that nobody has taken
                self._decoder.answer()
            self._unread = 0
            asked: deque[int] = deque()
            for number, batch in enumerate(chain(batches, [[], []])):
                if number >= 2 and (length := asked.popleft()):
                    found = self._decoder.trusted(_times, self._decoder.answer(), length)
                    self._unread -= 1
                    for actual, frame in zip(found, halves[number % 2], strict=False):
                        yield actual, frame.copy()
                if batch:
                    place: dict[str, Any] = {"times": batch, "place": number % 2 * count}
                    if number == 0:
                        series = {"size": size, "max_aspect": max_aspect}
                        self._decoder.send({**place, **series}, memory)
                    else:
                        self._decoder.send(place)
                    self._unread += 1
                asked.append(len(batch))
        finally:
            os.close(memory)

    def close(self) -> None:
        """Ends the process."""
        self._decoder.end()


def isolated_preview(
    source: Source, *, name: str, start_s: float = 0.0, limits: Limits = DEFAULT_LIMITS
) -> Preview:
    """Like `preview.browser_preview`, made in a confined process of its own.

    Raises:
        VideoError: as there, or its decoder crashed, hung or ran into a limit.
    """
    decoder = Decoder(source, name, limits)
    try:
        answer = decoder.ask({"preview": start_s})

        def facts() -> Preview:
            if answer["mime"] not in ("video/mp4", "video/webm"):
                raise ValueError
            if not 0 <= answer["bytes"] <= _MAX_PREVIEW_BYTES:
                raise ValueError
            times = (float(answer["start_s"]), float(answer["end_s"]))
            return Preview(b"", answer["mime"], bool(answer["transcoded"]), *times)

        found = decoder.trusted(facts)
        if found.transcoded:
            data = decoder.receive_bytes(answer["bytes"])
        else:  # those of an upload are shared with it, not copied
            data = source.getvalue() if isinstance(source, io.BytesIO) else decoder.content()
        return Preview(data, found.mime, found.transcoded, found.start_s, found.end_s)
    finally:
        decoder.end()


class Decoder:
    """The process that decodes one file. What comes from it is not trusted.

    Parameters:
        source, name, limits: see `Video`.
    """

    def __init__(self, source: Source, name: str, limits: Limits) -> None:
        if not can_isolate():
            raise UsageError("untrusted files can be decoded apart on Linux only")
        self._name, self._limits, self._waited_s = name, limits, 0.0
        self._process = -1
        self._file = _open(source, name)
        try:
            self.opened = self._start()
        except BaseException:
            self.end()
            raise

    def _start(self, *, again: bool = True) -> dict[str, Any]:
        try:
            self._channel, self._process = take_decoder()
        except OSError as error:
            reason = f"the process that decodes untrusted files cannot be started ({error})"
            raise VideoError(self._name, reason) from None
        try:
            limits = asdict(self._limits)
            return self.ask({"name": self._name, "limits": limits}, self._file)
        except VideoError:
            if not (again and server_has_ended()):
                raise
        self._end_process()
        return self._start(again=False)

    def ask(self, request: dict[str, Any], *descriptors: int) -> dict[str, Any]:
        """Sends a request and waits for its answer.

        Raises:
            VideoError: the file cannot be read; the process crashed, or took too long.
        """
        self.send(request, *descriptors)
        return self.answer()

    def send(self, request: dict[str, Any], *descriptors: int) -> None:
        """Sends a request."""
        message = [json.dumps(request).encode()]
        with contextlib.suppress(BrokenPipeError):  # it has sent an error before it ended
            socket.send_fds(self._channel, message, list(descriptors))

    def answer(self) -> dict[str, Any]:
        """Waits for the answer to a request.

        Raises:
            VideoError: as for `ask`.
        """
        answer = self.trusted(lambda: dict(json.loads(self._receive())))
        if "error" in answer:
            raise VideoError(self._name, _plain(str(answer["error"])))
        return answer

    def trusted(self, read: Callable[..., Read], *arguments: Any) -> Read:
        """What `read` makes of an answer, which must be of the agreed form."""
        try:
            return read(*arguments)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            self._end_process()
            raise VideoError(self._name, "its decoder crashed or was stopped") from None

    def send_bytes(self, data: bytes) -> None:
        """Sends bytes that follow a request, whose answer tells if they did not arrive."""
        with contextlib.suppress(OSError):
            self._channel.settimeout(self._limits.wall_s)
            for begin in range(0, len(data), _RAW_BYTES):
                self._channel.send(data[begin : begin + _RAW_BYTES])

    def receive_parts(self, count: int) -> Iterator[bytes]:
        """The next bytes, which follow an answer, as they come."""
        while count > 0:
            part = self._receive()
            count -= len(part)
            yield part

    def receive_bytes(self, count: int) -> bytes:
        """The next bytes, which follow an answer."""
        return b"".join(self.receive_parts(count))

    def content(self) -> bytes:
        """The bytes of the file itself."""
        size = os.fstat(self._file).st_size
        return b"".join(os.pread(self._file, 2**24, place) for place in range(0, size, 2**24))

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self._end_process()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _end_process(self) -> None:
        if self._process >= 0:
            self._channel.close()
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            os.close(self._process)
            self._process = -1

    def _receive(self) -> bytes:
        begun = time.monotonic()
        left_s = self._limits.wall_s + 1 - self._waited_s  # it stops by itself before that
        try:
            self._channel.settimeout(max(0.001, left_s))
            message = self._channel.recv(_MESSAGE_BYTES)
        except TimeoutError:
            self._end_process()
            reason = f"decoding it takes more than {self._limits.wall_s:g} seconds (limit wall_s)"
            raise VideoError(self._name, reason) from None
        except OSError:
            message = b""
        self._waited_s += time.monotonic() - begun
        if not message:
            self._end_process()
            raise VideoError(self._name, "its decoder crashed or was stopped")
        return message


def _open(source: Source, name: str) -> int:
    """A descriptor of the file, or of memory with its bytes."""
    if isinstance(source, (str, Path)):
        check_file(source, name)
        try:
            file = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise VideoError(name, f"it cannot be read ({error.strerror})") from None
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
        os.close(file)
        raise VideoError(name, "it is not a regular file")
    source.seek(0)
    memory = os.memfd_create("video")
    with os.fdopen(os.dup(memory), "wb") as out:
        shutil.copyfileobj(source, out, 2**22)
    os.lseek(memory, 0, os.SEEK_SET)
    return memory


def _shared(size: int) -> int:
    """A descriptor of so many bytes of memory, whose length cannot be changed any more.

    If the other side could shorten it, reading from it would end this process.
    """
    import fcntl  # Linux

    memory = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, size)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return memory


def _times(answer: dict[str, Any], count: int) -> list[float]:
    times = [float(t) for t in answer["times"]]
    if len(times) != count or not all(map(math.isfinite, times)):
        raise ValueError
    return times


def _info(answer: dict[str, Any], limits: Limits) -> tuple[VideoInfo, tuple[str, ...]]:
    facts = answer["info"]
    turned = Orientation(
        int(facts["orientation"]["quarter_turns"]) % 4, bool(facts["orientation"]["mirrored"])
    )
    info = VideoInfo(
        duration_s=float(facts["duration_s"]),
        start_s=float(facts["start_s"]),
        frame_rate=float(facts["frame_rate"]),
        width=int(facts["width"]),
        height=int(facts["height"]),
        codec=_plain(str(facts["codec"])),
        container=_plain(str(facts["container"])),
        orientation=turned,
        has_audio=bool(facts["has_audio"]),
        timecode=str(facts["timecode"]),
    )
    numbers = (info.duration_s, info.start_s, info.frame_rate)
    sound = all(map(math.isfinite, numbers)) and min(info.width, info.height) > 0
    if not sound or not 0 <= info.duration_s <= limits.video_s:
        raise ValueError
    return info, tuple(map(str, answer["missing"]))


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:500])
