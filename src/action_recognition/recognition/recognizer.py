"""Recognizer: a video in, a ranked answer out. The only inference path of the project."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.clips import VideoClips, grid_frames, read_clips
from action_recognition.clips.grid_sampler import GridSampler
from action_recognition.errors import ModelFileError, UsageError, VideoError
from action_recognition.models.model_file import Model, find_model, load_model
from action_recognition.models.saliency import heat_maps
from action_recognition.models.stored_network import open_runtime
from action_recognition.prefetch import ahead, in_groups
from action_recognition.recognition.calibrated import of_moment, of_video
from action_recognition.recognition.motion import nothing_moves
from action_recognition.recognition.pieces import WHOLE, Piece
from action_recognition.recognition.results import Prediction, Timings, rank
from action_recognition.recognition.segmentation import Moment, Segment, find_segments
from action_recognition.recognition.streaming import Stream
from action_recognition.recognition.windows import Windows
from action_recognition.video import Video, VideoInfo
from action_recognition.video.frames import Frames
from action_recognition.video.limits import DEFAULT_LIMITS, Limits
from action_recognition.video.source import Source
from action_recognition.video.transforms import SquareConverter

_FRAMES_AHEAD = 32  # frames that are decoded ahead of the network: some 3 MB
_FRAMES_AT_ONCE = 20  # frames of a timeline that go through the network in one call


@dataclass(frozen=True)
class _Read:
    """The frames of a video that the network will see, and the seconds that reading them took."""

    file: str
    info: VideoInfo
    seen: VideoClips
    open_s: float
    decode_s: float


class Recognizer:
    """Recognises actions in videos with one model. Safe to share between threads.

    Parameters:
        model: a model, as returned by `load_model`.
        device: "cpu", "cuda" or "auto" (a GPU if there is one).
        limits: what one video may cost.
        untrusted: decode each video in a confined process of its own; on Linux only.

    Example:
        >>> recognizer = Recognizer.load()                 # doctest: +SKIP
        >>> recognizer.predict("kitchen.mp4").ranked[:2]   # doctest: +SKIP
        (('Cutting in Kitchen', 0.98), ('Brushing Teeth', 0.01))
    """

    def __init__(
        self,
        model: Model,
        *,
        device: str = "auto",
        limits: Limits = DEFAULT_LIMITS,
        untrusted: bool = False,
    ) -> None:
        self.model = model
        self.runtime = open_runtime(model.network, device=device)
        self.limits, self.untrusted = limits, untrusted

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        device: str = "auto",
        limits: Limits = DEFAULT_LIMITS,
        untrusted: bool = False,
    ) -> Recognizer:
        """Loads a model file; see the class for the other parameters.

        Parameters:
            path: the file; None or "shipped" loads the model of the ten actions that comes with
                the package, "kinetics600" the model of 600 everyday actions.

        Raises:
            ModelFileError: the file is missing, damaged or not a model file.
        """
        path = find_model(path)
        model = load_model(path)
        try:
            return cls(model, device=device, limits=limits, untrusted=untrusted)
        except ModelFileError as error:  # of its graph, which is met when it is to run
            raise ModelFileError(f"{path.name}: {error}") from None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the actions that the model knows."""
        return self.model.classes

    @property
    def window(self) -> int:
        """The number of frames that one answer of the network covers."""
        return self.runtime.window

    def within(self, limits: Limits) -> Recognizer:
        """The same model with other limits for a video."""
        other = copy.copy(self)
        other.limits = limits
        return other

    def open(self, source: Source | Frames, name: str | None = None) -> Frames:
        """Opens a video as this recognizer does; one that is open is given back.

        Raises:
            VideoError: the video cannot be read; the message names the file and the reason.
        """
        if isinstance(source, Frames):
            return source
        if not self.untrusted:
            return Video(source, name=name, limits=self.limits)
        from action_recognition.video.isolated import IsolatedVideo

        return IsolatedVideo(source, name=name, limits=self.limits)

    def predict(
        self,
        source: Source,
        *,
        name: str | None = None,
        part: tuple[float, float] | None = None,
        keep_frames: bool = False,
        on_stage: Callable[[str], None] | None = None,
    ) -> Prediction:
        """Recognises the action in one video.

        In a video of up to 12 s (at 5 frames a second), the network sees every frame of the grid;
        in a longer one, it sees five stretches spread over the whole length.

        Parameters:
            source: path, or binary file object.
            name: the name used in results and errors; None: the file name.
            part: look only between these times, in seconds as a player counts.
            keep_frames: keep the frames that the network saw, as `Prediction.clips`.
            on_stage: called with "open", "decode" and "network" as each stage begins.

        Raises:
            VideoError: the video cannot be read; the message names the file and the reason.
        """
        begin = on_stage or (lambda _: None)
        read = self._read(source, name, begin, part)
        begin("network")
        return self._answer(read, keep_frames=keep_frames)

    def predict_many(
        self, sources: Iterable[Source]
    ) -> Iterator[tuple[Source, Prediction | VideoError]]:
        """Yields each source with its prediction, in order; a thread decodes ahead meanwhile.

        A source that cannot be read comes with its error instead of a prediction. The answers are
        the same as from `predict`; memory holds the frames of at most a few videos.
        """

        def read() -> Iterator[tuple[Source, _Read | VideoError]]:
            for source in sources:
                try:
                    yield source, self._read(source, None)
                except VideoError as error:
                    yield source, error

        with closing(ahead(read(), limit=2)) as found:
            for source, seen in found:
                yield source, seen if isinstance(seen, VideoError) else self._answer(seen)

    def _read(
        self,
        source: Source,
        name: str | None,
        begin: Callable[[str], None] = lambda _: None,
        part: tuple[float, float] | None = None,
    ) -> _Read:
        begin("open")
        started = time.perf_counter()
        with self.open(source, name) as video:
            opened = time.perf_counter()
            begin("decode")
            seen = read_clips(video, self.model.preprocessing, window=self.window, part=part)
            decoded = time.perf_counter()
            return _Read(video.name, video.info, seen, opened - started, decoded - opened)

    def _answer(self, read: _Read, *, keep_frames: bool = False) -> Prediction:
        started = time.perf_counter()
        answer = self.runtime.answer(read.seen.frames)
        still = nothing_moves(read.seen.frames)
        probabilities, known_probability = of_video(
            self.model, answer.logits, answer.likeness, still
        )
        finished = time.perf_counter()
        return Prediction(
            file=read.file,
            ranked=rank(self.classes, probabilities),
            known_probability=float(known_probability),
            clips_s=tuple((float(t[0]), float(t[-1])) for t in read.seen.times_s),
            video=read.info,
            timings=Timings(read.open_s, read.decode_s, finished - started),
            clips=read.seen if keep_frames else None,
        )

    def timeline(
        self,
        source: Source,
        *,
        name: str | None = None,
        step_s: float = 1.0,
        dwell_s: float = 2.0,
        on_progress: Callable[[float, float], None] | None = None,
        on_open: Callable[[VideoInfo], None] | None = None,
    ) -> Iterator[Segment]:
        """Finds which actions a whole video of any length shows, and when.

        Each segment is yielded as soon as it has ended, while the video is still being read:
        decoding runs in its own thread, the network processes each frame once, and memory use
        does not grow with the length of the video.

        Parameters:
            source: path, or binary file object.
            name: the name used in errors; None: the file name.
            step_s: seconds between answers, rounded to the model's frame interval.
            dwell_s: how long an action lasts on average, in seconds; larger values smooth more,
                and 0 disables smoothing (see `segmentation.find_segments`).
            on_progress: called with (seconds processed, seconds in total).
            on_open: called with the facts about the video, once they are known.

        Raises:
            UsageError: `step_s` or `dwell_s` is out of range.
            VideoError: the video cannot be read; segments that ended before the damage have been
                yielded by then.
        """
        windows = self.windows(step_s)
        with self.open(source, name) as video:
            if on_open is not None:
                on_open(video.info)
            yield from find_segments(
                self._moments(video, windows, on_progress),
                self.classes,
                step_s=windows.step * self.model.preprocessing.interval_s,
                dwell_s=dwell_s,
                start_s=video.info.start_s,
                end_s=video.info.start_s + video.info.duration_s,
            )

    def moments(
        self,
        source: Source | Frames,
        *,
        name: str | None = None,
        step_s: float = 1.0,
        piece: Piece = WHOLE,
        on_progress: Callable[[float, float], None] | None = None,
    ) -> Iterator[Moment]:
        """Yields the answer of the network for each moment, before smoothing; see `timeline`.

        Parameters:
            source: path, binary file object, or a video that is open; it is closed.
            piece: the part of a long video to answer for, see `pieces.split`.
        """
        with self.open(source, name) as video:
            yield from self._moments(video, self.windows(step_s), on_progress, piece)

    def windows(self, step_s: float) -> Windows:
        """Takes consecutive frames and gives an answer every `step_s` seconds.

        Raises:
            UsageError: `step_s` is not greater than 0.
        """
        return Windows(self.runtime, self._moment, self.model.preprocessing, step_s=step_s)

    def stream(
        self,
        *,
        step_s: float = 1.0,
        wait: bool = False,
        gap_s: float = 5.0,
        convert: SquareConverter | None = None,
    ) -> Stream:
        """Recognises live video: feed the returned object frames and their times as they arrive.

        Parameters:
            step_s: seconds between answers, rounded to the model's frame interval.
            wait: True, for recordings: `feed` returns once every answer that is due has been
                found. False: it returns at once, and answers come with a later frame; frames
                are skipped where the machine is too slow (see `Stream`).
            gap_s: the stream starts afresh after a pause longer than this, in seconds.
            convert: makes a square picture from a frame; None: frames are upright and have
                square pixels.

        Example:
            >>> with recognizer.stream() as stream:                      # doctest: +SKIP
            ...     for frame, time_s in camera:
            ...         for answer in stream.feed(frame, time_s):
            ...             print(answer.time_s, answer.action)

        Raises:
            UsageError: `step_s` or `gap_s` is out of range.
        """
        sampler = GridSampler(self.model.preprocessing, gap_s=gap_s, convert=convert)
        return Stream(lambda: self.windows(step_s), self.classes, sampler, wait=wait)

    def _moments(
        self,
        video: Frames,
        windows: Windows,
        on_progress: Callable[[float, float], None] | None,
        piece: Piece = WHOLE,
    ) -> Iterator[Moment]:
        grid = self.model.preprocessing
        end_s, interval_s = video.info.duration_s, grid.interval_s
        read, unused = piece.begin, piece.unused

        def later(moments: Iterable[Moment]) -> Iterator[Moment]:
            nonlocal unused
            for moment in moments:
                if unused:
                    unused -= 1
                    continue
                # From the clock of the piece's first frame to the player's.
                time_s = moment.time_s + piece.begin * interval_s + video.info.start_s
                yield replace(moment, time_s=time_s)

        # Closed before the video is: the thread that decodes must have ended by then.
        seen = grid_frames(video, grid, begin=piece.begin, end=piece.end)
        with closing(ahead(seen, limit=_FRAMES_AHEAD)) as frames:
            for group in in_groups(frames, _FRAMES_AT_ONCE):
                yield from later(windows.feed(np.stack(group)))
                read += len(group)
                if on_progress is not None:
                    on_progress(min(end_s, read * interval_s), end_s)
        yield from later(windows.end())

    def _moment(
        self,
        time_s: float,
        logits: NDArray[np.float32],
        likeness: NDArray[np.float32],
        still: bool,
    ) -> Moment:
        return Moment(time_s, *of_moment(self.model, logits, likeness, still))

    def explain(
        self, prediction: Prediction, *, clip: int = 0, action: str | None = None
    ) -> NDArray[np.float32]:
        """Shows where the network saw an action in one clip of a video.

        Parameters:
            prediction: made by this recognizer with `predict(keep_frames=True)`.
            clip: index of the clip.
            action: one of `classes`; None: the nearest action.

        Returns:
            (T, H, W) float32 in 0..1, one heat map per frame (see `saliency.heat_maps`).

        Raises:
            UsageError: the prediction has no frames, or there is no such clip or action.
        """
        if prediction.clips is None:
            raise UsageError("explain: the prediction has no frames; use predict(keep_frames=True)")
        if not 0 <= clip < len(prediction.clips.frames):
            raise UsageError(f"explain: clip={clip}, but there are {len(prediction.clips.frames)}")
        action = prediction.nearest_action if action is None else action
        if action not in self.classes:
            raise UsageError(f"explain: {action!r} is no action of this model")
        frames, target = prediction.clips.frames[clip], self.classes.index(action)
        return heat_maps(self.runtime, frames, target, answers=len(self.classes))

    def describe(self) -> Mapping[str, Any]:
        """Facts about the model: classes, preprocessing, metrics, training record."""
        return {
            "classes": list(self.classes),
            "preprocessing": self.model.preprocessing.to_dict(),
            "window_frames": self.window,
            "temperature": self.model.temperature,
            "says_none_of_these": self.model.open_set is not None,
            "metrics": self.model.metrics,
            "training": self.model.training,
        }
