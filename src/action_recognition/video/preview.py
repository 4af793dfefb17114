"""Makes previews that browsers can play from any video that `Video` can read.

Browsers play H.264, VP8, VP9 and AV1, in MP4 or WebM. Both data sets of this project use Xvid in
AVI, which no browser plays; such files are transcoded in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.video.reformatter import VideoReformatter

from action_recognition.errors import VideoError
from action_recognition.video.decoder import Video
from action_recognition.video.encoder import TIME_BASE, encode_mp4, to_yuv
from action_recognition.video.limits import DEFAULT_LIMITS, Limits
from action_recognition.video.orientation import UPRIGHT
from action_recognition.video.source import Source, opened

MAX_SIDE = 640  # pixels, of the longer side of a transcoded preview
MAX_DURATION_S = 60.0

# 17 s of 4K or 71 s of Full HD at 30 frames/s: some ten seconds of work on one core. Each frame
# counts as 0.1 million pixels at least, so that a flood of tiny frames ends too.
_MAX_DECODED_PIXELS = 4.4e9
_MIN_FRAME_PIXELS = 100_000

_CODECS_IN_MP4 = ("h264", "vp9", "av1")
_CODECS_IN_WEBM = ("vp8", "vp9", "av1")
_PIXEL_FORMATS = ("yuv420p", "yuvj420p")  # 8 bit, 4:2:0: what every browser decodes


@dataclass(frozen=True)
class Preview:
    """A video that browsers can play.

    `data` is the whole file and `mime` its MIME type; `transcoded` is False if the bytes are those
    of the original. `start_s` and `end_s`, in seconds, give the part of the original that it shows,
    as a player of the original counts.
    """

    data: bytes
    mime: str
    transcoded: bool
    start_s: float
    end_s: float

    def __repr__(self) -> str:
        return f"Preview({len(self.data)} bytes, {self.mime}, transcoded={self.transcoded})"


def browser_preview(
    source: Source, *, name: str, start_s: float = 0.0, limits: Limits = DEFAULT_LIMITS
) -> Preview:
    """Makes a video playable in a browser; one that already is passes through unchanged.

    A transcoded preview is H.264 (yuv420p) in MP4 with its index first. It has no sound; its longer
    side is at most `MAX_SIDE` pixels; it shows at most `MAX_DURATION_S` seconds from `start_s` on
    (less if the frames are very large), rotated for display. Each frame keeps its time, so a
    variable frame rate is preserved.

    Parameters:
        source: a path, or a seekable binary file object; read from its beginning.
        name: the name used in errors.
        start_s: where a transcoded preview begins, in seconds as a player of the original counts.
        limits: what decoding may cost.

    Raises:
        VideoError: the video cannot be read, is truncated before the end of its preview, or has
            no frame from `start_s` on that can be reached within the preview's decoding limit.
    """
    with Video(source, name=name, limits=limits) as video:
        mime = _playable_as(video, source)
        if mime is None:
            return _transcode(video, start_s)
        end_s = video.info.start_s + video.info.duration_s
    return Preview(_read_all(source, name), mime, transcoded=False, start_s=0.0, end_s=end_s)


def _playable_as(video: Video, source: Source) -> str | None:
    """The MIME type under which a browser plays the file as it is; None where it does not."""
    # Browsers turn the picture of an MP4; not all of them mirror it, or turn that of a WebM.
    turned = video.info.orientation != UPRIGHT
    if video.info.orientation.mirrored or (turned and "mp4" not in video.info.container):
        return None
    _, first = next(video.timed_frames())
    if first.format.name not in _PIXEL_FORMATS:
        return None
    if "mp4" in video.info.container and video.info.codec in _CODECS_IN_MP4:
        return "video/mp4"
    if "webm" in video.info.container and video.info.codec in _CODECS_IN_WEBM:
        # FFmpeg reads WebM and MKV with one demuxer; browsers ask for the former's name.
        return "video/webm" if b"webm" in _read_head(source) else None
    return None


def _transcode(video: Video, start_s: float) -> Preview:
    first_s = video.info.start_s
    start_s = max(0.0, start_s - first_s)  # from here on in seconds from the first frame
    width, height = _target_size(video.info.width, video.info.height)
    rate, shown = video.info.frame_rate or 25, _Shown()
    frames = _encodable_frames(video, width, height, start_s, shown)
    try:
        data = encode_mp4(frames, width=width, height=height, frame_rate=rate)
    except (av.FFmpegError, ValueError, MemoryError) as error:
        raise VideoError(video.name, f"no preview can be made of it ({error})") from None
    if not shown.frames:
        from_s = first_s + start_s
        raise VideoError(video.name, f"no preview can be made of it from {from_s:.0f} s on")
    start_s += first_s
    return Preview(data, "video/mp4", transcoded=True, start_s=start_s, end_s=start_s + shown.end_s)


@dataclass
class _Shown:
    """How much of a video has gone into a preview."""

    frames: int = 0
    end_s: float = 0.0


def _encodable_frames(
    video: Video, width: int, height: int, start_s: float, shown: _Shown
) -> Iterator[av.VideoFrame]:
    """Frames of a video from a time on, turned, scaled, and stamped with their time since then."""
    orientation = video.info.orientation
    scaled_size = (height, width) if orientation.swaps_sides else (width, height)
    to_rgb, reformatter = VideoReformatter(), VideoReformatter()
    for frame, start, duration in _schedule(video, start_s):
        rgb = to_rgb.reformat(frame, *scaled_size, format="rgb24", threads=1)
        if orientation != UPRIGHT:
            rgb = av.VideoFrame.from_ndarray(orientation.upright(rgb.to_ndarray()), format="rgb24")
        ready = to_yuv(rgb, reformatter)
        ready.pts, ready.duration, ready.time_base = start, duration, TIME_BASE
        shown.frames, shown.end_s = shown.frames + 1, float((start + duration) * TIME_BASE)
        yield ready


def _schedule(video: Video, start_s: float) -> Iterator[tuple[av.VideoFrame, int, int]]:
    """(frame, start, duration), times in units of `TIME_BASE`, within the limits of a preview."""
    usual = max(1, round(1 / TIME_BASE / (video.info.frame_rate or 25)))
    budget = _MAX_DECODED_PIXELS
    waiting: tuple[av.VideoFrame, int] | None = None
    reached = False
    for time_s, frame in video.timed_frames(start_s):
        budget -= max(frame.width * frame.height, _MIN_FRAME_PIXELS)
        if time_s - start_s >= MAX_DURATION_S or budget < 0:
            break
        # What is on display at `start_s` may have begun before it.
        start = round(max(0.0, time_s - start_s) / TIME_BASE)
        if waiting is not None and (time_s > start_s or not start_s):
            # A damaged file can stand still or go back in time, which MP4 cannot.
            start = max(start, waiting[1] + 1)
            yield *waiting, start - waiting[1]
        waiting, reached = (frame, start), reached or time_s >= start_s
    if waiting is not None and (reached or budget >= 0):
        yield *waiting, usual


def _target_size(width: int, height: int) -> tuple[int, int]:
    """Even sides, as 4:2:0 needs them, of which the longer is at most `MAX_SIDE`."""
    scale = min(1.0, MAX_SIDE / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _read_head(source: Source) -> bytes:
    with opened(source) as file:
        return file.read(64)


def _read_all(source: Source, name: str) -> bytes:
    try:
        with opened(source) as file:
            return file.read()
    except OSError as error:
        raise VideoError(name, f"it cannot be read ({error.strerror})") from None
