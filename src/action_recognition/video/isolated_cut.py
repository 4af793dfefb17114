"""Cuts a part out of a stranger's video, in a process that can reach nothing else. Linux only."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, BinaryIO

from action_recognition.errors import UsageError
from action_recognition.video.cutting import Cut, Mode
from action_recognition.video.isolated import Decoder
from action_recognition.video.limits import DEFAULT_LIMITS, Limits
from action_recognition.video.overlays import Overlay, pack
from action_recognition.video.source import Source, name_of

MAX_CUT_BYTES = 400_000_000  # twice that is held in the memory of the process


def isolated_cut(
    source: Source,
    out: BinaryIO,
    start_s: float,
    end_s: float,
    *,
    name: str | None = None,
    mode: Mode = "auto",
    overlays: Iterable[Overlay] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Cut:
    """Like `cutting.write_cut`, made in a confined process of its own.

    The process is given the file and the overlays, and may write nothing: the part comes back as
    bytes, which are passed on and not looked at here.

    Parameters:
        out: takes the bytes of the MP4.

    Raises:
        UsageError, VideoError: as there, or its decoder crashed, hung or ran into a limit.
    """
    name = name or name_of(source)
    packed = None if overlays is None else b"".join(pack(overlays))
    decoder = Decoder(source, name, limits)
    try:
        size = None if packed is None else len(packed)
        decoder.send({"cut": [start_s, end_s, mode], "overlays": size})
        decoder.send_bytes(packed or b"")
        answer = decoder.answer()
        if "refused" in answer:
            raise UsageError(str(answer["refused"])[:500])
        made, size = decoder.trusted(_cut, answer)
        for part in decoder.receive_parts(size):
            out.write(part)
        return made
    finally:
        decoder.end()


def _cut(answer: dict[str, Any]) -> tuple[Cut, int]:
    times, size = (float(answer["start_s"]), float(answer["end_s"])), int(answer["bytes"])
    if not all(map(math.isfinite, times)) or not 0 < size <= MAX_CUT_BYTES:
        raise ValueError
    return Cut(*times, copied=bool(answer["copied"])), size
