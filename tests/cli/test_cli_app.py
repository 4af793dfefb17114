"""`action-recognition app`: from any folder, on this machine only, ended by Ctrl-C."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.web.server.app_discovery import discover_asgi_app

from action_recognition.cli import app, main
from action_recognition.dashboard.settings import LIMITS

ROOT = Path(__file__).parents[2]


def test_streamlit_finds_the_application_in_the_script() -> None:
    assert discover_asgi_app(app._SCRIPT).import_string == "page:app"


def test_the_settings_have_one_source() -> None:
    beside = app._SCRIPT.parent / ".streamlit" / "config.toml"
    assert (ROOT / ".streamlit" / "config.toml").read_bytes() == beside.read_bytes()


def test_it_has_the_options_of_the_dashboard() -> None:
    names = {name.replace("-", "_") for name, _, _ in app.SETTINGS}
    assert names == {"model", "models", "videos", "examples", "ice", "limits", *LIMITS}


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_wrong_ports(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["app", "--port", port])
    assert ended.value.code == 2
    assert "is no number from 1 to 65535" in capsys.readouterr().err


def start(folder: Path, *options: str) -> tuple[subprocess.Popen[str], int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "action_recognition", "app", "--no-browser"]
    command += [f"--port={port}", *options]
    server = subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also under nohup
    )  # fmt: skip
    return server, port


def status(port: int, host: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/_stcore/health", headers={"Host": host})
    return connection.getresponse().status


@pytest.mark.slow
def test_in_any_folder_under_the_names_that_are_allowed(tmp_path: Path) -> None:
    server, port = start(tmp_path, "--allow-host", "dash.example.org")
    try:
        for _ in range(300):
            assert server.poll() is None, server.stdout and server.stdout.read()
            try:
                assert status(port, f"dash.example.org:{port}") == 200
                break
            except OSError:
                time.sleep(0.2)
        assert status(port, "evil.example") == 421
        if sys.platform == "linux":
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), 5)
    finally:
        server.send_signal(signal.SIGINT)
        text, _ = server.communicate(timeout=30)
    assert server.returncode == 130
    assert f"http://127.0.0.1:{port}" in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    server, _ = start(tmp_path, "--waiting=0")
    text, _ = server.communicate(timeout=60)
    assert server.returncode == 2
    assert "action-recognition: --waiting 0: must be a whole number above 0" in text
    assert "Traceback" not in text
