"""The project file: what somebody has said about moments of videos that a model has answered.

It is JSON. The videos themselves are not in it: they are named, and known by their content or by
size and time of change, so that a correction is never learned from another film.
"""

from __future__ import annotations

import hashlib
import json
import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from action_recognition.errors import DataError
from action_recognition.files import open_regular, read_json, write_whole

FORMAT = "action-recognition-corrections"
VERSION = 1
Kind = Literal["corrected", "added", "confirmed"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_MAX_BYTES = 16 * 2**20
_PIECE_BYTES = 2**20  # of a video, read at once
_MAX_NAME = 500  # characters, as in a model file


@dataclass(frozen=True)
class CorrectedVideo:
    """A video that was looked at.

    Parameters:
        name: what the user calls it.
        path: the file; relative paths in a project file are relative to its folder.
        sha256: SHA-256 of its content, in hexadecimal; None: it is known by the next two.
        size, mtime_ns: its bytes and its time of change; None: it is known by its content.
    """

    name: str
    path: str
    sha256: str | None = None
    size: int | None = None
    mtime_ns: int | None = None


@dataclass(frozen=True)
class CorrectedSegment:
    """What a stretch of a video shows, as a person says.

    Parameters:
        video: index of the video among those of the project.
        start_s, end_s: in seconds as a player counts; the end lies after the start.
        action: name of the action, of those of the model or a new one; None: none of them.
        kind: "corrected": the model has said something else; "added": it has not seen the moment;
            "confirmed": it was right.
    """

    video: int
    start_s: float
    end_s: float
    action: str | None
    kind: Kind


@dataclass(frozen=True)
class Corrections:
    """All of a project file.

    Parameters:
        videos: those that were looked at.
        segments: what they show.
        model: SHA-256 of the model file that has given the first answers; None: not known.
    """

    videos: tuple[CorrectedVideo, ...]
    segments: tuple[CorrectedSegment, ...]
    model: str | None = None

    def __post_init__(self) -> None:
        for k, segment in enumerate(self.segments, 1):
            _check_segment(segment, k, len(self.videos))
        for k, video in enumerate(self.videos, 1):
            _check_video(video, k)

    def to_json(self) -> str:
        """The text of the project file."""
        return json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "model": self.model,
                "videos": [
                    {k: v for k, v in vars(video).items() if v is not None} for video in self.videos
                ],
                "segments": [vars(segment) for segment in self.segments],
            },
            indent=1,
            ensure_ascii=False,
        )


def save_corrections(corrections: Corrections, path: str | Path) -> None:
    """Writes a project file; an interruption leaves an existing one whole.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(Path(path), corrections.to_json().encode())


def load_corrections(path: str | Path) -> Corrections:
    """Reads a project file.

    Raises:
        DataError: it is missing, too large or not JSON, or an entry is missing, unknown or not
            what it must be; the message names it.
    """
    path = Path(path)
    try:
        return corrections_from(read_json(path, _MAX_BYTES))
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from None
    except OSError as error:
        raise DataError(f"{path.name}: it cannot be read ({error.strerror or error})") from None
    except ValueError:
        raise DataError(f"{path.name}: it is not a project file, which is JSON in UTF-8") from None


def is_project(path: Path) -> bool:
    """Whether a file says that it is a project file; it may be damaged all the same."""
    try:
        content = read_json(path, _MAX_BYTES)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


def corrections_from(content: Any) -> Corrections:
    """The corrections of the content of a project file.

    Raises:
        DataError: see `load_corrections`.
    """
    _need(
        isinstance(content, dict) and content.get("format") == FORMAT,
        f"it is not a project file: its entry 'format' is not {FORMAT!r}",
    )
    version = content.get("version")
    _need(
        version == VERSION and type(version) is int,
        f"it has version {ascii(version)[:40]}, but this release reads version {VERSION}",
    )
    _keys(content, {"format", "version", "videos", "segments"}, {"model"}, "the file")
    for name in ("videos", "segments"):
        _need(isinstance(content[name], list), f"its entry {name!r} is not a list")
    videos = [_build(CorrectedVideo, v, f"video {k}") for k, v in enumerate(content["videos"], 1)]
    segments = [
        _build(CorrectedSegment, s, f"segment {k}") for k, s in enumerate(content["segments"], 1)
    ]
    model = content.get("model")
    _need(model is None or _is_digest(model), "its entry 'model' is no SHA-256")
    return Corrections(tuple(videos), tuple(segments), model)


def find_video(video: CorrectedVideo, folders: Sequence[Path]) -> Path:
    """The file of a video, known to be the one that was corrected.

    Parameters:
        folders: where it is looked for: its path below each of them, then its bare file name.

    Raises:
        DataError: it is not there, or is another video.
    """
    names = (Path(video.path), Path(Path(video.path).name))
    found = [folder / name for folder in folders for name in names if (folder / name).is_file()]
    if not found:
        raise DataError(f"{video.name}: the video is not there; --videos names its folder")
    for path in found:
        if _is_video(video, path):
            return path
    raise DataError(
        f"{video.name}: {found[0].name} is another video than the one that was corrected"
    )


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal.

    Raises:
        DataError: it cannot be read.
    """
    try:
        sha = hashlib.sha256()
        with open_regular(path) as file:
            while piece := file.read(_PIECE_BYTES):
                sha.update(piece)
        return sha.hexdigest()
    except OSError as error:
        raise DataError(f"{path.name}: it cannot be read ({error.strerror or error})") from None


def _is_video(video: CorrectedVideo, path: Path) -> bool:
    if video.sha256 is not None:
        return digest_of(path) == video.sha256.lower()
    facts = path.stat()
    return (facts.st_size, facts.st_mtime_ns) == (video.size, video.mtime_ns)


def _check_video(video: CorrectedVideo, k: int) -> None:
    for name in ("name", "path"):
        text = getattr(video, name)
        _need(
            isinstance(text, str) and text.strip() and "\0" not in text,
            f"video {k}: its entry {name!r} is not a text",
        )
    if video.sha256 is None:
        good = all(type(n) is int and n >= 0 for n in (video.size, video.mtime_ns))
        _need(good, f"video {k}: it has neither 'sha256' nor 'size' and 'mtime_ns'")
    else:
        _need(_is_digest(video.sha256), f"video {k}: its entry 'sha256' is no SHA-256")


def _check_segment(segment: CorrectedSegment, k: int, videos: int) -> None:
    _need(
        type(segment.video) is int and 0 <= segment.video < videos,
        f"segment {k}: its entry 'video' names none of the {videos} videos",
    )
    times = (segment.start_s, segment.end_s)
    good = all(isinstance(t, int | float) and not isinstance(t, bool) for t in times)
    _need(
        good and all(map(math.isfinite, times)) and 0 <= times[0] < times[1],
        f"segment {k}: it must end after its start, and not start before 0",
    )
    action = segment.action
    named = isinstance(action, str) and action.isprintable() and 0 < len(action) <= _MAX_NAME
    _need(
        action is None or (named and action == action.strip()),
        f"segment {k}: its action is no name of up to {_MAX_NAME} characters, nor null",
    )
    _need(segment.kind in KINDS, f"segment {k}: its kind is none of {', '.join(KINDS)}")


def _build(kind: Any, values: Any, place: str) -> Any:
    names = {f.name for f in fields(kind)}
    optional = {"sha256", "size", "mtime_ns"} & names
    _need(isinstance(values, dict), f"{place}: it is not an object")
    _keys(values, names - optional, optional, place)
    return kind(**values)


def _keys(values: Mapping[str, Any], needed: set[str], optional: set[str], place: str) -> None:
    missing, unknown = sorted(needed - set(values)), sorted(set(values) - needed - optional)
    _need(not missing, f"{place}: its entry {missing[:1]} is missing")
    _need(not unknown, f"{place}: it has an unknown entry {ascii(unknown[:1])[:60]}")


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and not set(value) - set(string.hexdigits)


def _need(good: object, sentence: str) -> None:
    if not good:
        raise DataError(sentence)
