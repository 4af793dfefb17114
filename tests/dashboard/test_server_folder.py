"""The folder that the operator allowed: neither names nor links lead out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from action_recognition.dashboard.server_folder import (
    MAX_VIDEOS,
    folder_below,
    folders_below,
    videos_below,
)
from action_recognition.errors import UsageError, VideoError
from action_recognition.video.inside import check_inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("videos/a/clip.mp4", "videos/b/deep/x.avi", "secret/s.mp4", "videos-old/o.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    root = tmp_path / "videos"
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "a" / "out.mp4").symlink_to(tmp_path / "secret" / "s.mp4")
    (root / "a" / "in.mp4").symlink_to(root / "b" / "deep" / "x.avi")
    (root / "circle").symlink_to(root / "circle")
    (root / ".hidden").mkdir()
    return root


@pytest.mark.parametrize("name", ["", "a", "b/deep", "a/../b", "./a"])
def test_folders_inside(root: Path, name: str) -> None:
    assert folder_below(root, name) == (root / name).resolve()


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../secret",
        "a/../../secret",
        "../videos-old",
        "/",
        "/etc",
        "out",
        "circle",
        "none",
        "a/clip.mp4",
        "a\0b",
        "a" * 5000,
    ],
)
def test_whatever_leads_out_is_no_folder(root: Path, name: str) -> None:
    with pytest.raises(UsageError, match="there is no such folder below the allowed one"):
        folder_below(root, name)


def test_an_absolute_name_inside_is_inside(root: Path) -> None:
    assert folder_below(root, str(root / "a")) == root / "a"


def test_a_root_that_is_a_link_or_is_missing(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert folder_below(tmp_path / "link", "a") == root / "a"
    with pytest.raises(UsageError, match="gone: there is no such folder"):
        folder_below(tmp_path / "gone", "")


def test_videos_are_found_without_following_folder_links(root: Path) -> None:
    found = [str(p.relative_to(root)) for p in videos_below(root)]
    assert found == ["a/clip.mp4", "a/in.mp4", "a/out.mp4", "b/deep/x.avi"]
    assert folders_below(root) == ["a", "b", "b/deep"]


def test_a_link_is_opened_only_where_it_stays_inside(root: Path) -> None:
    assert check_inside(root / "a" / "in.mp4", root) == root / "b" / "deep" / "x.avi"
    with pytest.raises(VideoError, match="it leads out of the allowed folder"):
        check_inside(root / "a" / "out.mp4", root)
    with pytest.raises(VideoError, match="there is no such file"):
        check_inside(root / "a" / "gone.mp4", root)


def test_no_more_than_some(tmp_path: Path) -> None:
    for k in range(MAX_VIDEOS + 5):
        (tmp_path / f"{k:04}.mp4").touch()
    assert len(videos_below(tmp_path)) == MAX_VIDEOS


def test_pipes_and_devices_are_left_out_and_never_opened(root: Path) -> None:
    os.mkfifo(root / "a" / "pipe.mp4")
    (root / "a" / "to-pipe.mp4").symlink_to(root / "a" / "pipe.mp4")
    found = [p.name for p in videos_below(root / "a")]
    assert found == ["clip.mp4", "in.mp4", "out.mp4", "to-pipe.mp4"]
    for name in ("pipe.mp4", "to-pipe.mp4"):
        with pytest.raises(VideoError, match="it is not a regular file"):
            check_inside(root / "a" / name, root)
