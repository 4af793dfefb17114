"""Words of the page: numbers for people, and foreign text made safe for Markdown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from action_recognition.recognition.wording import percent as percent

if TYPE_CHECKING:  # they bring PyTorch, which the first page does not wait for
    from action_recognition.recognition.results import Timings, Verdict
    from action_recognition.video import VideoInfo

_CODECS = {
    "h264": "H.264",
    "hevc": "H.265",
    "mpeg4": "MPEG-4",
    "msmpeg4v3": "MPEG-4",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "mjpeg": "Motion JPEG",
}
_CONTAINERS = {  # by the first name that FFmpeg gives its readers
    "mov": "MP4 or MOV",
    "matroska": "MKV or WebM",
    "avi": "AVI",
}
_MAX_NAME = 60  # characters


def headline(verdict: Verdict) -> str:
    """An answer in a few words; its numbers come below."""
    if verdict.action is None:
        return "None of the known actions"
    return "Unsure" if verdict.unsure else verdict.action


def nearest(verdict: Verdict, *, of: int = 2) -> str:
    """The most probable actions of an answer, as in "Drinking 41.0 % or Smoking 35.0 %"."""
    return " or ".join(f"{action} {percent(p)}" for action, p in verdict.ranked[:of])


def either(ranked: Sequence[tuple[str, float]]) -> str:
    """An unsure answer in few words.

    >>> either((("Drinking", 0.41), ("Smoking", 0.35), ("Talking", 0.24)))
    'Unsure: Drinking or Smoking'
    """
    return f"Unsure: {two(ranked)}"


def two(ranked: Sequence[tuple[str, float]]) -> str:
    """The two most probable actions: `Drinking or Smoking`."""
    return " or ".join(action for action, _ in ranked[:2])


def leaders(verdict: Verdict) -> int:
    """How many of the most probable actions are the answer: one, two of an unsure one, or none."""
    return 0 if verdict.action is None else 2 if verdict.unsure else 1


def unbroken(text: str) -> str:
    """Text in which no line begins with the sign of a percentage, on however narrow a screen."""
    return text.replace(" %", "\u00a0%")


def plain(text: str) -> str:
    """Text as Markdown that shows it letter for letter.

    >>> print(plain("a_b*c* [d](e) $f$"))
    a\\_b\\*c\\* \\[d\\](e) \\$f\\$
    """
    text = re.sub(r"([\\`*_$\[\]<>~#|&]|^[-+=]|(?<=^\d)[.)])", r"\\\1", one_line(text))
    # A backslash does not stop Streamlit from reading :smile: as a picture, or addresses as links.
    return re.sub(r":(?=\S)|@(?=\S)|www(?=\.)", "\\g<0>\u200b", text)


def file_name(name: str) -> str:
    """A file's name as Markdown code, shortened in its middle, whatever characters it holds.

    >>> file_name("my *best* clip.mp4"), file_name("``")
    ('`my *best* clip.mp4`', '``` `` ```')
    """
    name = one_line(name) or "video"
    if len(name) > _MAX_NAME:
        half = _MAX_NAME // 2
        name = f"{name[:half]}…{name[-half:]}"
    longest = max((len(run) for run in re.findall("`+", name)), default=0)
    if not longest:
        return f"`{name}`"
    fence = "`" * (longest + 1)
    return f"{fence} {name} {fence}"


def download_stem(name: str) -> str:
    """How a download that belongs to a video is called, without its ending.

    Browsers cannot save a file whose name, with their own ending for unfinished ones, is longer
    than 255 bytes.

    >>> download_stem("my clip.mp4"), len(download_stem("x" * 250 + ".mp4"))
    ('my clip', 60)
    """
    return one_line(PurePath(name).stem)[:_MAX_NAME] or "video"


def time_span(start_s: float, end_s: float) -> str:
    """A part of a video.

    >>> time_span(0, 1.5), time_span(61.25, 62.75)
    ('0.0 to 1.5 s', '61.2 to 62.8 s')
    """
    return f"{start_s:.1f} to {end_s:.1f} s"


def picture_size(width: int, height: int) -> str:
    """Two sides in pixels, with the sign of multiplication between them."""
    return f"{width} \N{MULTIPLICATION SIGN} {height}"


def video_facts(info: VideoInfo) -> str:
    """Length, size, frame rate, codec and sound in one line."""
    parts = [f"{info.duration_s:.1f} s", f"{picture_size(info.width, info.height)} pixels"]
    if info.frame_rate:
        parts.append(f"{info.frame_rate:.3g} frames/s")
    parts.append(codec(info))
    parts.append("with sound" if info.has_audio else "no sound")
    return " · ".join(parts)


def codec(info: VideoInfo) -> str:
    """How the pictures are coded, by the name that people use."""
    return _CODECS.get(info.codec, info.codec.upper())


def container(info: VideoInfo) -> str:
    """Which kind of file it is, as far as its reader tells kinds apart."""
    return _CONTAINERS.get(info.container.split(",")[0], info.container)


def stages(timings: Timings) -> str:
    """Seconds of each stage in one line."""
    parts = (("open", timings.open_s), ("decode", timings.decode_s), ("network", timings.network_s))
    return " · ".join(f"{stage}\u00a0{seconds:.2f}\u00a0s" for stage, seconds in parts)


def one_line(text: str) -> str:
    """Text without line breaks and other control characters.

    >>> one_line("a\\n\\x1b[31m b")
    'a [31m b'
    """
    visible = "".join(" " if unicodedata.category(c).startswith("C") else c for c in text)
    return " ".join(visible.split())
