"""What runs on the workers: the answers for each video, or for a piece of a long one.

Tasks of some rows travel to the workers and back as plain values.
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
from action_recognition.batch.films import Row
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
from action_recognition.video.info import VideoInfo
from action_recognition.video.isolated import IsolatedVideo
from action_recognition.video.part import FilePart, FileRange
from action_recognition.video.source import Source

Task = dict[str, list[Row]]  # "rows": what is looked at in one call of a worker


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
        """What there is to say of each video or piece, see `_looked_at`."""
        return {
            "rows": [
                made for row in task["rows"] for made in self._clock.measure(self._looked_at, row)
            ]
        }

    def _looked_at(self, row: Row) -> list[Row]:
        """The answers for each moment, as far as it can be read; of a long video, its pieces."""
        moments, reason, unread = [], "", False
        try:
            with self._video(row) as video:
                if not row["of"]:
                    pieces = self._pieces(row, video.info)
                    if len(pieces) > 1:
                        return pieces
                    row = pieces[0]
                for moment in self._recognizer.moments(
                    video,
                    step_s=self._settings.step_s,
                    piece=Piece(
                        row["begin"], None if row["end"] < 0 else row["end"], row["unused"]
                    ),
                ):
                    moments.append(astuple(moment))
        except VideoError as error:
            reason, unread = error.reason, isinstance(error, UnreachableError)
        times, shares, known = zip(*moments, strict=True) if moments else ((), (), ())
        answers = {"times_s": list(times), "known": [float(k) for k in known]}
        flat = np.concatenate(shares).tolist() if shares else []
        end = {"error": reason, "unread": unread, "answered": True, "of": max(1, row["of"])}
        return [{**row, **answers, "probabilities": flat, **end}]

    def _pieces(self, row: Row, info: VideoInfo) -> list[Row]:
        settings = self._settings
        found = split(
            grid_count(info.duration_s, settings.interval_s),
            window=settings.window,
            interval_s=settings.interval_s,
            step_s=settings.step_s,
            length_s=settings.piece_s,
        )
        facts = {"of": len(found), "start_s": info.start_s, "duration_s": info.duration_s}
        return [
            {
                **{**row, **facts, "number": number, "begin": piece.begin, "unused": piece.unused},
                "end": -1 if piece.end is None else piece.end,
            }
            for number, piece in enumerate(found)
        ]

    def _video(self, row: Row) -> AbstractContextManager[Frames]:
        if not self._decode_apart:
            return _opened(row, self._settings)
        from action_recognition.batch.decoding import RemoteVideo

        return RemoteVideo(partial(_opened, row, self._settings), _name(row))


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
