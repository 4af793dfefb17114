"""A batch from its videos to its table.

One process gathers the answers of all workers, makes segments of them and writes the parts: no row
can be written twice, and a worker may be lost at any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from action_recognition.batch.engine import answers, engine
from action_recognition.batch.films import Films, Row
from action_recognition.batch.parts import Parts
from action_recognition.batch.settings import Settings
from action_recognition.batch.sources import SourceFile
from action_recognition.batch.summary import Summary
from action_recognition.errors import VideoError
from action_recognition.recognition.segmentation import Moment, find_segments

_PART_ROWS = 10_000  # of a part at most, save that the rows of a video stay together
_PART_S = 30.0  # and it is written after so long: what a batch that is killed has to do again


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
        on_progress: called once the videos to do are known, and after each piece of them.

    Raises:
        DataError: the table cannot be read or written, or no worker could begin.
        ModelFileError: a machine has no such model, or another one under its name.
        UsageError: there is no cluster at the address, or not what is asked for.
    """
    summary, done = Summary(len(files)), parts.done()
    facts = (settings.digest, settings.step_s, settings.dwell_s)
    waiting = {key: file for file in files if (key := file.key(*facts)) not in done}
    summary.skipped = len(files) - len(waiting)
    summary.bytes = sum(file.size for file in waiting.values())
    rows: list[dict[str, Any]] = []
    unread: dict[str, VideoError] = {}  # of the videos that still wait
    summary.tick()
    on_progress(summary)
    if not waiting:
        return summary
    with engine(address, settings.device, workers, decoders) as plan:
        summary.begin()
        films, progress, again = Films(waiting), True, False
        while progress and (to_do := list(films.to_do())):  # again, for pieces of long videos,
            progress, written_s = False, time.monotonic()  # and for what was lost
            for row in answers(to_do, settings, plan, alone=again):
                progress |= not row["unread"]
                file = waiting[row["key"]]
                if row["answered"]:
                    summary.count_piece(row, file.size / row["of"])
                    on_progress(summary)
                found = films.take(row)
                if found is None:
                    continue
                if found[0]["unread"]:
                    unread[row["key"]] = VideoError(file.file, row["error"])
                    continue
                del waiting[row["key"]]
                made = _rows(file, row["key"], found, settings, classes)
                rows += made
                summary.done += 1
                summary.errors += made[-1]["error"] is not None
                summary.segments += sum(row["error"] is None for row in made)
                summary.bytes_done += file.size
                summary.video_s += found[0]["duration_s"]
                if len(rows) >= _PART_ROWS or time.monotonic() - written_s > _PART_S:
                    parts.write(rows)
                    rows, written_s = [], time.monotonic()
            if rows:
                parts.write(rows)
                rows = []
            again = True
    summary.unread = [error for key, error in unread.items() if key in waiting]
    summary.lost = len(waiting) - len(summary.unread)
    summary.tick()
    on_progress(summary)
    return summary


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
