"""What runs on the workers: the length of each video, then the answers for each piece of it.

Tasks of some rows travel between the steps as plain values. A row that holds an error is passed on
as it is.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from action_recognition.batch.clock import Clock
from action_recognition.batch.settings import Settings
from action_recognition.batch.stores import BlockFile, open_store
from action_recognition.clips.sampling import grid_count
from action_recognition.errors import ModelFileError, VideoError
from action_recognition.models.model_file import find_model
from action_recognition.models.sealed_file import stated_digest
from action_recognition.recognition.pieces import Piece, split
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import Video
from action_recognition.video.frames import Frames
from action_recognition.video.isolated import IsolatedVideo
from action_recognition.video.part import FilePart, FileRange
from action_recognition.video.source import Source

Row = dict[str, Any]
Task = dict[str, list[Row]]  # "rows": what is looked at in one call of a worker
_TASK_S = 60.0  # of video in a task, or one piece


def pieces(task: Task, settings: Settings) -> Iterator[Task]:
    """Yields the pieces of all videos of a task, those of short videos together.

    Parameters:
        task: rows with the `key` of a video, and `SourceFile.row`.
    """
    together: list[Row] = []
    length_s = 0.0
    for row in task["rows"]:
        for piece in _pieces(row, settings):
            piece_s = min(piece["duration_s"], settings.piece_s)
            if together and length_s + piece_s > _TASK_S:
                yield {"rows": together}
                together, length_s = [], 0.0
            together.append(piece)
            length_s += piece_s
    if together:
        yield {"rows": together}


def _pieces(row: Row, settings: Settings) -> Iterator[Row]:
    try:
        with _opened(row, settings) as video:
            info = video.info
    except VideoError as error:
        yield {**row, **_answer(error.reason), "unread": isinstance(error, UnreachableError)}
        return
    found = split(
        grid_count(info.duration_s, settings.interval_s),
        window=settings.window,
        interval_s=settings.interval_s,
        step_s=settings.step_s,
        length_s=settings.piece_s,
    )
    facts = {"of": len(found), "start_s": info.start_s, "duration_s": info.duration_s}
    for number, piece in enumerate(found):
        end = -1 if piece.end is None else piece.end
        whole = {"begin": piece.begin, "end": end, "unused": piece.unused}
        yield {**row, **_answer(""), **facts, "number": number, **whole}


class UnreachableError(VideoError):
    """A video that cannot be read here and now: another time, or on another machine, it can be."""

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return (UnreachableError, (self.name, self.reason))


class Worker:
    """Loads the model once, and looks at one video or piece after the other.

    Parameters:
        decode_apart: decode in Ray tasks instead of a thread of the worker.

    Raises:
        ModelFileError: this machine has no such model, or another one under its name.
    """

    def __init__(self, settings: Settings, decode_apart: bool = False) -> None:
        path = find_model(settings.model)
        if stated_digest(path) != settings.digest:
            raise ModelFileError(f"{path.name}: the file differs between the machines")
        self._settings, self._decode_apart = settings, decode_apart
        self._recognizer = Recognizer.load(
            path, device=settings.device, limits=settings.limits, untrusted=settings.untrusted
        )
        self._clock = Clock(self._recognizer.runtime)

    def __call__(self, task: Task) -> Task:
        """The answers for the moments of each piece, as far as it can be read."""
        return {"rows": [self._clock.measure(self._answered, row) for row in task["rows"]]}

    def _answered(self, row: Row) -> Row:
        if row["error"]:
            return row
        piece = Piece(row["begin"], None if row["end"] < 0 else row["end"], row["unused"])
        moments, reason, unread = [], "", False
        try:
            with self._video(row) as video:
                for moment in self._recognizer.moments(
                    video, step_s=self._settings.step_s, piece=piece
                ):
                    moments.append(astuple(moment))
        except VideoError as error:
            reason, unread = error.reason, isinstance(error, UnreachableError)
        times, shares, known = zip(*moments, strict=True) if moments else ((), (), ())
        answers = {"times_s": list(times), "known": [float(k) for k in known]}
        flat = np.concatenate(shares).tolist() if shares else []
        return {**row, **answers, "probabilities": flat, "error": reason, "unread": unread}

    def _video(self, row: Row) -> AbstractContextManager[Frames]:
        if not self._decode_apart:
            return _opened(row, self._settings)
        from action_recognition.batch.decoding import RemoteVideo

        opened = partial(_opened, row, self._settings)
        return RemoteVideo(opened, _name(row), row["start_s"], row["duration_s"])


def _answer(reason: str) -> Row:
    """A row of every column, so that blocks of rows have one form."""
    return {
        **{"number": 0, "of": 1, "begin": 0, "end": -1, "unused": 0},
        **{"start_s": 0.0, "duration_s": 0.0, "error": reason, "unread": False},
        **{"times_s": [], "known": [], "probabilities": []},
    }


@lru_cache(maxsize=4)
def _held(root: str, path: str) -> Any:
    """A tar file of a store, which stays open for the next video in it."""
    return open_store(root).open_input_file(path)


def _name(row: Row) -> str:
    return str(row["name"])


@contextmanager
def _opened(row: Row, settings: Settings) -> Iterator[Frames]:
    kind = IsolatedVideo if settings.untrusted else Video
    with (
        _source(row) as source,
        kind(source, name=_name(row), limits=settings.limits) as video,
    ):
        yield video


@contextmanager
def _source(row: Row) -> Iterator[Source]:
    try:
        if row["root"] and row["offset"] >= 0:
            held = _held(row["root"], row["path"])
            part = FileRange(held, row["offset"], row["size"])
            yield io.BufferedReader(BlockFile(part))
            return
        with open_store(row["root"]).open_input_file(row["path"]) as file:  # it can be reached
            if row["root"]:
                yield io.BufferedReader(BlockFile(file))
            elif row["offset"] < 0:
                yield row["path"]
            else:
                place = FilePart(Path(row["path"]), row["offset"], row["size"], row["name"])
                with place.open() as content:
                    yield content
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        raise UnreachableError(_name(row), f"it cannot be read ({reason})") from None
