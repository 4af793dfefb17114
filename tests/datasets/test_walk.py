"""One walk accounts for a folder: videos, lists, and all else by name and reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.datasets.left_out import LeftOut
from action_recognition.datasets.walk import Found, videos_in, walk, without_videos
from action_recognition.errors import DataError

Touch = Callable[..., Path]


@pytest.fixture
def touch(tmp_path: Path) -> Touch:
    """`touch(*names)` makes files of no content in tmp_path/data."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "data"

    return make


def names(root: Path, paths: tuple[Path, ...]) -> list[str]:
    return [p.relative_to(root).as_posix() for p in paths]


def reasons(root: Path, found: Found) -> dict[str, str]:
    return {e.path.relative_to(root).as_posix(): e.reason for e in found.left_out}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.mpg", "the format .mpg is not read"),
        ("b.WMV", "the format .wmv is not read"),
        ("c.flv", "the format .flv is not read"),
        ("d.ts", "the format .ts is not read"),
        ("e.gif", "the format .gif is not read"),
        ("f.MTS", "the format .mts is not read"),
        ("g.jpg", "single pictures, not a video"),
        ("h.zip", "archive; unpack it first"),
        ("i.xlsx", "workbook; as CSV it could be read"),
        ("j.mp4.part", "not a video"),
        ("k", "not a video"),
    ],
)
def test_what_is_not_read_has_a_reason(touch: Touch, name: str, reason: str) -> None:
    root = touch("jump/1.mp4", f"jump/{name}")
    found = walk(root)
    assert names(root, found.videos) == ["jump/1.mp4"]
    assert reasons(root, found) == {f"jump/{name}": reason}


def test_hidden_files_and_those_of_the_system_need_no_word(touch: Touch) -> None:
    root = touch(
        "jump/1.mp4", "jump/.DS_Store", "jump/Thumbs.db", "jump/desktop.ini", ".git/config",
        "__MACOSX/jump/._1.mp4", "__MACOSX/2.mp4", "jump/.3.mp4", "@eaDir/4.mp4",
    )  # fmt: skip
    found = walk(root)
    assert names(root, found.videos) == ["jump/1.mp4"]
    assert found.left_out == ()


def test_lists_are_kept_apart(touch: Touch) -> None:
    root = touch("train.csv", "lists/labels.JSON", "classInd.txt", "jump/1.mp4")
    found = walk(root)
    assert names(root, found.lists) == ["classInd.txt", "lists/labels.JSON", "train.csv"]
    assert found.left_out == ()


def test_a_folder_of_frames_is_one_entry(touch: Touch) -> None:
    root = touch("jump/v1/1.jpg", "jump/v1/2.jpg", "jump/v1/3.JPG", "run/1.mp4", "run/1.jpg")
    found = walk(root)
    reason = "single pictures, not a video"
    assert found.left_out == (
        LeftOut(root / "jump" / "v1", reason, "folder", 3),
        LeftOut(root / "run" / "1.jpg", reason),
    )
    assert without_videos(found, found.videos) == [
        LeftOut(root / "jump", "no video that can be read", "folder", 0)
    ]


def test_folders_without_a_video_are_named_once(touch: Touch) -> None:
    root = touch("jump/1.mpg", "run/1.mp4", "lists/train.csv")
    (root / "run" / "more").mkdir()
    (root / "stay" / "deep" / "down").mkdir(parents=True)
    found = walk(root)

    def told(useful: tuple[Path, ...]) -> list[str]:
        return names(root, tuple(e.path for e in without_videos(found, useful)))

    assert told(found.videos) == ["jump", "lists", "run/more", "stay"]
    assert told((*found.videos, *found.lists)) == ["jump", "run/more", "stay"]


# -- links ---------------------------------------------------------------------------------


def test_links_are_followed(touch: Touch, tmp_path: Path) -> None:
    root = touch("jump/anna/1.mp4", "../disk/2.mp4", "../disk/deep/3.mp4", "../one.mp4")
    (root / "jump" / "dora").symlink_to(tmp_path / "disk")
    (root / "jump" / "4.mp4").symlink_to("../../one.mp4")
    (root / "run").symlink_to("../disk2")
    touch("../disk2/5.mp4")
    found = walk(root)
    assert names(root, found.videos) == [
        "jump/4.mp4", "jump/anna/1.mp4", "jump/dora/2.mp4", "jump/dora/deep/3.mp4", "run/5.mp4",
    ]  # fmt: skip
    assert found.left_out == ()
    (tmp_path / "link").symlink_to(root)
    assert len(videos_in(tmp_path / "link")) == 5


def test_nothing_is_taken_twice_and_what_is_real_goes_first(touch: Touch, tmp_path: Path) -> None:
    root = touch("jump/1.mp4", "../disk/2.mp4", "../disk/in/3.mp4")
    (root / "a").symlink_to("jump")  # sorts before what it leads to
    (root / "jump" / "0.mp4").symlink_to("1.mp4")
    (root / "jump" / "disk").symlink_to(tmp_path / "disk")
    (root / "jump" / "disk again").symlink_to(tmp_path / "disk")
    (root / "jump" / "in").symlink_to(tmp_path / "disk" / "in")
    found = walk(root)
    assert names(root, found.videos) == ["jump/1.mp4", "jump/disk/2.mp4", "jump/in/3.mp4"]
    again = "already taken under another name"
    assert reasons(root, found) == dict.fromkeys(
        ["a", "jump/0.mp4", "jump/disk again", "jump/disk/in"], again
    )
    assert {e.kind for e in found.left_out if e.path.is_symlink()} == {"link"}


def test_circles_and_dead_links_are_named(touch: Touch, tmp_path: Path) -> None:
    root = touch("jump/1.mp4")
    (root / "jump" / "up").symlink_to("..")
    (root / "jump" / "out").symlink_to(tmp_path)  # above the folder itself
    (root / "self").symlink_to("self")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "dead").symlink_to("/nowhere/at/all")
    (root / "jump" / "2.mp4").symlink_to("gone.mp4")
    (root / "jump" / "3.mp4").symlink_to(os.devnull)
    found = walk(root)
    assert names(root, found.videos) == ["jump/1.mp4"]
    back, circle, gone = (
        "leads back to a folder around it", "leads in a circle", "its target is gone",
    )  # fmt: skip
    assert reasons(root, found) == {
        "jump/up": back, "jump/out": back, "self": circle, "one": circle, "two": circle,
        "dead": gone, "jump/2.mp4": gone, "jump/3.mp4": "neither file nor folder",
    }  # fmt: skip
    assert {e.kind for e in found.left_out} == {"link"}


def test_what_another_walk_took_is_not_taken_again(touch: Touch) -> None:
    root = touch("jump/1.mp4", "run/2.mp4")
    seen: set[str] = set()
    assert names(root, walk(root / "run", seen).videos) == ["run/2.mp4"]
    found = walk(root, seen)
    assert names(root, found.videos) == ["jump/1.mp4"]
    assert reasons(root, found) == {"run": "already taken under another name"}


# -- what cannot be walked through ---------------------------------------------------------


def test_a_folder_that_cannot_be_opened_is_named(
    touch: Touch, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = touch("jump/1.mp4", "shut/2.mp4")
    scandir = os.scandir

    def refuse(path: object) -> object:
        if path == root / "shut":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = walk(root)
    assert names(root, found.videos) == ["jump/1.mp4"]
    assert reasons(root, found) == {"shut": "cannot be opened (Permission denied)"}


def test_a_pipe_is_named(touch: Touch) -> None:
    root = touch("jump/1.mp4")
    os.mkfifo(root / "jump" / "2.mp4")
    assert reasons(root, walk(root)) == {"jump/2.mp4": "neither file nor folder"}


def test_a_root_that_is_no_folder(touch: Touch) -> None:
    root = touch("1.mp4")
    with pytest.raises(DataError, match="gone: there is no such folder of clips"):
        walk(root / "gone")
    with pytest.raises(DataError, match=r"1\.mp4: this is a file, not a folder"):
        walk(root / "1.mp4")
