"""Cuts a part of a video into a file of its own, which is written whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

from action_recognition.files import replacing
from action_recognition.video.cutting import Cut, Mode, write_cut
from action_recognition.video.limits import DEFAULT_LIMITS, Limits
from action_recognition.video.overlays import Overlay
from action_recognition.video.source import Source


def cut_to_file(
    source: Source,
    path: Path,
    start_s: float,
    end_s: float,
    *,
    name: str | None = None,
    mode: Mode = "auto",
    overlays: Iterable[Overlay] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    untrusted: bool = False,
    on_progress: Callable[[float, float], None] | None = None,
) -> Cut:
    """Writes a part of a video as MP4; a file of this name is replaced. See `cutting.write_cut`.

    Parameters:
        untrusted: do it in a confined process of its own, which holds the part in memory and tells
            no progress; on Linux only.

    Raises:
        UsageError, VideoError: as `write_cut` does.
        OSError: the file cannot be written.
    """
    with replacing(path) as temporary:
        if not untrusted:
            return write_cut(
                source,
                temporary,
                start_s,
                end_s,
                name=name,
                mode=mode,
                overlays=overlays,
                limits=limits,
                on_progress=on_progress,
            )
        from action_recognition.video.isolated_cut import isolated_cut

        with temporary.open("wb") as out:
            return isolated_cut(
                source,
                out,
                start_s,
                end_s,
                name=name,
                mode=mode,
                overlays=overlays,
                limits=limits,
            )


def cut_to_bytes(
    source: Source,
    start_s: float,
    end_s: float,
    *,
    name: str | None = None,
    mode: Mode = "auto",
    overlays: Iterable[Overlay] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    untrusted: bool = False,
) -> bytes:
    """The same in memory: the bytes of the MP4."""
    out = io.BytesIO()
    if untrusted:
        from action_recognition.video.isolated_cut import isolated_cut as make
    else:
        make = write_cut  # type: ignore[assignment]
    make(source, out, start_s, end_s, name=name, mode=mode, overlays=overlays, limits=limits)
    return out.getvalue()
