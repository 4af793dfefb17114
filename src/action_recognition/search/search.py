"""Search: the segments of each video, from the index where it has them, else from the network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.datasets.kept_probes import key_of
from action_recognition.errors import ModelFileError, UsageError, VideoError
from action_recognition.models.model_file import find_model, load_model
from action_recognition.models.sealed_file import stated_digest
from action_recognition.recognition.segmentation import Segment
from action_recognition.search.actions import is_wanted
from action_recognition.search.archives import VideoArchive
from action_recognition.search.index import Index
from action_recognition.search.places import Place
from action_recognition.video import VideoInfo
from action_recognition.video.limits import DEFAULT_LIMITS, Limits
from action_recognition.video.source import Source

if TYPE_CHECKING:  # it brings ONNX Runtime, which answers from the index need not wait for
    from action_recognition.recognition.recognizer import Recognizer

# Raised when the same model and settings begin to give other segments: what is kept is then void.
_RULES = 1
# Reasons that may be gone at the next try; such errors are not kept.
_PASSING = ("memory", "(limit ", "cannot be read (", "be started", "stopped", "no room", "extra")


@dataclass(frozen=True)
class Found:
    """What is known of a video.

    Parameters:
        segments: from its beginning on, also those that show none of the known actions.
        reason: why it cannot be read, or not further; empty: all of it was.
        start_s, duration_s, width, height: see `VideoInfo`; 0 where it could not be opened.
    """

    segments: tuple[Segment, ...]
    reason: str = ""
    start_s: float = 0.0
    duration_s: float = 0.0
    width: int = 0
    height: int = 0


class Search:
    """Searches videos with one model; the network is loaded when the index has no answer.

    Parameters:
        model: as for `Recognizer.load`.
        step_s, dwell_s: as for `Recognizer.timeline`.
        device, limits, untrusted: as for `Recognizer`.
        index: keeps what is found; None: nothing is kept.
        recognizer: of that model, where it is loaded already.

    Raises:
        UsageError: `step_s` or `dwell_s` is out of range.
        ModelFileError: there is no such model file.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        step_s: float = 1.0,
        dwell_s: float = 2.0,
        device: str = "auto",
        limits: Limits = DEFAULT_LIMITS,
        untrusted: bool = False,
        index: Index | None = None,
        recognizer: Recognizer | None = None,
    ) -> None:
        if not 0 < step_s < float("inf"):
            raise UsageError(f"step_s={step_s:g}, must be more than 0 seconds")
        if not 0 <= dwell_s < float("inf"):
            raise UsageError(f"dwell_s={dwell_s:g}, must be at least 0 seconds")
        self.model, self.index = find_model(model), index
        self.step_s, self.dwell_s = step_s, dwell_s
        self.device, self.limits, self.untrusted = device, limits, untrusted
        try:
            self.digest = stated_digest(self.model)
        except ModelFileError as error:
            raise ModelFileError(f"{self.model.name}: {error}") from None
        self._recognizer = recognizer
        self._archive: VideoArchive | None = None
        facts = (_RULES, self.digest, step_s, dwell_s)
        self._asked = hashlib.sha256(repr(facts).encode()).hexdigest()

    def __enter__(self) -> Search:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_archive()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the actions that the model knows.

        Raises:
            ModelFileError: the file is damaged or not a model file.
        """
        kept = None if self.index is None else self.index.classes(self.digest)
        if kept is not None:
            return kept
        classes = load_model(self.model).classes
        if self.index is not None:
            self.index.keep_classes(self.digest, classes)
        return classes

    def moments(
        self, places: Iterable[Place], *, actions: Sequence[str] = (), min_probability: float = 0.0
    ) -> Iterator[tuple[Place, Segment | VideoError]]:
        """Yields the segments that show one of some actions, each as soon as it is known.

        Parameters:
            places: the videos, see `find_places`; one that cannot be read comes with its error.
            actions: names that the model knows; empty: all of them.
            min_probability: of the action, 0..1.
        """
        for place in places:
            try:
                for segment in self.segments(place):
                    if is_wanted(segment, actions, min_probability):
                        yield place, segment
            except VideoError as error:
                yield place, error

    def known(self, place: Place) -> Found | None:
        """What the index has of a video as it is now; None: it is to be looked at."""
        state = _state(place)
        if self.index is None or state is None:
            return None
        return _from_json(self.index.get(place.key, self._asked, state))

    def segments(
        self, place: Place, on_progress: Callable[[float, float], None] | None = None
    ) -> Iterator[Segment]:
        """Yields the segments of a video, each as soon as it is known; all of it is then kept.

        Parameters:
            on_progress: called with (seconds processed, seconds in total).

        Raises:
            VideoError: the video cannot be read, or not further.
        """
        found = self.known(place)
        if found is None:
            yield from self._compute(place, on_progress)
            return
        yield from found.segments
        if found.reason:
            raise VideoError(place.name, found.reason)

    @contextmanager
    def opened(self, place: Place) -> Iterator[Source]:
        """The file of a video, or what an archive holds of it.

        Raises:
            VideoError: the archive cannot be read.
        """
        if place.member is None:
            yield place.path
            return
        if self._archive is None or self._archive.path != place.path:
            self._close_archive()
            self._archive = VideoArchive(place.path)
        # Of the archive that is open now: the one that gave the list may be closed.
        members = {m.name: m for m in self._archive.members}
        member = members.get(place.member.name)
        if member is None:
            raise VideoError(place.name, "it is no longer in the archive")
        with self._archive.read(member) as content:
            yield content

    def recognizer(self) -> Recognizer:
        """The model, loaded at the first call.

        Raises:
            ModelFileError: the file is damaged or not a model file.
        """
        if self._recognizer is None:
            from action_recognition.recognition.recognizer import Recognizer

            self._recognizer = Recognizer.load(
                self.model, device=self.device, limits=self.limits, untrusted=self.untrusted
            )
        return self._recognizer

    def _compute(
        self, place: Place, on_progress: Callable[[float, float], None] | None
    ) -> Iterator[Segment]:
        recognizer, state = self.recognizer(), _state(place)
        segments: list[Segment] = []
        opened: list[VideoInfo] = []
        try:
            with self.opened(place) as source:
                for segment in recognizer.timeline(
                    source,
                    name=place.name,
                    step_s=self.step_s,
                    dwell_s=self.dwell_s,
                    on_progress=on_progress,
                    on_open=opened.append,
                ):
                    segments.append(segment)
                    yield segment
        except VideoError as error:
            if not any(words in error.reason for words in _PASSING):
                self._keep(place, state, segments, opened, error.reason)
            raise
        self._keep(place, state, segments, opened, "")

    def _keep(
        self,
        place: Place,
        state: str | None,
        segments: Sequence[Segment],
        opened: Sequence[VideoInfo],
        reason: str,
    ) -> None:
        if self.index is None or state is None:
            return
        names = ("start_s", "duration_s", "width", "height")
        facts = {name: getattr(info, name) for info in opened for name in names}
        found = asdict(Found(tuple(segments), reason, **facts))
        self.index.put(place.key, self._asked, state, found)

    def _close_archive(self) -> None:
        if self._archive is not None:
            self._archive.close()
            self._archive = None


def _state(place: Place) -> str | None:
    return key_of(place.path) if place.member is None else place.member.state


def _from_json(kept: Any) -> Found | None:
    try:
        return Found(**{**kept, "segments": tuple(Segment(**s) for s in kept["segments"])})
    except (TypeError, KeyError):
        return None
