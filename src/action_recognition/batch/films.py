"""Which videos and pieces of videos are still to be looked at, and the answers so far.

A worker that meets a long video gives back its pieces, which go to all workers in the next round.
What was lost with a worker has its turn in the next round, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from action_recognition.batch.sources import SourceFile

Row = dict[str, Any]
_TRIES = 2  # of a video that a worker cannot reach


@dataclass
class _Film:
    pieces: dict[int, Row] = field(default_factory=dict)  # to be looked at, by their numbers
    answers: dict[int, Row] = field(default_factory=dict)


class Films:
    """The videos that have no rows yet.

    Parameters:
        files: by their keys; those that are done are taken out by the caller.
    """

    def __init__(self, files: Mapping[str, SourceFile]) -> None:
        self._files = files
        self._found: dict[str, _Film] = {}
        self._unread = Counter[str]()

    def to_do(self) -> Iterator[Row]:
        """A row for each video, or for each piece of one that was split.

        What could not be reached twice is left out.
        """
        for key, file in self._files.items():
            if self._unread[key] >= _TRIES:
                continue
            film = self._found.get(key)
            if film is None or not film.pieces:
                yield {"key": key, **file.row, **UNKNOWN}
            else:
                yield from (row for n, row in film.pieces.items() if n not in film.answers)

    def take(self, row: Row) -> list[Row] | None:
        """Takes what a worker gives back.

        Returns:
            all pieces of a video in their order, if this was the last one that was missing; if it
            could not be reached, this piece alone: all of them will be looked at anew.
        """
        film = self._found.setdefault(row["key"], _Film())
        if not row["answered"]:
            film.pieces[row["number"]] = row
            return None
        if row["unread"]:
            self._unread[row["key"]] += 1
            del self._found[row["key"]]
            return [row]
        film.answers[row["number"]] = row
        if len(film.answers) < row["of"]:
            return None
        del self._found[row["key"]]
        return [film.answers[number] for number in sorted(film.answers)]


# Each row has every column, so that blocks of rows have one form.
UNKNOWN: Row = {
    **{"number": 0, "of": 0, "begin": 0, "end": -1, "unused": 0},
    **{"start_s": 0.0, "duration_s": 0.0, "error": "", "unread": False, "answered": False},
    **{"times_s": [], "known": [], "probabilities": []},
}
