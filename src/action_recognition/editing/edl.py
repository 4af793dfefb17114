"""An edit decision list (CMX 3600): the moments one after another, for editing programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from action_recognition.editing.timecode import FrameRate
from action_recognition.recognition.formats import as_utf8, subtitle
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.info import VideoInfo

_EVENTS = 999  # the number of an event has three digits
_TITLE = 70  # characters


def segments_to_edl(segments: Iterable[Segment], info: VideoInfo, name: str) -> Iterator[str]:
    """Lines of an EDL, with an event for each segment that shows an action, at most 999.

    DaVinci Resolve and Premiere make a timeline of it, in which the moments of the film follow one
    another, each with its name in a marker. Timecodes of the film are those of its camera, or count
    from 00:00:00:00 at its first frame.

    Parameters:
        info: of the video; where it does not give its frame rate, 25 is taken.
        name: file name of the video, by which programs find it.

    >>> from action_recognition.video.orientation import UPRIGHT
    >>> info = VideoInfo(60.0, 25, 320, 240, "h264", "mp4", UPRIGHT, True)
    >>> print(*segments_to_edl([Segment(2, 4, "Run", "Run", 0.91, 1.0)], info, "a.mp4"), sep="\\n")
    TITLE: a
    FCM: NON-DROP FRAME
    <BLANKLINE>
    001  A        AA/V  C        00:00:02:00 00:00:04:00 01:00:00:00 01:00:02:00
    * FROM CLIP NAME: a.mp4
    * LOC: 01:00:00:00 BLUE    Run 91.0 %
    * COMMENT: Run 91.0 %, 2.0 to 4.0 s
    <BLANKLINE>
    """
    rate = FrameRate.of(info.frame_rate, info.timecode)
    first = rate.number(info.timecode) if info.timecode else 0
    yield f"TITLE: {_plain(PurePath(name).stem)[:_TITLE] or 'video'}"
    yield f"FCM: {'DROP FRAME' if rate.drops else 'NON-DROP FRAME'}\n"
    record = rate.number("01:00:00:00")  # where edits begin by custom
    tracks = "AA/V" if info.has_audio else "V"
    number = 0
    for segment in segments:
        begin, end = (rate.frame(t - info.start_s) for t in (segment.start_s, segment.end_s))
        if segment.action is None or end <= begin or number == _EVENTS:
            continue
        number += 1
        times = [first + begin, first + end, record, record + end - begin]
        codes = " ".join(map(rate.timecode, times))
        words = _plain(subtitle(segment))
        yield f"{number:03}  {reel(name):<8} {tracks:<5} C        {codes}"
        yield f"* FROM CLIP NAME: {_plain(name)}"
        yield f"* LOC: {rate.timecode(record)} BLUE    {words}"
        yield f"* COMMENT: {words}, {segment.start_s:.1f} to {segment.end_s:.1f} s\n"
        record = times[-1]


def reel(name: str) -> str:
    """The name of a reel: at most eight letters and digits; AX, as for files, where none are left.

    >>> reel("my holiday film.mp4"), reel("\\u65e5.mp4")
    ('MYHOLIDA', 'AX')
    """
    return re.sub(r"[^A-Z0-9]", "", PurePath(name).stem.upper())[:8] or "AX"


def _plain(text: str) -> str:
    return " ".join(as_utf8(text).split())
