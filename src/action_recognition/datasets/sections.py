"""Lists that name a section of a longer video: the files must hold that section and no more.

A clip here is a whole file. Data sets of this kind (Kinetics) are handed on as trimmed files; with
the untrimmed ones a network would learn from all that happens before and after the action.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from action_recognition.datasets.manifest import Clip
from action_recognition.errors import DataError, VideoError
from action_recognition.video import Video

_COLUMNS = (
    ("time_start", "time_end"), ("start_s", "end_s"), ("start_time", "end_time"), ("start", "end"),
)  # fmt: skip
_SLACK_S = 0.5  # frames are not cut to the millisecond
# Who cuts without encoding anew gets all from the key frame before, mostly a few seconds.
_SLACK_OF_CUT_S, _SLACK_OF_CUT = 1.0, 1.5


@dataclass(frozen=True)
class Section:
    """The section of a video that a list means.

    Parameters:
        start_s, end_s: in seconds from the start of the untrimmed video.
        source: the name of the list.
        cut: the file has the section in its name, so it was cut; it may be somewhat longer.
    """

    start_s: float
    end_s: float
    source: str
    cut: bool = False

    @property
    def longest_s(self) -> float:
        """How long a file of this section can be, in seconds."""
        length = self.end_s - self.start_s
        return _SLACK_OF_CUT * length + _SLACK_OF_CUT_S if self.cut else length + _SLACK_S


_LATEST_S = 1e7  # some four months


def read_section(row: Mapping[str, str], source: str, number: int) -> Section | None:
    """The section that a row of a list names; None: it has no such columns, or they are empty.

    Raises:
        DataError: these are no seconds, or the end is not after the start.
    """
    for names in _COLUMNS:
        texts = [row.get(name, "").strip().replace(",", ".") for name in names]
        if not all(texts):
            continue
        with suppress(ValueError):
            start_s, end_s = map(float, texts)
            if 0 <= start_s < end_s <= _LATEST_S:
                return Section(start_s, end_s, source)
        raise DataError(
            f"{source}, line {number}: {names[0]} {texts[0][:60]!r} and {names[1]} "
            f"{texts[1][:60]!r} are no section in seconds"
        )
    return None


def refuse_untrimmed(clips: Sequence[Clip], sections: Sequence[Section | None]) -> list[Clip]:
    """The clips; those whose file is longer than its section are refused.

    Files whose length is not known yet (0) are opened for it.
    """
    return [
        clip if section is None or clip.split == "refused" else _check(clip, section)
        for clip, section in zip(clips, sections, strict=True)
    ]


def _check(clip: Clip, section: Section) -> Clip:
    if not clip.duration_s:
        with suppress(VideoError), Video(clip.path) as video:
            clip = replace(clip, duration_s=round(video.info.duration_s, 3))
    if clip.duration_s <= section.longest_s:
        return clip
    reason = (
        f"the untrimmed video, {clip.duration_s:.1f} s long, of which {section.source} means "
        f"{section.start_s:g} to {section.end_s:g} s: cut that section out first"
    )
    return replace(clip, split="refused", reason=reason)
