"""Copies of drawn scenes are found, whatever was done to them; other scenes and takes are not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from action_recognition.datasets.duplicates import Duplicate, find_duplicates
from action_recognition.datasets.fingerprints import Fingerprint, take_fingerprint
from action_recognition.video import Video
from scene_maker import Scene, crop, darken, letterbox, mirror, write_scene
from video_maker import Image, write_video


def look_at(path: Path) -> Fingerprint:
    with Video(path) as video:
        return take_fingerprint(video)


def pairs_of(paths: Sequence[Path], families: Sequence[str] | None = None) -> list[tuple[str, str]]:
    """The names of the files of each pair that is found."""
    names = [p.stem for p in paths]
    found = find_duplicates([look_at(p) for p in paths], families or names)
    return [(names[d.first], names[d.second]) for d in found.pairs]


COPIES: dict[str, dict[str, Any]] = {
    "same": {},
    "mirrored": {"change": mirror},
    "darker": {"change": darken},
    "cropped": {"change": crop},
    "letterboxed": {"change": letterbox},
    "larger": {"size": (192, 144)},
    "smaller": {"size": (48, 36)},
    "square": {"size": (80, 80)},
    "xvid": {"codec": "mpeg4", "container": "avi"},
    "vp9": {"container": "webm"},
    "fewer frames": {"fps": 8},
    "more frames": {"fps": 30},
    "middle half": {"start_s": 0.75, "seconds": 1.5},
    "end": {"start_s": 1.37, "seconds": 1.6},
    "longer": {"seconds": 6.0},
    "later": {"start_s": 1.13},
    "slower": {"speed": 0.6, "seconds": 5.0},
    "faster": {"speed": 2.0, "seconds": 1.5},
    "mirrored, smaller, cut": {"change": mirror, "size": (64, 48), "start_s": 1.2, "seconds": 1.8},
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Videos of three scenes."""
    folder = tmp_path_factory.mktemp("scenes")
    return [write_scene(folder / f"scene{k}.mp4", Scene(k)) for k in range(3)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_found(scenes: list[Path], kind: str, tmp_path: Path) -> None:
    ending = COPIES[kind].get("container", "mp4")
    settings = {k: v for k, v in COPIES[kind].items() if k != "container"}
    copies = [
        write_scene(tmp_path / f"copy{k}.{ending}", Scene(k), **settings)
        for k in range(len(scenes))
    ]
    expected = [(f"scene{k}", f"copy{k}") for k in range(len(scenes))]
    assert sorted(pairs_of([*scenes, *copies])) == sorted(expected)


@pytest.mark.slow
def test_other_scenes_and_other_takes_are_no_copies(scenes: list[Path], tmp_path: Path) -> None:
    """Five takes before the same ground differ in what moves only."""
    others = [write_scene(tmp_path / f"other{k}.mp4", Scene(10 + k)) for k in range(8)]
    takes = [write_scene(tmp_path / f"take{k}.mp4", Scene(0, take=1 + k)) for k in range(4)]
    assert pairs_of([*scenes, *others, *takes]) == []


def test_what_a_pair_is(scenes: list[Path], tmp_path: Path) -> None:
    flipped = write_scene(tmp_path / "flipped.mp4", Scene(1), change=mirror)
    fingerprints = [look_at(p) for p in (scenes[0], flipped, scenes[1], scenes[2])]
    found = find_duplicates([fingerprints[0], None, *fingerprints[1:]], list("abcde"))
    assert found.pairs == (Duplicate(2, 3, mirrored=True),)
    assert found.compared == 4 * 3 / 2
    assert found.unseen == ()


def test_videos_of_a_family_are_not_compared(scenes: list[Path], tmp_path: Path) -> None:
    copies = [write_scene(tmp_path / f"copy{k}.mp4", Scene(k)) for k in range(2)]
    fingerprints = [look_at(p) for p in (*scenes[:2], *copies)]
    for families, pairs, compared in (
        ("aabb", [(0, 2), (1, 3)], 4),
        ("abab", [], 4),
        ("abac", [(1, 3)], 5),
        ("aaaa", [], 0),
    ):
        found = find_duplicates(fingerprints, list(families))
        assert [(d.first, d.second) for d in found.pairs] == pairs
        assert found.compared == compared
    assert find_duplicates([], []).pairs == ()
    assert find_duplicates([None, None], ["a", "b"]).compared == 0


@pytest.mark.slow
def test_a_title_that_both_begin_with_makes_no_copy(tmp_path: Path) -> None:
    title = Scene(30)(0.0, 160, 120)

    def with_title(scene: Scene) -> Any:
        return lambda index, t, w, h: title if t < 1.5 else scene(t, w, h)

    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path, scene in zip(paths, (Scene(5), Scene(6)), strict=True):
        write_video(path, seconds=4.0, size=(160, 120), pattern=with_title(scene))
    assert pairs_of(paths) == []


@pytest.mark.slow
def test_black_frames_do_not_tell(tmp_path: Path) -> None:
    """A second of black at the start of each; it is the scenes after it that count."""

    def after_black(scene: Scene) -> Any:
        return lambda index, t, w, h: scene(t, w, h) if t >= 1 else np.zeros((h, w, 3), np.uint8)

    paths = [tmp_path / f"{name}.mp4" for name in ("a", "b", "a again")]
    for path, seed in zip(paths, (7, 8, 7), strict=True):
        write_video(path, seconds=3.5, size=(160, 120), pattern=after_black(Scene(seed)))
    assert pairs_of(paths) == [("a", "a again")]


def square_on_colour(x: int, y: int, step: int, *, ground: tuple[int, int, int]) -> Any:
    def draw(index: int, time_s: float, width: int, height: int) -> Image:
        image = np.full((height, width, 3), ground, np.uint8)
        image[y : y + 12, x + step * index : x + step * index + 12] = (255, 220, 40)
        return image

    return draw


def one_colour(level: int, index: int, time_s: float, width: int, height: int) -> Image:
    return np.full((height, width, 3), level + round(20 * time_s), np.uint8)


def test_plain_pictures_are_not_compared(tmp_path: Path) -> None:
    patterns = [
        partial(one_colour, 0),
        partial(one_colour, 0),
        square_on_colour(10, 20, 1, ground=(80, 30, 30)),
        square_on_colour(10, 20, 1, ground=(80, 30, 30)),
        square_on_colour(15, 20, 1, ground=(20, 60, 80)),
    ]
    paths = [tmp_path / f"{k}.mp4" for k in range(len(patterns))]
    for path, pattern in zip(paths, patterns, strict=True):
        write_video(path, seconds=2.0, size=(96, 72), fps=12, pattern=pattern)
    found = find_duplicates([look_at(p) for p in paths], list("abcde"))
    assert found.pairs == ()
    assert found.unseen == (0, 1, 2, 3, 4)
    assert found.compared == 0


def test_very_short_videos(tmp_path: Path) -> None:
    """Three frames: only the very same picture is taken for a copy."""
    paths = [
        write_scene(tmp_path / f"{name}.mp4", Scene(seed), seconds=0.12, **settings)
        for name, seed, settings in (
            ("a", 1, {}),
            ("b", 2, {}),
            ("flipped a", 1, {"change": mirror}),
        )
    ]
    assert pairs_of(paths) == [("a", "flipped a")]


@pytest.mark.slow
def test_real_clips_and_copies_of_them(shared_dir: Path, tmp_path: Path) -> None:
    """A clip of each class: none is a copy of another, and a file by another name is found."""
    clips = [sorted(p.glob("*.mp4"))[0] for p in sorted((shared_dir / "clips").iterdir())]
    fingerprints = [look_at(p) for p in clips]
    families = [p.stem for p in clips]
    assert find_duplicates(fingerprints, families).pairs == ()
    found = find_duplicates([*fingerprints, fingerprints[3]], [*families, "another name"])
    assert [(d.first, d.second) for d in found.pairs] == [(3, len(clips))]
