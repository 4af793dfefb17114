"""Project files of corrections as data: their segments become clips, a group for each video."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.datasets import segment_clips
from action_recognition.datasets.background import NONE
from action_recognition.datasets.corrections import (
    CorrectedSegment,
    CorrectedVideo,
    Corrections,
    digest_of,
    save_corrections,
)
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Manifest
from action_recognition.errors import DataError
from action_recognition.video import Video
from scene_maker import Scene, write_scene

Project = Callable[..., Path]
Said = tuple[float, float, str | None]
FILM: list[Said] = [(0.0, 1.0, "Waving"), (1.0, 2.0, "jumping_jack"), (2.2, 3.0, None)]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("films")
    return [write_scene(folder / f"film{k}.mp4", Scene(k), fps=10) for k in range(4)]


@pytest.fixture
def project(films: list[Path], tmp_path: Path) -> Project:
    """`project(name, films, said)` writes a project file, and the films beside it."""

    def make(name: str = "project.json", count: int = 4, said: list[Said] = FILM) -> Path:
        videos, segments = [], []
        for k, film in enumerate(films[:count]):
            (tmp_path / film.name).write_bytes(film.read_bytes())
            videos.append(CorrectedVideo(f"Film {k}", film.name, digest_of(film)))
            segments += [CorrectedSegment(k, a, b, action, "added") for a, b, action in said]
        save_corrections(Corrections(tuple(videos), tuple(segments)), tmp_path / name)
        return tmp_path / name

    return make


def splits_of_groups(manifest: Manifest) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for clip in (c for s in ("train", "val", "test") for c in manifest.split(s)):
        groups.setdefault(clip.group, set()).add(clip.split)
    return groups


@pytest.mark.slow
def test_segments_are_clips_and_each_video_is_a_group(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTION_RECOGNITION_CACHE", str(tmp_path / "cache"))
    manifest = load_data([project()], none=True)
    assert manifest.labels == (NONE, "Jumping jack", "Waving")
    groups = splits_of_groups(manifest)
    assert len(groups) == 4
    assert all(len(splits) == 1 for splits in groups.values())
    assert {s for splits in groups.values() for s in splits} == {"train", "val", "test"}
    assert NONE not in {c.label for c in manifest.split("test")}
    waving = next(c for c in manifest.clips if c.label == "Waving")
    assert waving.path.name == "film0 0.000-1.000.mp4"
    with Video(waving.path) as video:
        assert video.info.duration_s == pytest.approx(1.0, abs=0.01)
    assert manifest.notes[0].startswith("segments: 12 of 4 videos, 12 of them cut now, ")


def test_a_second_run_cuts_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = project(), project("again.json", count=3)
    before = load_data([first], none=True, check=False)
    monkeypatch.setattr(segment_clips, "write_cut", None)
    after = load_data([first, again], none=True, check=False)  # what both say is taken once
    assert after.clips == before.clips
    assert ", 0 of them cut now, " in after.notes[0]


def test_none_of_the_actions_is_for_training_only(project: Project) -> None:
    manifest = load_data([project()], check=False)
    assert NONE not in manifest.labels
    assert "left out: 4 clips, of none of the actions, which only training takes" in (
        manifest.omissions()
    )


def test_a_folder_and_a_project_file_together(project: Project, tmp_path: Path) -> None:
    for k in range(3):
        path = tmp_path / "clips" / "nodding" / f"{k}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_scene(path, Scene(10 + k), seconds=1, fps=10)
    sources = [tmp_path / "clips", project()]
    assert load_data(sources, check=False).labels == ("Jumping jack", "Nodding", "Waving")
    picked = load_data(sources, classes=["jumping_jack", "nodding"], none=True, check=False)
    assert picked.labels == (NONE, "Jumping jack", "Nodding")
    with pytest.raises(DataError, match="no clips of class 'Bowing'"):
        load_data(sources, classes=["bowing"], check=False)


def test_a_clip_of_the_film_in_a_folder_stays_with_the_film(
    project: Project, tmp_path: Path
) -> None:
    path = project(count=1)
    cut = next(c.path for c in load_data([path], check=False).clips if c.label == "Waving")
    copy = tmp_path / "clips" / "waving" / "mine.mp4"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(cut.read_bytes())
    manifest = load_data([tmp_path / "clips", path])
    group = {c.path.name: c.group for c in manifest.clips}
    assert group["mine.mp4"] == group[cut.name]


@pytest.mark.parametrize("damage", ["missing", "another", "no video"])
def test_a_video_that_cannot_be_used_is_named(
    project: Project, tmp_path: Path, damage: str
) -> None:
    path, film = project(), tmp_path / "film1.mp4"
    if damage == "missing":
        film.unlink()
        reason = "Film 1: the video is not there; --videos names its folder"
    elif damage == "another":
        film.write_bytes(b"x")
        reason = "Film 1: film1.mp4 is another video than the one that was corrected"
    else:
        good = film.read_bytes()
        film.write_bytes(b"no video")
        text = path.read_text().replace("Film 1", "Film I")
        video = CorrectedVideo("Film I", film.name, digest_of(film))
        path.write_text(text.replace(_digest(good), str(video.sha256)))
        reason = "film1.mp4: "
    manifest = load_data([path], none=True, check=False)
    lines = manifest.omissions()
    assert [line for line in lines if line.startswith(f"left out: 3 clips, {reason}")], lines
    assert sum(c.label == "Waving" and c.split != "left_out" for c in manifest.clips) == 3


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_videos_are_looked_for_in_the_named_folders(project: Project, tmp_path: Path) -> None:
    path = project(count=1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "film0.mp4").rename(tmp_path / "elsewhere" / "film0.mp4")
    with pytest.raises(DataError, match=r"^project\.json: no segment can be taken: Film 0: the"):
        load_data([path])
    assert len(load_data([path], videos=[tmp_path / "elsewhere"]).split("train")) == 2


def test_a_segment_after_the_end_is_left_out(project: Project) -> None:
    path = project(count=1, said=[(0.0, 1.0, "Waving"), (8.0, 9.0, "Waving")])
    lines = load_data([path], check=False).omissions()
    assert lines[0] == "left out: 1 clip, film0.mp4: 8 to 9 s: the video shows nothing there"
