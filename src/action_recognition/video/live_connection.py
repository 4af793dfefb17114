"""Opens a camera or a network stream, and says what kind of source it is."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.format import Flags
from av.stream import Discard, Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from action_recognition.errors import VideoError
from action_recognition.video.limits import DEFAULT_LIMITS
from action_recognition.video.live_access import (
    Server,
    allowed,
    allowed_in_playlist,
    redirected,
    shown,
)

TIMEOUT_S = 10.0  # a source that is silent for so long has gone

_URL = re.compile(r"(rtsps?|rtmps?|https?|udp|rtp|srt)://", re.IGNORECASE)

# FFmpeg marks the formats without time stamps, but not these, nor pictures that come one after the
# other ("pipes"). It makes up stamps, at the frame rate that the header promises or at 25 frames/s.
_UNMARKED = {"avi", "ingenient", "rawvideo"}
# Never files, whatever they announce: some cameras send a length with their endless JPEG parts.
_ALWAYS_LIVE = {"mpjpeg", "rtsp"}
_PLAYLISTS = {"hls", "sdp"}  # their own size says nothing of that of the video

# FFmpeg reads up to a megabyte to know the format, then five seconds of stream, counted by stamps
# that it makes up itself: minutes of a camera with small pictures and two frames/s.
_QUICKLY = {"formatprobesize": "32768", "analyzeduration": "1"}

# Without multiple requests, FFmpeg 8 sometimes cannot go back after it has seen a file's end.
_OPTIONS = {"rtsp_transport": "tcp", "multiple_requests": "1"}

_NO_VIDEO = "it sends no video that is known here"


@dataclass(frozen=True)
class Address:
    """Where a live source is found.

    Parameters:
        url: as FFmpeg takes it.
        name: the same for messages: without user, password and query.
        device: FFmpeg's name for this kind of camera; None: a URL.
    """

    url: str
    name: str
    device: str | None = None

    @classmethod
    def of(cls, source: str) -> Address | None:
        """The address that a user means; None: the path of a file."""
        if _URL.match(source):
            return cls(source, shown(source))
        if source.isdecimal():
            return cls(f"/dev/video{source}", f"/dev/video{source}", "v4l2")
        return cls(source, source, "v4l2") if _is_device(source) else None

    @property
    def can_end(self) -> bool:
        """Whether a stream from here has an end; all others go on until they break off."""
        return self.url.lower().startswith("http")

    def open(self) -> Connection:
        """Connects.

        Raises:
            VideoError: it cannot be opened, or holds no picture stream.
        """
        try:
            return Connection(self, self._followed())
        except (av.FFmpegError, ValueError, OSError, MemoryError) as error:
            reason = why(error)
            if getattr(error, "errno", None) == errno.EIO:
                reason = self._why_nothing_came(reason)
            raise VideoError(self.name, f"it cannot be opened ({reason})") from None

    def _why_nothing_came(self, reason: str) -> str:
        """FFmpeg calls an unknown host and a stream that ends at once an "input/output error"."""
        host = urlsplit(self.url).hostname
        try:
            socket.getaddrinfo(host or "localhost", None)
        except (OSError, UnicodeError):
            return f"there is no host {host}"
        return _NO_VIDEO if self.can_end else reason

    def _followed(self) -> InputContainer:
        """The container, at the end of redirects where there are any."""
        try:
            return self._container()
        except OSError as error:
            leads = error.errno == errno.EIO and self.can_end
            target = redirected(self.url, TIMEOUT_S) if leads else None
            if target is None:
                raise
            return replace(self, url=target)._container()

    def _container(self) -> InputContainer:
        try:
            container = self._try(**_QUICKLY)
        except av.InvalidDataError:
            return self._pictures() or self._try()
        except av.ArgumentError:  # a format that is not allowed
            if not self.can_end:
                raise
            return self._playlist()
        if _picture_size(container) or not _is_stamped(container):
            return container
        container.close()
        return self._try()

    def _pictures(self) -> InputContainer | None:
        """JPEG pictures with anything between them; cameras are careless with boundaries."""
        try:
            container = self._try("mjpeg", **_QUICKLY)
        except av.InvalidDataError:
            return None
        if _picture_size(container):
            return container
        container.close()
        return None

    def _playlist(self) -> InputContainer:
        """HLS, of which each part is asked for here."""
        return av.open(
            self.url, format="hls", timeout=TIMEOUT_S, metadata_errors="replace",
            options={"http_persistent": "0", **allowed_in_playlist()},
            io_open=Server(self.url, TIMEOUT_S).open,
        )  # fmt: skip

    def _try(self, kind: str | None = None, **options: str) -> InputContainer:
        limits = allowed(self.url) if self.device is None else {}
        return av.open(
            self.url, format=self.device or kind, timeout=TIMEOUT_S, metadata_errors="replace",
            options={**_OPTIONS, **limits, **options},
        )  # fmt: skip


class Connection:
    """An open live source.

    Attributes:
        codec: decodes its packets.
        stored: all of it is there to be read, so it has its own pace: a file behind a URL.
        stamped: its packets carry time stamps of their own, or are numbered, as those of files.

    Raises:
        VideoError: it holds no picture stream.
    """

    def __init__(self, address: Address, container: InputContainer) -> None:
        self._address, self._container = address, container
        stream = container.streams.best("video") if container.streams.video else None
        if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
            container.close()
            raise VideoError(address.name, "it holds no picture stream")
        codec: CodecContext | None = stream.codec_context
        if not isinstance(codec, VideoCodecContext):
            container.close()
            raise VideoError(address.name, "its picture stream has a codec that is not known here")
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all  # of several qualities, only one is fetched
        codec.options = {"max_pixels": str(DEFAULT_LIMITS.pixels)}
        codec.copy_opaque = True  # a packet's time travels to its frame
        self.codec, self._stream = codec, stream
        self.stored = _is_stored(container)
        self._numbered = self.stored and not _is_stamped(container)
        self.stamped = self.stored or _is_stamped(container)
        self._rate = float(stream.average_rate or stream.guessed_rate or 25)
        self._counted = 0

    def packets(self) -> Iterator[av.Packet]:
        """The packets of the picture as they come, then an empty one, which drains the decoder.

        Where the stream is damaged, it can be called again to read on.

        Raises:
            av.InvalidDataError: the stream is damaged at this place.
            av.FFmpegError, OSError: the connection broke off.
        """
        last: av.Packet | None = None
        try:
            for packet in self._container.demux(self._stream):
                last = packet if packet.size else last
                yield packet
        except OSError as error:
            # The end of a stream of unannounced length, which FFmpeg takes for a fault.
            ends = self._address.can_end and not self.stored and error.errno == errno.EIO
            if not ends:
                raise
            yield av.Packet()
        if _is_cut_short(last):
            raise ConnectionError("in the middle of a picture")

    def stamps(self, packet: av.Packet) -> tuple[float | None, float | None]:
        """When a packet is to be decoded, and when shown, in seconds by the clock of the source.

        To be asked once for each packet. The second is None where it is shown once it is decoded,
        both where there are no stamps.
        """
        self._counted += 1
        if not self.stamped:
            return None, None
        place = packet.dts if packet.dts is not None else packet.pts
        # The place in an AVI counts pictures that are only repeated, too.
        if self._numbered and self._container.format.name != "avi":
            return (self._counted - 1) / self._rate, None
        if place is None or packet.time_base is None:
            return None, None
        decoded_s = float(place * packet.time_base)
        if self._numbered or packet.pts is None:
            return decoded_s, None
        return decoded_s, float(packet.pts * packet.time_base)

    def close(self) -> None:
        """Ends it; the decoder stays usable."""
        self._container.close()


def why(error: Exception) -> str:
    """The reason for an error of FFmpeg, in words."""
    if isinstance(error, av.InvalidDataError):
        return _NO_VIDEO
    if isinstance(error, av.error.ExitError):
        return f"it was silent for {TIMEOUT_S:.0f} seconds"
    if isinstance(error, ValueError) and not isinstance(error, av.FFmpegError):
        return "it is no address"  # Python's own words quote it, its password too
    return str(getattr(error, "strerror", None) or error)


def _is_cut_short(packet: av.Packet | None) -> bool:
    """Whether it is a JPEG picture, which ends with a marker, without its end."""
    if packet is None or not packet.is_corrupt:
        return False
    return packet.stream.codec_context.name == "mjpeg" and b"\xff\xd9" not in bytes(packet)


def _is_device(source: str) -> bool:
    try:
        return Path(source).is_char_device()
    except (OSError, ValueError):
        return False


def _picture_size(container: InputContainer) -> int:
    """Pixels of its picture; 0 while that is not known."""
    streams = container.streams.video
    codec: CodecContext | None = streams[0].codec_context if streams else None
    return codec.width * codec.height if isinstance(codec, VideoCodecContext) else 0


def _is_stored(container: InputContainer) -> bool:
    name = container.format.name
    if name in _ALWAYS_LIVE:
        return False
    # Without stamps, the header promises a duration before anybody knows it.
    promised = (container.duration or 0) > 0 and _is_stamped(container)
    return promised or (container.size > 0 and name not in _PLAYLISTS)


def _is_stamped(container: InputContainer) -> bool:
    name = container.format.name
    marked = Flags.no_timestamps in Flags(container.format.flags)
    return not (marked or name in _UNMARKED or name.endswith("pipe"))
