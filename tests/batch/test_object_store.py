"""An object store on this machine: videos are read from it, and the table is written into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto.server", reason="moto needs an older python-dateutil than matplotlib")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra scale is not installed")

from moto.server import ThreadedMotoServer  # noqa: E402
from pyarrow import fs  # noqa: E402

from action_recognition.batch.parts import Parts  # noqa: E402
from action_recognition.batch.sources import find_sources  # noqa: E402
from action_recognition.batch.stores import open_store  # noqa: E402
from action_recognition.recognition.recognizer import Recognizer  # noqa: E402


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Those of a URL that lead to the store, in which there is the bucket `data`."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    found = f"scheme=http&endpoint_override={host}:{port}&allow_bucket_creation=true&region=eu-1"
    open_store(f"s3://data?{found}").create_dir("data")
    yield found
    server.stop()


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
