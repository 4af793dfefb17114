"""Recognizer: a video in, a ranked answer out. The one inference path of the project."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.calibration import video_probabilities
from action_recognition.clips import VideoClips, read_clips
from action_recognition.device import pick_device
from action_recognition.errors import UsageError, VideoError
from action_recognition.explanation import heat_maps
from action_recognition.inference import Inference, Kept, TorchParts
from action_recognition.modelfile import Model, find_model, load_model
from action_recognition.picture import SquareConverter
from action_recognition.prediction import Prediction, Timings
from action_recognition.segmentation import Moment, Segment, find_segments
from action_recognition.source import Source
from action_recognition.stream import Stream
from action_recognition.timeline import Window, ahead, in_groups, whole_steps, windows
from action_recognition.video import Video, VideoInfo

_TIMELINE_BATCH = 4  # clips that go through the network at once
CHOSEN_RULE = "the model's rule"  # the name in `Prediction.rules` of what decides


@dataclass(frozen=True)
class _Read:
    """What the network is to see of a video, and the seconds that it took to read."""

    file: str
    info: VideoInfo
    seen: VideoClips
    open_s: float
    decode_s: float


class Recognizer:
    """Recognises actions in videos with one model. Safe to share between threads.

    Parameters:
        model: a model as `load_model` gives it.
        device: "cpu", "cuda" or "auto" (a GPU where there is one).

    Example:
        >>> recognizer = Recognizer.load()                 # doctest: +SKIP
        >>> recognizer.predict("kitchen.mp4").ranked[:2]   # doctest: +SKIP
        (('Cutting in Kitchen', 0.98), ('Brushing Teeth', 0.01))
    """

    def __init__(self, model: Model, *, device: str = "auto") -> None:
        self.model = model
        self.device = pick_device(device)
        self._network = model.network.to(self.device).eval()
        self._inference = Inference(
            TorchParts(self._network),
            model.preprocessing,
            streams=model.network.architecture.streams,
        )

    @classmethod
    def load(cls, path: str | Path | None = None, *, device: str = "auto") -> Recognizer:
        """Loads a model file.

        Parameters:
            path: of the file; None or "shipped" stands for the accurate model that comes with the
                package, "fast" for the quick one.

        Raises:
            ModelFileError: the file is missing, damaged or foreign.
        """
        return cls(load_model(find_model(path)), device=device)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the actions that the model knows."""
        return self.model.classes

    def predict(
        self,
        source: Source,
        *,
        name: str | None = None,
        clips: int | None = None,
        keep_frames: bool = False,
        on_stage: Callable[[str], None] | None = None,
    ) -> Prediction:
        """Recognises the action of one video: the average over clips spread over its length.

        Parameters:
            source: path, or binary file object.
            name: the name for results and errors; by default the file's own.
            clips: how many clips at most; None: as the model file says.
            keep_frames: keep what the network saw in `Prediction.clips`.
            on_stage: called with "open", "decode" and "network" as each of them begins.

        Raises:
            VideoError: the video cannot be read; the message names the file and the reason.
        """
        begin = on_stage or (lambda _: None)
        read = self._read(source, name, clips, begin)
        begin("network")
        return self._answer(read, keep_frames=keep_frames)

    def predict_many(
        self, sources: Iterable[Source], *, clips: int | None = None
    ) -> Iterator[tuple[Source, Prediction | VideoError]]:
        """Each source with its prediction, in turn, while the next ones are decoded in a thread.

        One that cannot be read has its error in the place of the prediction. Answers and
        parameters are those of `predict`; at most a few videos' clips are in memory.
        """

        def read() -> Iterator[tuple[Source, _Read | VideoError]]:
            for source in sources:
                try:
                    yield source, self._read(source, None, clips)
                except VideoError as error:
                    yield source, error

        with closing(ahead(read(), limit=2)) as found:
            for source, seen in found:
                yield source, seen if isinstance(seen, VideoError) else self._answer(seen)

    def _read(
        self,
        source: Source,
        name: str | None,
        clips: int | None,
        begin: Callable[[str], None] = lambda _: None,
    ) -> _Read:
        begin("open")
        started = time.perf_counter()
        with Video(source, name=name) as video:
            opened = time.perf_counter()
            begin("decode")
            seen = read_clips(
                video,
                self.model.preprocessing,
                count=self.model.clips if clips is None else clips,
            )
            decoded = time.perf_counter()
            return _Read(video.name, video.info, seen, opened - started, decoded - opened)

    def _answer(self, read: _Read, *, keep_frames: bool = False) -> Prediction:
        started = time.perf_counter()
        logits, each = self._inference.clips(read.seen.frames)
        features = each.mean(0)
        known = len(self.classes)
        probabilities = video_probabilities(logits[:, :known], self.model.temperature)
        rules = {"largest probability": float(probabilities.max())}
        familiarity, is_known = None, None
        if self.model.novelty is not None:
            opinions = self.model.novelty.opinions(logits, features)
            familiarity = self.model.novelty.score(opinions)
            is_known = familiarity >= self.model.novelty.threshold
            rules |= {**opinions, CHOSEN_RULE: familiarity}
        finished = time.perf_counter()
        order = np.argsort(-probabilities, kind="stable")
        return Prediction(
            file=read.file,
            ranked=tuple((self.classes[k], float(probabilities[k])) for k in order),
            clips_s=tuple((float(t[0]), float(t[-1])) for t in read.seen.times_s),
            video=read.info,
            timings=Timings(read.open_s, read.decode_s, finished - started),
            clips=read.seen if keep_frames else None,
            familiarity=familiarity,
            is_known=is_known,
            rules=rules,
        )

    def timeline(
        self,
        source: Source,
        *,
        name: str | None = None,
        step_s: float = 1.0,
        dwell_s: float = 2.0,
        on_progress: Callable[[float, float], None] | None = None,
    ) -> Iterator[Segment]:
        """What is seen when, over a whole video of any length.

        Segments come as soon as they have ended, while the video is still read: decoding goes on
        in a thread of its own, and memory does not grow with the length.

        Parameters:
            source: path, or binary file object.
            name: the name for results and errors; by default the file's own.
            step_s: seconds between answers, rounded to the model's frame interval.
            dwell_s: how long an action lasts on average, in seconds: the more, the smoother; 0:
                not at all (see `segmentation.find_segments`).
            on_progress: called with (seconds seen, seconds in all).

        Raises:
            UsageError: `step_s` or `dwell_s` makes no sense.
            VideoError: the video cannot be read; what came before the damage has been given.
        """
        interval_s = self.model.preprocessing.interval_s
        step_s = whole_steps(self.model.preprocessing, step_s) * interval_s
        with Video(source, name=name) as video:
            yield from find_segments(
                self._moments(video, step_s, on_progress),
                self.classes,
                step_s=step_s,
                dwell_s=dwell_s,
                end_s=video.info.duration_s,
            )

    def moments(
        self,
        source: Source,
        *,
        name: str | None = None,
        step_s: float = 1.0,
        on_progress: Callable[[float, float], None] | None = None,
    ) -> Iterator[Moment]:
        """What the network says of each moment, before it is smoothed: see `timeline`."""
        with Video(source, name=name) as video:
            yield from self._moments(video, step_s, on_progress)

    def stream(
        self,
        *,
        step_s: float = 1.0,
        wait: bool = False,
        gap_s: float = 5.0,
        convert: SquareConverter | None = None,
    ) -> Stream:
        """Live video: an object that is fed with pictures and their times as they come.

        Parameters:
            step_s: seconds between answers, rounded to the model's frame interval.
            wait: True: `feed` returns when every answer that is due is found, for recordings;
                False: it returns at once, and answers come with a later picture. Where the
                machine is too slow for the step, answers are passed over (see `Stream`).
            gap_s: after a pause longer than this it begins anew.
            convert: what makes a clip's square picture of a frame; None: pictures are upright and
                have square pixels.

        Example:
            >>> with recognizer.stream() as stream:                      # doctest: +SKIP
            ...     for frame, time_s in camera:
            ...         for answer in stream.feed(frame, time_s):
            ...             print(answer.time_s, answer.action)

        Raises:
            UsageError: `step_s` or `gap_s` makes no sense.
        """
        return Stream(self, step_s=step_s, wait=wait, gap_s=gap_s, convert=convert)

    def look_at(self, windows: Sequence[Window], kept: Kept | None = None) -> list[Moment]:
        """What the network says of each of some clips, not smoothed.

        Parameters:
            windows: at least one, of one video, in rising order.
            kept: of the same video, so that clips that overlap share work; None: they share none
                with earlier calls.
        """
        novelty, known = self.model.novelty, len(self.classes)
        logits, features = self._inference.windows(windows, Kept() if kept is None else kept)
        moments = []
        for k, window in enumerate(windows):
            rows = logits[k : k + 1]
            sure = 1.0
            if novelty is not None:
                score = novelty.score(novelty.opinions(rows, features[k]))
                sure = novelty.known_probability(score)
            shares = video_probabilities(rows[:, :known], self.model.temperature)
            moments.append(Moment(window.middle_s, shares, sure))
        return moments

    def _moments(
        self,
        video: Video,
        step_s: float,
        on_progress: Callable[[float, float], None] | None,
    ) -> Iterator[Moment]:
        end_s, kept = video.info.duration_s, Kept()
        # Closed before the video is: the thread that decodes must have ended by then.
        with closing(ahead(windows(video, self.model.preprocessing, step_s=step_s))) as seen:
            for group in in_groups(seen, _TIMELINE_BATCH):
                yield from self.look_at(group, kept)
                if on_progress is not None:
                    on_progress(min(end_s, group[-1].middle_s), end_s)

    def explain(
        self, prediction: Prediction, *, clip: int = 0, action: str | None = None
    ) -> NDArray[np.float32]:
        """Where the network saw an action in one of the clips of a video.

        Parameters:
            prediction: of this recognizer, asked for with `predict(keep_frames=True)`.
            clip: which of its clips.
            action: one of `classes`; None: the answer.

        Returns:
            (T, H, W) float32 in 0..1, a map for each frame (see `explanation.heat_maps`).

        Raises:
            UsageError: the prediction has no frames, or there is no such clip or action.
        """
        if prediction.clips is None:
            raise UsageError("explain: the prediction has no frames; use predict(keep_frames=True)")
        if not 0 <= clip < len(prediction.clips.frames):
            raise UsageError(f"explain: clip={clip}, but there are {len(prediction.clips.frames)}")
        action = prediction.action if action is None else action
        if action not in self.classes:
            raise UsageError(f"explain: {action!r} is no action of this model")
        frames = prediction.clips.frames[clip : clip + 1]
        target = self.classes.index(action)
        settings, count = self.model.preprocessing, len(self.classes)
        return heat_maps(self._network, frames, settings, target, answers=count)[0]

    def describe(self) -> Mapping[str, Any]:
        """Facts about the model: classes, preprocessing, metrics, training record."""
        return {
            "classes": list(self.classes),
            "preprocessing": self.model.preprocessing.to_dict(),
            "clips": self.model.clips,
            "temperature": self.model.temperature,
            "says_none_of_these": self.model.novelty is not None,
            "metrics": self.model.metrics,
            "training": self.model.training,
        }
