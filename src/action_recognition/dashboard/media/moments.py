"""Makes what visitors take away of a video: files for one moment or for several.

A visitor's file is neither demuxed nor decoded in the server's process: cuts and annotated films
are made by the confined process that makes previews (`video.isolated_cut`), and the frames of GIFs
and contact sheets come from it as plain pixels (`Recognizer.open`). Text is drawn here, from the
names of the model's classes, and handed in as pictures. Where the system cannot confine (not
Linux), all is done here, as with previews.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from action_recognition.dashboard.formatting import download_stem
from action_recognition.dashboard.session import Upload
from action_recognition.editing.annotate import overlays_of
from action_recognition.editing.contact_sheet import contact_sheet
from action_recognition.editing.cut import cut_to_bytes
from action_recognition.editing.edl import segments_to_edl
from action_recognition.editing.gif import gif_of
from action_recognition.editing.labelling import segments_to_cvat, segments_to_label_studio
from action_recognition.editing.moments import file_name
from action_recognition.recognition.formats import (
    segments_to_csv,
    segments_to_srt,
    segments_to_vtt,
)
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.info import VideoInfo

_MIME = {
    "mp4": "video/mp4", "gif": "image/gif", "png": "image/png", "zip": "application/zip",
    "csv": "text/csv", "vtt": "text/vtt", "json": "application/json", "xml": "application/xml",
}  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """A file to download: its name, and its content."""

    name: str
    content: bytes

    @property
    def mime(self) -> str:
        """The MIME type, by the ending of the name."""
        return _MIME.get(self.name.rpartition(".")[2], "text/plain")

    def __repr__(self) -> str:
        return f"Taken({self.name!r}, {len(self.content)} bytes)"


@dataclass(frozen=True)
class Film:
    """A visitor's video, what is known of it, and the recognizer within whose limits it is read."""

    upload: Upload
    info: VideoInfo
    recognizer: Recognizer

    def source(self) -> io.BytesIO:
        """Its bytes, from their beginning."""
        return io.BytesIO(self.upload.data)


def cut_outs(film: Film, segments: Sequence[Segment]) -> Taken:
    """One moment as MP4, or several in a ZIP file."""
    return _packed(film, segments, "mp4", lambda s: _cut(film, s))


def gifs(film: Film, segments: Sequence[Segment]) -> Taken:
    """One moment as GIF, or several in a ZIP file."""

    def make(segment: Segment) -> bytes:
        with film.recognizer.open(film.source(), film.upload.name) as video:
            return gif_of(video, segment.start_s, segment.end_s)

    return _packed(film, segments, "gif", make)


def annotated(
    film: Film, segments: Sequence[Segment], start_s: float, end_s: float, *, heat: bool
) -> Taken:
    """The part of the film between two times with what is seen written on it.

    Parameters:
        segments: what is written, those with no action among them.
        heat: show where the action was seen.
    """
    shown = [s for s in segments if s.end_s > start_s and s.start_s < end_s]
    explain = (film.recognizer, film.source(), film.upload.name) if heat else None
    content = cut_to_bytes(
        film.source(),
        start_s,
        end_s,
        name=film.upload.name,
        overlays=overlays_of(shown, film.info, heat=explain),
        limits=film.recognizer.limits,
        untrusted=film.recognizer.untrusted,
    )
    return Taken(f"{download_stem(film.upload.name)}-annotated.mp4", content)


def sheet(film: Film, segments: Sequence[Segment]) -> Taken:
    """A picture with a thumbnail of each moment."""
    with film.recognizer.open(film.source(), film.upload.name) as video:
        content = contact_sheet(video, segments)
    return Taken(f"{download_stem(film.upload.name)}-moments.png", content)


def listed(form: str, film: Film, segments: Sequence[Segment]) -> Taken:
    """The moments as a text file for another program.

    Parameters:
        form: "EDL", "SRT", "VTT", "CSV", "Label Studio" or "CVAT".
    """
    info, name = film.info, film.upload.name
    ending, lines = {
        "EDL": ("edl", lambda: segments_to_edl(segments, info, name)),
        "SRT": ("srt", lambda: segments_to_srt(segments)),
        "VTT": ("vtt", lambda: segments_to_vtt(segments)),
        "CSV": ("csv", lambda: segments_to_csv(segments)),
        "Label Studio": ("json", lambda: [segments_to_label_studio(segments, info, name)]),
        "CVAT": ("xml", lambda: segments_to_cvat(segments, info, name)),
    }[form]
    text = "\n".join(lines()).rstrip("\n") + "\n"
    return Taken(f"{download_stem(name)}-timeline.{ending}", text.encode())


def _cut(film: Film, segment: Segment) -> bytes:
    return cut_to_bytes(
        film.source(),
        segment.start_s,
        segment.end_s,
        name=film.upload.name,
        limits=film.recognizer.limits,
        untrusted=film.recognizer.untrusted,
    )


def _packed(
    film: Film, segments: Sequence[Segment], ending: str, make: Callable[[Segment], bytes]
) -> Taken:
    if len(segments) == 1:
        return Taken(file_name(film.upload.name, segments[0], ending), make(segments[0]))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # nothing of it gets smaller
        for number, segment in enumerate(segments, 1):
            name = file_name(film.upload.name, segment, ending)
            archive.writestr(f"{number:03}-{name}", make(segment))
    return Taken(f"{download_stem(film.upload.name)}-moments.zip", out.getvalue())
