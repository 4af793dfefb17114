"""Batches whose workers are a plain loop: what is written, and what is not done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra scale is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra scale is not installed")

from action_recognition.batch import run as batch_run  # noqa: E402
from action_recognition.batch.engine import Plan  # noqa: E402
from action_recognition.batch.engine import _tasks as tasks_of  # noqa: E402
from action_recognition.batch.films import Row  # noqa: E402
from action_recognition.batch.parts import Parts  # noqa: E402
from action_recognition.batch.settings import Settings  # noqa: E402
from action_recognition.batch.sources import find_sources  # noqa: E402
from action_recognition.batch.worker import Worker  # noqa: E402
from action_recognition.models.sealed_file import stated_digest  # noqa: E402
from action_recognition.recognition.recognizer import Recognizer  # noqa: E402


@pytest.fixture
def settings(tiny_model_path: Path) -> Settings:
    recognizer = Recognizer.load(tiny_model_path)
    return Settings(
        str(tiny_model_path),
        stated_digest(tiny_model_path),
        recognizer.window,
        recognizer.model.preprocessing.interval_s,
        step_s=0.4,
        piece_s=1.2,
    )


@pytest.fixture
def films(make_video: Callable[..., Any], tmp_path: Path) -> Path:
    """Two videos, one of several pieces, and a file that is none."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name, seconds in (("long", 6), ("short", 1)):
        make_video(f"{name}.mp4", seconds=seconds).path.rename(folder / f"{name}.mp4")
    (folder / "bad.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(autouse=True)
def plain_loop(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Workers and their steps without Ray; the list tells which files they looked at."""
    seen: list[str] = []

    @contextmanager
    def engine(*_: object) -> Iterator[Plan]:
        yield Plan(1)

    def answers(
        rows: Sequence[Row], settings: Settings, plan: Plan, *, alone: bool
    ) -> Iterator[Row]:
        worker = Worker(settings)
        for row in reversed(rows):  # in any order
            if row["name"] not in seen:
                seen.append(row["name"])
            yield from worker({"rows": [row]})["rows"]

    monkeypatch.setattr(batch_run, "engine", engine)
    monkeypatch.setattr(batch_run, "answers", answers)
    return seen


def table(folder: Path) -> list[dict[str, Any]]:
    rows = [row for part in folder.glob("part-*") for row in pq.read_table(part).to_pylist()]
    return sorted(rows, key=lambda row: (row["file"], row["start_s"] or 0.0, row["error"] or ""))


def run(films: Path, output: Path, settings: Settings, **more: Any) -> batch_run.Summary:
    files, errors = find_sources([str(films)])
    assert not errors
    classes = ("Jumping", "Reading", "Swimming")
    return batch_run.run_batch(files, Parts(str(output)), settings, classes, **more)


def test_rows_are_the_segments_of_a_timeline(
    films: Path, tmp_path: Path, settings: Settings
) -> None:
    summary = run(films, tmp_path / "out", settings)
    assert (summary.done, summary.errors, summary.lost) == (3, 1, 0)
    rows = table(tmp_path / "out")
    recognizer = Recognizer.load(settings.model)
    for name in ("long.mp4", "short.mp4"):
        found = [row for row in rows if row["file"] == str(films / name)]
        for row, segment in zip(found, recognizer.timeline(films / name, step_s=0.4), strict=True):
            assert (row["action"], row["error"]) == (segment.action, None)
            assert row["start_s"] == pytest.approx(segment.start_s)
            assert row["end_s"] == pytest.approx(segment.end_s)
            assert row["probability"] == pytest.approx(segment.probability, abs=1e-5)
    (bad,) = [row for row in rows if row["file"] == str(films / "bad.mp4")]
    assert "not a video" in bad["error"]
    assert bad["start_s"] is None


def test_goes_on_where_it_was_killed(
    films: Path,
    tmp_path: Path,
    settings: Settings,
    plain_loop: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(films, tmp_path / "whole", settings)
    monkeypatch.setattr(batch_run, "_PART_ROWS", 1)

    def die(summary: batch_run.Summary) -> None:
        if summary.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(films, tmp_path / "out", settings, on_progress=die)
    plain_loop.clear()
    (tmp_path / "out" / "_half.tmp").write_bytes(b"PAR1")  # a part that was being written
    summary = run(films, tmp_path / "out", settings)
    assert (summary.skipped, summary.done) == (2, 1)
    assert plain_loop == ["long.mp4"]
    assert table(tmp_path / "out") == table(tmp_path / "whole")
    assert run(films, tmp_path / "out", settings).skipped == 3


def test_a_file_that_has_changed_is_looked_at_again(
    films: Path, tmp_path: Path, settings: Settings, plain_loop: list[str]
) -> None:
    run(films, tmp_path / "out", settings)
    plain_loop.clear()
    (films / "bad.mp4").write_bytes(b"still no video")
    assert run(films, tmp_path / "out", settings).skipped == 2
    assert plain_loop == ["bad.mp4"]


def test_what_a_worker_lost_is_done_in_another_round(
    films: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = batch_run.answers

    lost: list[tuple[str, int]] = []

    def losing(rows: Sequence[Row], *more: Any, alone: bool) -> Iterator[Row]:
        assert alone == bool(looked_at)  # what was lost with others is done alone
        looked_at.append([(row["name"], row["number"]) for row in rows])
        for row in whole(rows, *more, alone=alone):
            place = (row["name"], row["number"])
            if (
                place in (("short.mp4", 0), ("long.mp4", 1))
                and row["answered"]
                and place not in lost
            ):
                lost.append(place)  # with its worker
            else:
                yield row

    looked_at: list[list[tuple[str, int]]] = []
    monkeypatch.setattr(batch_run, "answers", losing)
    summary = run(films, tmp_path / "out", settings)
    assert (summary.done, summary.lost) == (3, 0)
    pieces = [("long.mp4", number) for number in range(5)]
    assert looked_at[1:] == [[*pieces, ("short.mp4", 0)], [("long.mp4", 1)]]


def test_what_ends_every_worker_is_counted_and_has_no_rows(
    films: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = batch_run.answers
    monkeypatch.setattr(
        batch_run, "answers", lambda *a, **b: (r for r in whole(*a, **b) if r["number"] != 3)
    )
    summary = run(films, tmp_path / "out", settings)
    assert (summary.done, summary.lost) == (2, 1)
    assert not [row for row in table(tmp_path / "out") if row["file"].endswith("long.mp4")]


def test_small_videos_share_a_task_and_large_ones_and_pieces_go_alone() -> None:
    sizes = {"0": 5, "1": 1, "2": 9, "film": 80 * 2**20}
    rows = [{"key": key, "size": size, "of": 0} for key, size in sizes.items()]
    tasks = [[row["key"] for row in task["rows"]] for task in tasks_of(rows, 2)]
    assert tasks == [["film"], ["2", "0"], ["1"]]
    assert len(tasks_of(rows, 1)) == len(tasks_of(rows, 0)) == 4
    assert len(tasks_of([{**row, "of": 3} for row in rows], 16)) == 4
    assert tasks_of([], 16) == []


def test_errors_are_tried_again_and_no_row_is_there_twice(
    films: Path, tmp_path: Path, settings: Settings, make_video: Callable[..., Any]
) -> None:
    run(films, tmp_path / "out", settings)
    parts = Parts(str(tmp_path / "out"))
    (failed,) = parts.failed()
    before = table(tmp_path / "out")
    parts.drop({failed, "of another table"})
    assert table(tmp_path / "out") == [row for row in before if row["error"] is None]
    assert (failed in parts.done(), parts.failed()) == (False, set())
    summary = run(films, tmp_path / "out", settings)
    assert (summary.skipped, summary.done, summary.errors) == (2, 1, 1)
    assert table(tmp_path / "out") == before
    parts.drop(parts.done())
    assert not list((tmp_path / "out").iterdir())  # no empty part stays behind


def test_what_cannot_be_reached_has_no_row_and_is_done_the_next_time(
    films: Path, tmp_path: Path, settings: Settings
) -> None:
    files, _ = find_sources([str(films)])
    parts, away = Parts(str(tmp_path / "out")), tmp_path / "away"
    (films / "long.mp4").rename(away)  # after it was listed, as when a mount is lost
    classes = ("Jumping", "Reading", "Swimming")
    summary = batch_run.run_batch(files, parts, settings, classes)
    assert (summary.done, summary.errors, summary.lost) == (2, 1, 0)
    (error,) = summary.unread
    assert error.name == str(films / "long.mp4")
    assert error.reason == "it cannot be read (No such file or directory)"
    away.rename(films / "long.mp4")
    summary = run(films, tmp_path / "out", settings)
    assert (summary.skipped, summary.done, summary.unread) == (2, 1, [])
