"""The figures of a batch, asked for as Prometheus asks."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra scale is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra scale is not installed")
pytest.importorskip("prometheus_client", reason="the extra scale is not installed")

from prometheus_client.parser import text_string_to_metric_families  # noqa: E402

from action_recognition.batch.figures import served  # noqa: E402
from action_recognition.batch.summary import Summary  # noqa: E402
from action_recognition.cli import main  # noqa: E402

PREFIX = "action_recognition_batch_"


@pytest.fixture
def port() -> int:
    """One on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def asked(port: int) -> dict[tuple[str, ...], float]:
    """(name without its prefix, values of its labels) -> value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {
        (sample.name.removeprefix(PREFIX), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_figures_are_those_of_the_summary(port: int) -> None:
    with served("127.0.0.1", port) as figures:
        assert ("left_seconds",) not in asked(port)  # not known yet
        figures.summary = Summary(9, skipped=2, done=4, errors=1, bytes_done=70, left_s=12.5)
        for node in ("a", "b"):
            row = {"node": node, "worker": node, "work_s": 2.0, "network_s": 0.5}
            figures.summary.count_piece(row, 1)
        figures.summary.left_s = 12.5
        found = asked(port)
    assert found["videos_named",] == 9
    assert found["videos_total", "recognised"] == 3
    assert (found["videos_total", "error"], found["videos_total", "skipped"]) == (1, 2)
    assert (found["bytes_total",], found["left_seconds",]) == (70, 12.5)
    assert (found["pieces_total", "a"], found["work_seconds_total", "b"]) == (1, 2.0)
    with pytest.raises(OSError):
        asked(port)


def test_a_port_in_use_is_one_sentence_and_nothing_starts(
    tiny_model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        command = ["batch", str(tmp_path), "--output", str(tmp_path / "out")]
        more = ["--model", str(tiny_model_path), "--metrics-port", str(port)]
        assert main([*command, *more]) == 2
    error = capsys.readouterr().err
    assert error.endswith(f"127.0.0.1:{port}: cannot listen there (Address already in use)\n")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--untrusted"]], ids=["as it is", "untrusted"])
def test_while_a_batch_runs(
    make_video: Callable[..., Any],
    tmp_path: Path,
    tiny_model_path: Path,
    port: int,
    more: list[str],
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for k in range(4):
        make_video(f"{k}.mp4", seconds=3).path.rename(films / f"{k}.mp4")
    (films / "bad.mp4").write_bytes(b"no video")
    seen: list[dict[tuple[str, ...], float]] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            with suppress(OSError):  # before it begins, after it has ended
                seen.append(asked(port))
            time.sleep(0.02)

    asking = threading.Thread(target=ask)
    asking.start()
    command = ["batch", str(films), "--output", str(tmp_path / "out"), "--workers", "1", *more]
    model = ["--model", str(tiny_model_path), "--piece-minutes", "0.02"]
    try:
        assert main([*command, *model, "--metrics-port", str(port)]) == 1  # for one of them
    finally:
        ended.set()
        asking.join()
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert {row["file"] for row in rows if row["error"] is None} == {
        str(films / f"{k}.mp4") for k in range(4)
    }
    pieces = ("pieces_total", socket.gethostname())
    worked = [found for found in seen if found.get(pieces)]
    assert worked, f"asked {len(seen)} times"
    assert worked[-1][pieces] >= 5
    assert worked[-1]["videos_named",] == 5
    assert worked[-1]["videos_total", "error"] in (0, 1)
    assert worked[-1]["network_seconds_total", pieces[1]] > 0
    assert (
        worked[-1]["network_seconds_total", pieces[1]]
        <= worked[-1]["work_seconds_total", pieces[1]]
    )
    assert worked[-1]["workers_total", pieces[1]] == 2  # another for the pieces of the long film
