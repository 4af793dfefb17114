"""Tar files as sources of a batch: their videos in place, here and in a store that stands in."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra scale is not installed")
fs = pytest.importorskip("pyarrow.fs", reason="the extra scale is not installed")

from action_recognition.batch import sources, worker  # noqa: E402
from action_recognition.batch.films import UNKNOWN, Row  # noqa: E402
from action_recognition.batch.settings import Settings  # noqa: E402
from action_recognition.batch.sources import SourceFile, find_sources  # noqa: E402
from action_recognition.batch.worker import Worker  # noqa: E402
from action_recognition.datasets.shards.read import INDEX  # noqa: E402
from action_recognition.datasets.shards.write import write_shards  # noqa: E402
from action_recognition.models.sealed_file import stated_digest  # noqa: E402
from action_recognition.recognition.recognizer import Recognizer  # noqa: E402
from shard_maker import clips_of, write_tar  # noqa: E402


@pytest.fixture
def lake(make_video: Callable[..., Any], tmp_path: Path) -> Path:
    """A folder with a shard of two videos and one bad one, a video, and what cannot be used."""
    folder = tmp_path / "lake"
    clips = {f"{k}.mp4": make_video(f"{k}.mp4", seconds=1 + k).path.read_bytes() for k in (0, 1)}
    files = {"a/0.json": b"{}", "a/0.mp4": clips["0.mp4"], "1.mp4": clips["1.mp4"], "2.avi": b"no"}
    write_tar(folder / "train-0.tar", files)
    (folder / "single.mp4").write_bytes(clips["0.mp4"])
    return folder


@pytest.fixture
def store(lake: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`s3://` leads to the lake's folder; the list tells of what is opened."""
    opened: list[str] = []

    class Counting(fs.SubTreeFileSystem):  # type: ignore[misc]
        def open_input_file(self, path: str) -> Any:
            opened.append(path)
            return super().open_input_file(path)

    local = Counting(str(lake.parent), fs.LocalFileSystem())
    for module in (sources, worker):
        monkeypatch.setattr(
            module, "open_store", lambda root: local if root else fs.LocalFileSystem()
        )
    worker._held.cache_clear()
    return opened


@pytest.fixture
def settings(tiny_model_path: Path) -> Settings:
    recognizer = Recognizer.load(tiny_model_path)
    digest, interval_s = stated_digest(tiny_model_path), recognizer.model.preprocessing.interval_s
    return Settings(str(tiny_model_path), digest, recognizer.window, interval_s, piece_s=1.2)


def answers(files: list[SourceFile], settings: Settings) -> dict[str, list[Row]]:
    """The rows of each file, without what says where it is, and how long it took whom."""
    found = {}
    look = Worker(settings)
    for file in files:
        rows = look({"rows": [{"key": "k", **file.row, **UNKNOWN}]})["rows"]
        if not rows[0]["answered"]:  # the pieces of a long one
            rows = look({"rows": rows})["rows"]
        place = ("root", "path", "name", "offset", "size", "work_s", "network_s", "node", "worker")
        found[file.name] = [{k: v for k, v in row.items() if k not in place} for row in rows]
    return found


def names(files: list[SourceFile], folder: str) -> list[str]:
    return [file.file.removeprefix(f"{folder}/") for file in files]


def test_each_video_of_a_tar_file_is_a_row(lake: Path, settings: Settings) -> None:
    files, errors = find_sources([str(lake)])
    assert not errors
    inside = ["train-0.tar/a/0.mp4", "train-0.tar/1.mp4", "train-0.tar/2.avi"]
    assert names(files, str(lake)) == ["single.mp4", *inside]
    assert len({file.key() for file in files}) == 4
    assert files == find_sources([str(lake / "*.mp4"), str(lake / "*.tar")])[0]
    found = answers(files, settings)
    assert found["0.mp4"] == found["single.mp4"]
    assert len(found["1.mp4"]) == 2  # of 2 s, in pieces of 1.2 s
    assert "not a video file" in found["2.avi"][0]["error"]


def test_untrusted_videos_of_a_tar_file(lake: Path, settings: Settings) -> None:
    from dataclasses import replace

    from action_recognition.video.isolated import can_isolate

    if not can_isolate():
        pytest.skip("needs Linux")
    (file,) = [f for f in find_sources([str(lake)])[0] if f.name == "1.mp4"]
    expected = answers([file], settings)
    assert answers([file], replace(settings, untrusted=True)) == expected


def test_what_is_no_plain_tar_file_is_one_sentence(lake: Path) -> None:
    shard = (lake / "train-0.tar").read_bytes()
    (lake / "cut.tar").write_bytes(shard[:3000])
    video = (lake / "single.mp4").read_bytes()
    write_tar(lake / "small.tar.gz", {"a.mp4": video, "b.mp4": video}, "w:gz")
    write_tar(lake / "other.tar", {"a.mp4": video}, "w:xz")
    files, errors = find_sources([str(lake)])
    assert len(files) == 4
    assert sorted(str(error) for error in errors) == [
        "cut.tar: it is truncated or damaged",
        "other.tar: it is an archive, and no plain tar file: unpack it first",
        "small.tar.gz: it is an archive, and no plain tar file: unpack it first",
    ]


def test_a_tar_file_that_is_cut_later_has_rows_with_the_reason(
    lake: Path, settings: Settings
) -> None:
    files, _ = find_sources([str(lake / "train-0.tar")])
    whole = (lake / "train-0.tar").read_bytes()
    (lake / "train-0.tar").write_bytes(whole[: files[1].offset])
    found = answers(files, settings)
    assert not found["0.mp4"][0]["error"]
    assert found["1.mp4"][0]["error"] == "the file that holds it ends before it does"


def test_from_a_store_they_are_the_same(lake: Path, settings: Settings, store: list[str]) -> None:
    local, _ = find_sources([str(lake)])
    files, errors = find_sources(["s3://lake"])
    assert not errors
    assert names(files, "s3://lake") == names(local, str(lake))
    store.clear()
    assert answers(files, settings) == answers(local, settings)
    assert store == ["lake/single.mp4", "lake/train-0.tar"]  # the tar file once


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("lake/*.mp4", ["lake/single.mp4"]),
        ("lake/train-[0-9].tar", ["lake/train-0.tar/a/0.mp4"]),
        ("la*/s*", ["lake/single.mp4"]),
        ("**/single.mp4", ["lake/single.mp4"]),
        ("lak*", ["lake/single.mp4", "lake/train-0.tar/a/0.mp4"]),
        ("lake/nix*", []),
    ],
)
def test_patterns_in_a_store(pattern: str, found: list[str], store: list[str]) -> None:
    files, errors = find_sources([f"s3://{pattern}"])
    taken = [n for n in names(files, "s3:/") if n.endswith(("/0.mp4", "single.mp4"))]
    assert taken == found
    assert [str(error) for error in errors] == (
        [] if found else [f"s3://{pattern}: nothing matches it"]
    )


def test_damaged_and_other_archives_in_a_store_are_one_sentence(
    lake: Path, store: list[str]
) -> None:
    (lake / "cut.tar").write_bytes((lake / "train-0.tar").read_bytes()[:3000])
    write_tar(lake / "none.tar", {"a.txt": b"text"})
    for name in ("gz.tar", "x.tar.gz"):
        write_tar(lake / name, {"a.mp4": b"video"}, "w:gz")
    files, errors = find_sources(["s3://lake", "s3://lake/x.tar.gz", "s3://lake/gone.tar"])
    assert len(files) == 4
    assert [str(error) for error in errors][:4] == [
        "s3://lake/cut.tar: it is truncated or damaged",
        "s3://lake/gz.tar: it is a compressed archive: unpack it first",
        "s3://lake/none.tar: there is no video in it",
        "s3://lake/x.tar.gz: it is an archive, and no plain tar file: unpack it first",
    ]
    assert str(errors[4]).startswith("s3://lake/gone.tar: it cannot be read")


@pytest.mark.parametrize("index", ["ours", "none", "of other shards"])
def test_the_index_of_shards_is_believed_where_it_fits(
    index: str, lake: Path, store: list[str], tmp_path: Path
) -> None:
    write_shards(clips_of(tmp_path / "clips"), lake / "shards")
    local, _ = find_sources([str(lake / "shards")])
    path = lake / "shards" / INDEX
    if index == "none":
        path.unlink()
    elif index == "of other shards":
        path.write_text('["train-000000.tar", "a.mp4", 512, 10, {"label": "a"}]\n')
    files, errors = find_sources(["s3://lake/shards"])
    assert not errors
    assert names(files, "s3://lake") == names(local, str(lake))
    assert [f.offset for f in files] == [f.offset for f in local]


def test_names_that_are_not_text_become_text(lake: Path) -> None:
    video = (lake / "single.mp4").read_bytes()
    shard = write_tar(lake / "names.tar", {"caf\udce9.mp4": video})
    ((file,), errors) = find_sources([str(shard)])
    assert (file.name, errors) == ("café.mp4", [])


def test_a_tar_file_of_another_program(lake: Path, tmp_path: Path) -> None:
    """With long names, which take headers of their own."""
    folder = tmp_path / ("long " * 30)
    folder.mkdir()
    (folder / "a film.mp4").write_bytes((lake / "single.mp4").read_bytes())
    made = tmp_path / "made.tar"
    try:
        subprocess.run(["tar", "-cf", made, "-C", tmp_path, folder.name], check=True)
    except FileNotFoundError:
        pytest.skip("needs tar")
    ((file,), errors) = find_sources([str(made)])
    assert not errors
    content = made.read_bytes()[file.offset or 0 :][: file.size]
    assert content == (lake / "single.mp4").read_bytes()
