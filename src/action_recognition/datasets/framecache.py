"""Decoded frames on disk, so that the network and not the decoder sets the pace of training."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.datasets.manifest import Clip
from action_recognition.errors import VideoError
from action_recognition.video import Video

# Of a longer video the middle is taken: a training clip is expected to show its action all along.
MAX_CACHED_S = 30.0

# NumPy parses a file's header with `ast`, which in CPython 3.11 fails now and then when several
# threads do it at once ("AST constructor recursion depth mismatch").
_PARSING = threading.Lock()


class FrameCache:
    """Frames of videos at a fixed rate, one NumPy file a video, read by memory mapping.

    Frames are kept twice as dense in time and somewhat larger than the network's input, so that
    training can shift, stretch and crop. A file is found by path, size, time of change and the
    settings: a changed video is decoded again.

    Parameters:
        folder: where the files are; made if it does not exist.
        preprocessing: of the network that is trained.
        margin: factor by which cached frames are larger than the input.
    """

    def __init__(
        self, folder: str | Path, preprocessing: Preprocessing, *, margin: float = 1.125
    ) -> None:
        self.folder = Path(folder)
        self.preprocessing = preprocessing
        self.size = round(preprocessing.size * margin / 2) * 2
        self.step_s = preprocessing.interval_s / 2
        self.folder.mkdir(parents=True, exist_ok=True)

    def frames(self, clip: Clip) -> NDArray[np.uint8]:
        """(N, size, size, 3) uint8 RGB of one video, `step_s` seconds apart; N is at least 1.

        Raises:
            VideoError: it does not decode.
        """
        p = self.preprocessing
        path = self.path(
            clip.path, f"{self.size} {self.step_s:g} {p.max_aspect:g} {MAX_CACHED_S:g}"
        )
        cached = load_array(path)
        if cached is None:
            save_array(self._decode(clip), path)
            with _PARSING:
                cached = np.load(path, mmap_mode="r", allow_pickle=False)
        return cached

    def evaluation_clips(self, clip: Clip, *, count: int) -> NDArray[np.uint8]:
        """(n, T, H, W, 3) uint8: the clips of a video exactly as `Recognizer` reads them.

        Raises:
            VideoError: it does not decode.
        """
        path = self.path(clip.path, f"evaluation {count} {self.preprocessing}")
        cached = load_array(path)
        if cached is None:
            with Video(clip.path) as video:
                save_array(read_clips(video, self.preprocessing, count=count).frames, path)
            with _PARSING:
                cached = np.load(path, mmap_mode="r", allow_pickle=False)
        return cached

    def fill(
        self, clips: Sequence[Clip], on_progress: Callable[[int, int], None] | None = None
    ) -> int:
        """Decodes what is not there yet, in parallel; returns the bytes of all of them."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            sizes = []
            for array in pool.map(self.frames, clips):
                sizes.append(array.nbytes)
                if on_progress is not None:
                    on_progress(len(sizes), len(clips))
        return sum(sizes)

    def path(self, video: Path, settings: str) -> Path:
        """The file of what was made of a video with these settings."""
        try:
            facts = video.stat()
        except OSError as error:
            raise VideoError(video.name, f"it cannot be read ({error.strerror})") from None
        key = f"{video.resolve()}|{facts.st_size}|{facts.st_mtime_ns}|{settings}"
        name = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]
        return self.folder / f"{name}.npy"

    def _decode(self, clip: Clip) -> NDArray[np.uint8]:
        with Video(clip.path) as video:
            duration = video.info.duration_s
            start = max(0.0, (duration - MAX_CACHED_S) / 2)
            times = np.arange(start, min(duration, start + MAX_CACHED_S), self.step_s)
            frames, _ = video.frames_at(
                times if len(times) else np.zeros(1),
                size=self.size,
                max_aspect=self.preprocessing.max_aspect,
            )
        return frames


def load_array(path: Path) -> NDArray[Any] | None:
    """The cached array; None where there is none, or where a crash left it incomplete."""
    try:
        with _PARSING:
            return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None


def save_array(values: NDArray[Any], path: Path) -> None:
    """Writes it; an interruption leaves nothing."""
    temporary = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.save(file, values, allow_pickle=False)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
