"""What the running dashboard answers to whom: address, names, headers, uploads."""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit import config
from streamlit.web.server.app_discovery import discover_asgi_app

from action_recognition.dashboard.limits import BUSY
from action_recognition.dashboard.server import is_known_host, security_headers
from video_maker import MadeVideo

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from streamlit_visitor import Visitor

SCRIPT = Path(__file__).parents[2] / "op_app.py"
BOUNDARY = "edge"
BODY = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="a.mp4"\r\n\r\n'
    f"content\r\n--{BOUNDARY}--\r\n"
).encode()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a dashboard that was started in another folder, with no word about its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", str(SCRIPT), "--server.headless=true"]
    command += [f"--server.port={port}", "--server.fileWatcherType=none", "--"]
    command += ["--uploads-per-visitor=2"]
    server = subprocess.Popen(
        command, cwd=tmp_path_factory.mktemp("elsewhere"), stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            assert server.poll() is None
            try:
                ask(port, "GET", "/_stcore/health")
                break
            except OSError:
                time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def ask(
    port: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    """Status, headers by their lower-case names, and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read().decode(errors="replace")
    finally:
        connection.close()


def test_streamlit_finds_the_application_in_the_script() -> None:
    assert discover_asgi_app(SCRIPT).import_string == "op_app:app"


@pytest.mark.skipif(sys.platform != "linux", reason="another loopback address is Linux's own")
def test_it_listens_on_this_machine_only(port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), 5)


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/nowhere/at/all"])
def test_every_answer_has_the_headers(port: int, path: str) -> None:
    _, headers, _ = ask(port, "GET", path)
    for name, value in security_headers("").items():
        if name != "Content-Security-Policy":
            assert headers[name.lower()] == value
    policy = headers["content-security-policy"]
    assert re.search(r"script-src 'self' blob: 'wasm-unsafe-eval' 'sha256-[\w+/=]+';", policy)
    assert "'unsafe-eval'" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "camera=(self)" in headers["permissions-policy"]


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/stream", "/media/x"])
def test_a_name_that_is_not_its_own_is_not_answered(port: int, path: str) -> None:
    """DNS rebinding: a page elsewhere lets its own name point here."""
    status, _, text = ask(port, "GET", path, Host=f"evil.example:{port}")
    assert status == 421
    assert "--server.allowedHosts" in text
    assert ask(port, "GET", "/_stcore/health", Host=f"localhost:{port}")[0] == 200


def test_a_web_socket_to_another_name_or_from_another_site_is_refused(port: int) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    own = f"http://127.0.0.1:{port}"
    for host, origin in ((f"evil.example:{port}", own), (f"127.0.0.1:{port}", "http://192.0.2.1")):
        status, _, _ = ask(port, "GET", "/_stcore/stream", Host=host, Origin=origin, **upgrade)
        assert status == 403


def test_other_sites_get_no_permission_and_uploads_need_the_token(port: int) -> None:
    _, headers, _ = ask(port, "GET", "/_stcore/health", Origin="http://evil.example")
    assert "access-control-allow-origin" not in headers
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    headers = {"Content_Type": kind, "X_Forwarded_For": "192.0.2.9"}
    path = "/_stcore/upload_file/visit/file"
    # The third within a minute is not looked at any more: the page of the visit says so.
    statuses = [ask(port, "PUT", path, BODY, **headers)[0] for _ in range(3)]
    assert statuses == [403, 403, 204]


def test_a_visitor_who_uploads_too_often_is_told_so_and_goes_on(
    port: int, make_video: Callable[..., MadeVideo]
) -> None:
    content = make_video(seconds=1).path.read_bytes()

    async def visit() -> list[bool]:
        busy = []
        async with Visitor(f"http://127.0.0.1:{port}") as visitor:
            for k in range(3):
                await visitor.upload(f"{k}.mp4", content + bytes(k))
                busy.append(BUSY in visitor.text())
            with pytest.raises(LookupError):  # the one that was refused is not there
                await visitor.click("Predict")
        return busy

    assert asyncio.run(visit()) == [False, False, True]


@pytest.mark.parametrize(
    ("host", "allowed", "known"),
    [
        ("localhost:8501", [], True),
        ("LOCALHOST", [], True),
        ("127.0.0.1:8501", [], True),
        ("[::1]:8501", [], True),
        ("192.168.1.7", [], True),
        ("evil.example", [], False),
        ("localhost.evil.example", [], False),
        ("127.0.0.1.evil.example", [], False),
        ("127.0.0.1:x", [], True),
        ("", [], False),
        (None, [], False),
        ("dash.example:443", ["dash.example"], True),
        ("evil.example", ["dash.example"], False),
    ],
)
def test_which_names_are_its_own(
    host: str | None, allowed: list[str], known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "get_option", lambda name: allowed)
    assert is_known_host(host) == known
