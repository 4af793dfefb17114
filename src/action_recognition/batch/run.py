"""A batch from its videos to its table.

One process gathers the answers of all workers, makes segments of them and writes the parts: no row
can be written twice, and a worker may be lost at any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from action_recognition.batch.engine import answers, engine
from action_recognition.batch.parts import Parts
from action_recognition.batch.settings import Settings
from action_recognition.batch.sources import SourceFile
from action_recognition.batch.worker import Row
from action_recognition.errors import VideoError
from action_recognition.recognition.segmentation import Moment, find_segments

_PART_ROWS = 10_000  # of a part at most, save that the rows of a video stay together
_PART_S = 30.0  # and it is written after so long: what a batch that is killed has to do again


@dataclass
class Summary:
    """What a batch has done so far.

    Parameters:
        files: number of videos that were named.
        skipped: of them, those that had their rows already.
        done: those that got their rows now, `errors` among them.
        errors: those that cannot be read, or not to their end.
        lost: those that got no rows, because each worker that took them has ended.
        bytes, bytes_done: sizes of the files to do, and of those that are done.
        video_s: length of the videos that are done, in seconds.
        elapsed_s: seconds since the batch began.
    """

    files: int
    skipped: int = 0
    done: int = 0
    errors: int = 0
    lost: int = 0
    segments: int = 0
    bytes: int = 0
    bytes_done: int = 0
    video_s: float = 0.0
    elapsed_s: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        rate = self.video_s / self.elapsed_s if self.elapsed_s else 0.0
        times = {"video_hours": self.video_s / 3600, "elapsed_s": self.elapsed_s}
        facts = {k: v for k, v in asdict(self).items() if k != "video_s"} | times
        facts["video_hours_per_hour"] = rate
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in facts.items()}


def run_batch(
    files: Sequence[SourceFile],
    parts: Parts,
    settings: Settings,
    classes: tuple[str, ...],
    *,
    address: str | None = None,
    workers: int | None = None,
    decoders: int | None = None,
    on_progress: Callable[[Summary], None] = lambda _: None,
) -> Summary:
    """Gives every video its rows, those that have them already left out.

    Parameters:
        files: see `find_sources`.
        parts: the table; one batch at a time may write into it.
        classes: those of the model.
        address, workers, decoders: see `engine`.
        on_progress: called after each video.

    Raises:
        DataError: the table cannot be read or written.
        UsageError: there is no cluster at the address, or not what is asked for.
    """
    started, summary = time.monotonic(), Summary(len(files))
    done = parts.done()
    facts = (settings.digest, settings.step_s, settings.dwell_s)
    waiting = {key: file for file in files if (key := file.key(*facts)) not in done}
    summary.skipped = len(files) - len(waiting)
    summary.bytes = sum(file.size for file in waiting.values())
    rows: list[dict[str, Any]] = []
    if not waiting:
        return summary
    with engine(address, settings.device, workers, decoders) as plan:
        before = -1
        while waiting and len(waiting) != before:  # again, for what was lost with its workers
            again = before >= 0
            before, written_s = len(waiting), time.monotonic()
            found_rows = answers(list(waiting.items()), settings, plan, alone=again)
            for key, found in _films(found_rows):
                file = waiting.pop(key)
                made = _rows(file, key, found, settings, classes)
                rows += made
                summary.done += 1
                summary.errors += made[-1]["error"] is not None
                summary.segments += sum(row["error"] is None for row in made)
                summary.bytes_done += file.size
                summary.video_s += found[0]["duration_s"]
                summary.elapsed_s = time.monotonic() - started
                if len(rows) >= _PART_ROWS or time.monotonic() - written_s > _PART_S:
                    parts.write(rows)
                    rows, written_s = [], time.monotonic()
                on_progress(summary)
            if rows:
                parts.write(rows)
                rows = []
    summary.lost = len(waiting)
    summary.elapsed_s = time.monotonic() - started
    return summary


def _films(found: Iterator[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Yields each video with all of its pieces, in their order, once they are there."""
    gathered: dict[str, dict[int, Row]] = {}
    for row in found:
        pieces = gathered.setdefault(row["key"], {})
        pieces[row["number"]] = row
        if len(pieces) == row["of"]:
            del gathered[row["key"]]
            yield row["key"], [pieces[number] for number in sorted(pieces)]


def _rows(
    file: SourceFile,
    key: str,
    pieces: Sequence[Row],
    settings: Settings,
    classes: tuple[str, ...],
) -> list[dict[str, Any]]:
    """The rows of a video: one for each segment, and one for the error that ended it."""
    common = {
        **{"file": file.file, "size": file.size, "mtime": file.modified_ns},
        **{"model": settings.digest, "step_s": settings.step_s, "dwell_s": settings.dwell_s},
        **{"error": None, "key": key},
    }
    names = ("start_s", "end_s", "action", "nearest_action", "probability", "known_probability")
    start_s, end_s = pieces[0]["start_s"], pieces[0]["start_s"] + pieces[0]["duration_s"]
    rows: list[dict[str, Any]] = []
    try:
        for segment in find_segments(
            _moments(file.name, pieces, len(classes)),
            classes,
            step_s=settings.exact_step_s,
            dwell_s=settings.dwell_s,
            start_s=start_s,
            end_s=end_s,
        ):
            rows.append({**common, **{name: getattr(segment, name) for name in names}})
    except VideoError as error:
        rows.append({**common, "error": error.reason})
    return rows


def _moments(name: str, pieces: Sequence[Row], classes: int) -> Iterator[Moment]:
    for piece in pieces:
        shares = np.reshape(np.asarray(piece["probabilities"], np.float64), (-1, classes))
        for time_s, share, known in zip(piece["times_s"], shares, piece["known"], strict=True):
            yield Moment(time_s, share, known)
        if piece["error"]:
            raise VideoError(name, piece["error"])
