"""The project file of corrections: written, read, refused with one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from action_recognition.datasets.corrections import (
    CorrectedSegment,
    CorrectedVideo,
    Corrections,
    digest_of,
    find_video,
    load_corrections,
    save_corrections,
)
from action_recognition.errors import DataError

VIDEO = CorrectedVideo("Film", "film.mp4", sha256="a" * 64)
PROJECT = Corrections(
    (VIDEO, CorrectedVideo("Other", "b/other.mp4", size=3, mtime_ns=4)),
    (
        CorrectedSegment(0, 1.5, 4.0, "Walk", "corrected"),
        CorrectedSegment(1, 0.0, 2.0, None, "added"),
        CorrectedSegment(0, 7.0, 9.0, "Läuft weg", "confirmed"),
    ),
    model="B" * 64,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    save_corrections(PROJECT, tmp_path / "p.json")
    assert load_corrections(tmp_path / "p.json") == PROJECT


def changed(**entries: Any) -> dict[str, Any]:
    return {**json.loads(PROJECT.to_json()), **entries}


def segment(**entries: Any) -> dict[str, Any]:
    first = json.loads(PROJECT.to_json())["segments"][0]
    return changed(segments=[{**first, **entries}])


def video(**entries: Any) -> dict[str, Any]:
    return changed(videos=[{"name": "a", "path": "a.mp4", "sha256": "a" * 64, **entries}] * 2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "not a project file"),
        ({"format": "another"}, "its entry 'format'"),
        (changed(version=2), "it has version 2, but this release reads version 1"),
        (changed(version=True), "it has version True"),
        (changed(extra=1), "unknown entry ['extra']"),
        (changed(videos={}), "'videos' is not a list"),
        (changed(model="abc"), "'model' is no SHA-256"),
        (changed(segments=[1]), "segment 1: it is not an object"),
        (changed(segments=[{}]), "segment 1: its entry ['action'] is missing"),
        (segment(video=2), "names none of the 2 videos"),
        (segment(video=True), "names none"),
        (segment(start_s=5), "must end after its start"),
        (segment(start_s=-1), "must end after its start"),
        (segment(end_s=float("nan")), "must end after its start"),
        (segment(end_s="4"), "must end after its start"),
        (segment(action=""), "its action is no name"),
        (segment(action="a\nb"), "its action is no name"),
        (segment(action=" Walk"), "its action is no name"),
        (segment(action=3), "its action is no name"),
        (segment(kind="wrong"), "its kind is none of corrected, added, confirmed"),
        (segment(extra=1), "segment 1: it has an unknown entry"),
        (video(sha256="x"), "video 1: its entry 'sha256'"),
        (video(sha256=None), "neither 'sha256' nor"),
        (video(path=""), "video 1: its entry 'path'"),
        (video(name=3), "video 1: its entry 'name'"),
    ],
)
def test_what_is_not_right_is_refused(tmp_path: Path, content: Any, reason: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError) as error:
        load_corrections(path)
    assert str(error.value).startswith("p.json: ")
    assert reason in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.json").write_bytes(content)
    with pytest.raises(DataError, match=r"^p.json: it is not a project file, which is JSON"):
        load_corrections(tmp_path / "p.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^p.json: it cannot be read"):
        load_corrections(tmp_path / "p.json")


def test_the_video_must_be_the_same(tmp_path: Path) -> None:
    film = tmp_path / "in" / "film.mp4"
    film.parent.mkdir()
    film.write_bytes(b"film")
    facts = film.stat()
    known = CorrectedVideo("Film", "film.mp4", sha256=digest_of(film))
    dated = CorrectedVideo("Film", "x/film.mp4", size=4, mtime_ns=facts.st_mtime_ns)
    for video in (known, dated):
        assert find_video(video, [tmp_path, film.parent]) == film
        with pytest.raises(DataError, match=r"^Film: the video is not there; --videos"):
            find_video(video, [tmp_path])
    with pytest.raises(DataError, match=r"^Film: film.mp4 is another video"):
        find_video(VIDEO, [film.parent])
