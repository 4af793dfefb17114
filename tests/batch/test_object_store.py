"""An object store on this machine: videos are read from it, and the table is written into it.

Its server runs in an environment of its own, which `make test` makes.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra scale is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra scale is not installed")

from pyarrow import fs  # noqa: E402

from action_recognition.batch import run as batch_run  # noqa: E402
from action_recognition.batch.films import UNKNOWN, Films, Row  # noqa: E402
from action_recognition.batch.parts import Parts  # noqa: E402
from action_recognition.batch.settings import Settings  # noqa: E402
from action_recognition.batch.sources import find_sources  # noqa: E402
from action_recognition.batch.stores import open_store  # noqa: E402
from action_recognition.batch.worker import Worker  # noqa: E402
from action_recognition.cli.main import main  # noqa: E402
from action_recognition.models.sealed_file import stated_digest  # noqa: E402
from action_recognition.recognition.recognizer import Recognizer  # noqa: E402

_START_S = 30.0  # until the server answers


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the store: host and port."""
    folder = Path(f"{sys.prefix}-store", "bin")
    program = shutil.which("moto_server", path=str(folder)) or shutil.which("moto_server")
    if program is None:
        pytest.skip("needs moto_server: make test puts it into an environment beside its own")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with (tmp_path_factory.mktemp("store") / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
        )
    try:
        deadline_s = time.monotonic() + _START_S
        while time.monotonic() < deadline_s and server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def options(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Those of a URL that lead to the store, in which there is the bucket `data`."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    found = f"scheme=http&endpoint_override={address}&allow_bucket_creation=true&region=eu-1"
    open_store(f"s3://data?{found}").create_dir("data")
    return found


@pytest.mark.slow
def test_reads_videos_from_it_and_writes_parts_into_it(
    make_video: Callable[..., Any], options: str, tiny_model_path: Path
) -> None:
    store = open_store(f"s3://data?{options}")
    assert isinstance(store, fs.S3FileSystem)
    path = make_video("a film.mp4", seconds=2).path
    for name in ("films/a film.mp4", "films/notes.txt"):
        with store.open_output_stream(f"data/{name}") as stream:
            stream.write(path.read_bytes())
    (found,), errors = find_sources([f"s3://data/films?{options}"])
    assert (found.file, found.size) == ("s3://data/films/a film.mp4", path.stat().st_size)
    assert not errors
    recognizer = Recognizer.load(tiny_model_path)
    with store.open_input_file(found.path) as file:
        assert list(recognizer.timeline(file)) == list(recognizer.timeline(path))

    parts = Parts(f"s3://data/out?{options}")
    assert parts.done() == set()
    row = {"file": found.file, "size": 1, "mtime": 1, "model": "m", "step_s": 1.0}
    for _ in range(2):  # written twice, it is there once
        parts.write([{**row, "dwell_s": 2.0, "error": None, "key": "k"}])
    assert parts.done() == {"k"}
    assert len(store.get_file_info(fs.FileSelector("data/out"))) == 1
    _, (error,) = find_sources([f"s3://data/nothing?{options}"])
    assert "s3://data/nothing" in str(error)


@pytest.mark.slow
def test_a_batch_from_it_into_it_goes_on_and_is_that_of_local_files(
    make_video: Callable[..., Any],
    options: str,
    tiny_model_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = open_store(f"s3://data?{options}")
    films = {f"{k}.mp4": make_video(f"{k}.mp4", seconds=2 + k).path for k in range(4)}
    for name, path in films.items():
        with store.open_output_stream(f"data/whole/{name}") as stream:
            stream.write(path.read_bytes())
    take, taken = Films.take, []
    monkeypatch.setattr(batch_run, "_PART_S", 0.0)

    def interrupted(films: Films, row: Row) -> list[Row] | None:
        found = take(films, row)
        if found:
            if len(taken) == 2:
                raise KeyboardInterrupt
            taken.append(row["key"])
        return found

    command = ["batch", f"s3://data/whole?{options}", "--output", f"s3://data/table?{options}"]
    more = ["--model", str(tiny_model_path), "--workers", "1", "--piece-minutes", "0.02"]
    with monkeypatch.context() as patch:
        patch.setattr(Films, "take", interrupted)
        assert main([*command, *more]) != 0
    parts = Parts(f"s3://data/table?{options}")
    assert len(parts.done()) == 2
    assert main([*command, *more]) == 0
    assert len(parts.done()) == 4
    rows = pq.read_table("data/table", filesystem=store).to_pylist()
    recognizer = Recognizer.load(tiny_model_path)
    for name, path in films.items():
        found = [row for row in rows if row["file"] == f"s3://data/whole/{name}"]
        found.sort(key=lambda row: row["start_s"])
        for row, segment in zip(found, recognizer.timeline(path), strict=True):
            assert (row["action"], row["error"]) == (segment.action, None)
            assert row["start_s"] == pytest.approx(segment.start_s)
            assert row["probability"] == pytest.approx(segment.probability, abs=1e-5)


@pytest.mark.slow
def test_what_is_gone_after_it_was_listed_is_no_error_for_good(
    make_video: Callable[..., Any], options: str, tiny_model_path: Path
) -> None:
    store = open_store(f"s3://data?{options}")
    with store.open_output_stream("data/gone/film.mp4") as stream:
        stream.write(make_video("film.mp4", seconds=2).path.read_bytes())
    (found,), _ = find_sources([f"s3://data/gone?{options}"])
    store.delete_file("data/gone/film.mp4")
    settings = Settings(
        str(tiny_model_path), stated_digest(tiny_model_path), window=5, interval_s=0.2
    )
    (row,) = Worker(settings)({"rows": [{"key": "k", **found.row, **UNKNOWN}]})["rows"]
    assert row["unread"]
    assert "it cannot be read (" in row["error"]
