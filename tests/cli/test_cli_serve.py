"""`action-recognition serve`: a process that answers, and is ended by Ctrl-C."""

from __future__ import annotations

import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from action_recognition.cli import main
from video_maker import MadeVideo

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

EXAMPLE = Path(__file__).parents[2] / "examples" / "ask_service.py"
TOKEN = "a word"


@pytest.fixture
def address(tiny_model_path: Path, tmp_path: Path) -> Iterator[str]:
    """Of a service that asks for a token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "action_recognition", "serve", f"--port={port}"]
    command += ["--model", str(tiny_model_path), "--folder", str(tmp_path), "--device", "cpu"]
    environment = {**os.environ, "ACTION_RECOGNITION_TOKEN": TOKEN}
    log = tmp_path / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=out, stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also under nohup
        )  # fmt: skip
    try:
        for _ in range(300):
            assert server.poll() is None, log.read_text()
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
    assert server.returncode == 130
    assert log.read_text() == f"http://127.0.0.1:{port}\naction-recognition: interrupted\n"


@pytest.mark.slow
def test_the_example_asks_it(
    address: str, make_video: Callable[..., MadeVideo], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = make_video(seconds=3).path
    monkeypatch.setenv("ACTION_RECOGNITION_TOKEN", TOKEN)
    monkeypatch.setattr(sys, "argv", ["ask_service.py", str(path), "--address", address])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("video.mp4: ")
    assert lines[0].startswith("0.0 s to ")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    named = {"path": path.name}
    with httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=60) as client:
        assert client.post("/v1/predict", json=named).json()["file"] == "video.mp4"
        assert client.post("/v1/predict", json={"path": "gone.mp4"}).status_code == 404
    if sys.platform == "linux":
        port = int(address.rpartition(":")[2])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), 5)


def test_a_port_that_is_taken(
    tiny_model_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTION_RECOGNITION_TOKEN", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", f"--port={port}", "--model", str(tiny_model_path)]) == 2
    assert f"127.0.0.1:{port}: cannot listen there (" in capsys.readouterr().err
