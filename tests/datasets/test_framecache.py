"""Cached frames equal decoded ones, are decoded once, and are never half written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.datasets import framecache
from action_recognition.datasets.framecache import MAX_CACHED_S, FrameCache
from action_recognition.datasets.manifest import Clip
from action_recognition.errors import VideoError
from action_recognition.video import Video
from video_maker import MadeVideo, read_barcode

PREPROCESSING = Preprocessing(frames=4, interval_s=0.2, size=32)
MakeVideo = Callable[..., MadeVideo]


@pytest.fixture
def cache(tmp_path: Path) -> FrameCache:
    return FrameCache(tmp_path / "cache", PREPROCESSING)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the videos that the cache opens, in order."""
    opened: list[str] = []

    class Counting(Video):
        def __init__(self, source: Any, **settings: Any) -> None:
            super().__init__(source, **settings)
            opened.append(self.name)

    monkeypatch.setattr(framecache, "Video", Counting)
    return opened


def clip_of(path: Path) -> Clip:
    return Clip(path, "A", "own", "a", "g", "train")


def names_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_frames_are_those_of_the_video(make_video: MakeVideo, cache: FrameCache) -> None:
    made = make_video(seconds=2.0)
    frames = cache.frames(clip_of(made.path))
    assert cache.step_s == 0.1  # twice as dense as the network's input
    assert cache.size == 36  # and an eighth larger, so that a crop can move
    assert frames.shape == (20, 36, 36, 3)
    assert frames.dtype == np.uint8
    with Video(made.path) as video:
        expected, _ = video.frames_at(np.arange(20) * 0.1, size=36)
    assert np.array_equal(frames, expected)
    shown = [read_barcode(f) for f in frames]
    assert shown == [made.index_at(0.1 * k) for k in range(20)]


def test_aspect_of_the_preprocessing_is_kept_to(make_video: MakeVideo, tmp_path: Path) -> None:
    made = make_video(seconds=0.4, size=(128, 48))
    square = FrameCache(
        tmp_path / "c", Preprocessing(frames=4, interval_s=0.2, size=32, max_aspect=1)
    )
    with Video(made.path) as video:
        expected, _ = video.frames_at([0.2], size=square.size, max_aspect=1)
        wide, _ = video.frames_at([0.2], size=square.size, max_aspect=2)
    assert np.array_equal(square.frames(clip_of(made.path))[2], expected[0])
    assert not np.array_equal(expected, wide)


def test_second_call_does_not_decode(
    make_video: MakeVideo, cache: FrameCache, decoded: list[str]
) -> None:
    clip = clip_of(make_video().path)
    first = cache.frames(clip).copy()
    assert np.array_equal(cache.frames(clip), first)
    again = FrameCache(cache.folder, PREPROCESSING)  # a later run finds it as well
    assert np.array_equal(again.frames(clip), first)
    assert decoded == ["video.mp4"]
    assert isinstance(cache.frames(clip), np.memmap)


def test_changed_video_is_decoded_again(
    make_video: MakeVideo, cache: FrameCache, decoded: list[str]
) -> None:
    clip = clip_of(make_video(seconds=1.0).path)
    assert len(cache.frames(clip)) == 10
    facts = clip.path.stat()
    make_video(seconds=0.5)
    os.utime(clip.path, ns=(facts.st_mtime_ns, facts.st_mtime_ns))  # other size, same time
    assert len(cache.frames(clip)) == 5
    later = time.time_ns() + 10**9
    os.utime(clip.path, ns=(later, later))  # same size, other time
    cache.frames(clip)
    assert len(decoded) == 3


def test_other_settings_do_not_share_files(
    make_video: MakeVideo, cache: FrameCache, decoded: list[str]
) -> None:
    clip = clip_of(make_video().path)
    others = [
        Preprocessing(frames=4, interval_s=0.4, size=32),
        Preprocessing(frames=4, interval_s=0.2, size=48),
        Preprocessing(frames=4, interval_s=0.2, size=32, max_aspect=1),
    ]
    cache.frames(clip)
    shapes = [FrameCache(cache.folder, p).frames(clip).shape for p in others]
    assert shapes == [(10, 36, 36, 3), (20, 54, 54, 3), (20, 36, 36, 3)]
    assert len(decoded) == 4
    assert len(names_in(cache.folder)) == 4


def test_of_a_long_video_the_middle_is_taken(make_video: MakeVideo, cache: FrameCache) -> None:
    made = make_video(seconds=MAX_CACHED_S + 10, fps=5, size=(32, 32))
    frames = cache.frames(clip_of(made.path))
    assert len(frames) == round(MAX_CACHED_S / cache.step_s)
    shown = [read_barcode(frames[k]) for k in (0, -1)]
    assert shown == [made.index_at(5.0), made.index_at(5 + MAX_CACHED_S - cache.step_s)]


def test_video_of_one_frame(make_video: MakeVideo, cache: FrameCache) -> None:
    assert cache.frames(clip_of(make_video(timestamps=[0.0]).path)).shape == (1, 36, 36, 3)


def test_evaluation_clips_are_what_the_recognizer_reads(
    make_video: MakeVideo, cache: FrameCache, decoded: list[str]
) -> None:
    clip = clip_of(make_video(seconds=3.0).path)
    for count in (1, 3):
        with Video(clip.path) as video:
            expected = read_clips(video, PREPROCESSING, count=count).frames
        assert expected.shape == (count, 4, 32, 32, 3)
        for _ in range(2):
            assert np.array_equal(cache.evaluation_clips(clip, count=count), expected)
    assert len(decoded) == 2


@pytest.mark.parametrize("what", ["frames", "evaluation_clips"])
def test_interrupted_write_leaves_nothing(
    make_video: MakeVideo, cache: FrameCache, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    clip = clip_of(make_video().path)

    def read() -> np.ndarray:
        return cache.frames(clip) if what == "frames" else cache.evaluation_clips(clip, count=2)

    def write_half(file: Any, frames: np.ndarray, **_: Any) -> None:
        file.write(b"\x93NUMPY half of it")
        assert not [name for name in names_in(cache.folder) if name.endswith(".npy")]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(framecache.np, "save", write_half)
        with pytest.raises(KeyboardInterrupt):
            read()
    assert names_in(cache.folder) == []
    whole = np.array(read())
    assert len(names_in(cache.folder)) == 1
    assert np.array_equal(read(), whole)


@pytest.mark.parametrize("left", [0, 40, 5000])
def test_damaged_file_is_written_anew(make_video: MakeVideo, cache: FrameCache, left: int) -> None:
    """What a machine that lost power can leave: the name is there, the bytes are not."""
    clip = clip_of(make_video().path)
    whole = np.array(cache.frames(clip))
    file = next(cache.folder.iterdir())
    file.write_bytes(file.read_bytes()[:left])
    assert np.array_equal(cache.frames(clip), whole)
    assert len(names_in(cache.folder)) == 1


def test_fill_decodes_all_and_counts(
    make_video: MakeVideo, cache: FrameCache, decoded: list[str]
) -> None:
    clips = [clip_of(make_video(f"{k}.mp4", seconds=0.5).path) for k in range(4)]
    seen: list[tuple[int, int]] = []
    size = cache.fill([*clips, *clips], lambda done, total: seen.append((done, total)))
    assert seen == [(k, 8) for k in range(1, 9)]
    assert size == 8 * 5 * 36 * 36 * 3
    assert set(decoded) == {f"{k}.mp4" for k in range(4)}
    assert len(names_in(cache.folder)) == 4
    before = len(decoded)
    for clip in clips:
        cache.frames(clip)
    assert len(decoded) == before


def test_unreadable_videos_are_named(cache: FrameCache, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"^gone\.mp4: "):
        cache.frames(clip_of(tmp_path / "gone.mp4"))
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(VideoError, match=r"^text\.mp4: "):
        cache.frames(clip_of(tmp_path / "text.mp4"))
    assert names_in(cache.folder) == []
