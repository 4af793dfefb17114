"""What one visitor's session holds. Nothing of it is shared with other sessions or written to disk.

What a training of the visitor's needs is: see `teaching`.

Uploads are recognised by their content (SHA-256), so the same file is previewed and recognised
once, and two files of one name are never taken for each other.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from action_recognition.dashboard.batch import Batch, Found, find
from action_recognition.dashboard.held import HOLDINGS, visit_name
from action_recognition.dashboard.job_queue import (
    Job,
    JobQueue,
    Result,
    Tell,
    making_queue,
    shared_queue,
)
from action_recognition.dashboard.lru_cache import LruCache
from action_recognition.dashboard.strangers import for_one_answer, preview
from action_recognition.errors import VideoError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import Prediction
from action_recognition.recognition.segmentation import Moment, Segment
from action_recognition.video.preview import Preview

_KEY = "action_recognition_session"

# A prediction holds its frames, up to 7 MB. A preview can be as large as the upload itself.
_MAX_ANSWERS = 2
_MAX_SECOND = 32  # of the second model, without frames
_MAX_PREVIEWS = 1
_MAX_PARTS = 3  # of a transcoded minute: some megabytes
_MAX_HEAT_MAPS = 2  # up to 7 MB each
_MAX_FOUND = 1000  # of many videos, with thumbnails: some 5 kB each
_MAX_FILMS = 50  # of many videos, each with up to a megabyte of thumbnails
_MAX_MADE = 2  # files to take away, each at most as large as its part of the upload or so
_MAX_COURSES = 4  # an hour of moments takes a megabyte


@dataclass(frozen=True)
class Upload:
    """A file of the visitor's, in memory. `digest` is the SHA-256 of `data`."""

    name: str
    data: bytes = field(repr=False)
    digest: str

    @classmethod
    def of(cls, name: str, data: bytes) -> Upload:
        """Computes the digest."""
        return cls(name, data, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class OwnClip:
    """A clip of a class of the visitor's own: see `own_classes`.

    Parameters:
        label: the class.
        name: what the visitor calls the file.
        group: what it must not be separated from when clips are held back: a folder, or the video
            that it was cut from; empty: nothing.
        digest: SHA-256 of what it was made from, with the times of a moment.
        data: the clip as MP4.
    """

    label: str
    name: str
    group: str
    digest: str
    data: bytes = field(repr=False)


@dataclass
class Session:
    """Recent uploads, previews and answers of one visitor."""

    digests: LruCache[str] = field(default_factory=lambda: LruCache(1))
    previews: LruCache[Preview | VideoError] = field(
        default_factory=lambda: LruCache(_MAX_PREVIEWS)
    )
    parts: LruCache[Preview | VideoError] = field(default_factory=lambda: LruCache(_MAX_PARTS))
    answers: LruCache[Job[Prediction | VideoError]] = field(
        default_factory=lambda: LruCache(_MAX_ANSWERS)
    )
    second: LruCache[Job[Prediction | VideoError]] = field(
        default_factory=lambda: LruCache(_MAX_SECOND)
    )
    segmented: LruCache[list[Segment]] = field(default_factory=lambda: LruCache(_MAX_COURSES))
    courses: LruCache[list[Moment] | VideoError] = field(
        default_factory=lambda: LruCache(_MAX_COURSES)
    )
    found: LruCache[Job[Found]] = field(default_factory=lambda: LruCache(_MAX_FOUND))
    made: LruCache[Job[Any]] = field(default_factory=lambda: LruCache(_MAX_MADE))
    batch: Batch | None = None
    films: LruCache[Found] = field(default_factory=lambda: LruCache(_MAX_FILMS))
    played: tuple[Hashable, Upload] | None = None  # of many videos: which, and its content
    clips: list[OwnClip] = field(default_factory=list)  # of the visitor's own classes
    kept: Upload | None = None  # Streamlit forgets an upload when another page is opened
    heat: LruCache[Job[NDArray[np.float32]]] = field(
        default_factory=lambda: LruCache(_MAX_HEAT_MAPS)
    )

    @classmethod
    def current(cls) -> Session:
        """The session of the visitor for whom the page is being drawn."""
        if _KEY not in st.session_state:
            st.session_state[_KEY] = cls()
        session: Session = st.session_state[_KEY]
        HOLDINGS.seen(visit_name(), session)
        return session

    def held(self) -> list[bytes]:
        """The contents of the uploads that this visit holds."""
        waiting = [] if self.batch is None else [i.content for i in self.batch.waiting if i.content]
        others = [] if self.played is None else [self.played[1].data]
        others += [] if self.kept is None else [self.kept.data]
        return [*others, *waiting, *(clip.data for clip in self.clips)]

    def let_go(self) -> None:
        """Forgets the upload and its preview, and what is still to be done of many."""
        self.kept = self.played = None
        self.previews.clear()
        self.made.clear()
        self.clips.clear()
        if self.batch is not None:
            self.batch.stop()

    def receive(self, file: UploadedFile | None) -> Upload | None:
        """The upload behind Streamlit's widget, if there is one."""
        if file is None:
            return None
        data = file.getvalue()
        # Streamlit gives each upload an id; hashing 500 MB at each click would be felt.
        digest = self.digests.get_or(file.file_id, lambda: hashlib.sha256(data).hexdigest())
        return Upload(file.name, data, digest)

    def preview(self, upload: Upload) -> Preview | VideoError:
        """What the browser shows of an upload, or why it cannot be read."""

        def make() -> Preview | VideoError:
            try:
                return preview(upload.data, name=upload.name)
            except VideoError as error:
                return error

        return self.previews.get_or(upload.digest, make)

    def part(self, upload: Upload, start_s: float) -> Preview | VideoError:
        """What the browser shows of a long upload from a time on, or why it cannot."""

        def make() -> Preview | VideoError:
            try:
                return preview(upload.data, name=upload.name, start_s=start_s)
            except VideoError as error:
                return error

        return self.parts.get_or((upload.digest, start_s), make)

    def ask(
        self,
        upload: Upload,
        model: Hashable,
        recognizer: Recognizer,
        part: tuple[float, float] | None = None,
    ) -> Job[Prediction | VideoError]:
        """Asks for the prediction of an upload, or of a part of it, once.

        Parameters:
            model: identifies the model.
            part: see `Recognizer.predict`.
        """
        return _once(
            self.answers,
            (model, upload.digest) if part is None else (model, upload.digest, part),
            lambda tell: _predict(recognizer, upload, tell, keep_frames=True, part=part),
        )

    def asked(self, upload: Upload, model: Hashable) -> Job[Prediction | VideoError] | None:
        """The same, if it has been asked for already and has not failed."""
        job = self.answers.get((model, upload.digest))
        return None if job is None or job.failed else job

    def ask_second(
        self, upload: Upload, model: Hashable, recognizer: Recognizer
    ) -> Job[Prediction | VideoError]:
        """Asks another model about an upload, once; its frames are not kept."""
        return _once(
            self.second,
            (model, upload.digest),
            lambda tell: _predict(recognizer, upload, tell, keep_frames=False),
        )

    def find(
        self,
        content: bytes | Path,
        name: str,
        digest: str,
        model: Hashable,
        recognizer: Recognizer,
    ) -> Job[Found]:
        """Asks what is in one of many videos, once for each content (`digest`)."""
        return _once(
            self.found, (model, digest), lambda tell: find(recognizer, content, name, tell)
        )

    def heat_maps(
        self,
        upload: Upload,
        model: Hashable,
        recognizer: Recognizer,
        prediction: Prediction,
        *,
        clip: int,
        action: str,
    ) -> Job[NDArray[np.float32]]:
        """(T, H, W) in 0..1: where the network saw an action in one clip of an upload."""
        return _once(
            self.heat,
            (model, upload.digest, prediction.clips_s, clip, action),
            lambda _: recognizer.explain(prediction, clip=clip, action=action),
        )

    def make(self, key: Hashable, work: Callable[[], Result]) -> Job[Result]:
        """Asks for a file to take away, once; `key` says what it is made of."""
        return _once(self.made, key, lambda _: work(), making_queue())

    def moments(
        self, upload: Upload, model: Hashable, compute: Callable[[], list[Moment]]
    ) -> list[Moment] | VideoError:
        """The moments of an upload, or why there are none; `compute` makes them."""

        def caught() -> list[Moment] | VideoError:
            try:
                return compute()
            except VideoError as error:
                return error

        return self.courses.get_or((model, upload.digest), caught)

    def segments(
        self, upload: Upload, model: Hashable, compute: Callable[[], list[Segment]]
    ) -> list[Segment]:
        """What its moments form; found once, for the page is drawn at each click."""
        return self.segmented.get_or((model, upload.digest), compute)

    def known_moments(self, upload: Upload, model: Hashable) -> list[Moment] | VideoError | None:
        """The moments, if they have been asked for already."""
        return self.courses.get((model, upload.digest))


def _predict(
    recognizer: Recognizer,
    upload: Upload,
    tell: Tell,
    *,
    keep_frames: bool,
    part: tuple[float, float] | None = None,
) -> Prediction | VideoError:
    try:
        return for_one_answer(recognizer).predict(
            io.BytesIO(upload.data),
            name=upload.name,
            part=part,
            keep_frames=keep_frames,
            on_stage=tell,
        )
    except VideoError as error:
        return error


def _once(
    jobs: LruCache[Job[Result]],
    key: Hashable,
    work: Callable[[Tell], Result],
    queue: JobQueue | None = None,
) -> Job[Result]:
    """The job of this key; joins the queue where there is none, or where it failed."""
    job = jobs.get(key)
    if job is not None and job.failed:
        jobs.forget(key)
    return jobs.get_or(key, lambda: (queue or shared_queue()).join(work))
