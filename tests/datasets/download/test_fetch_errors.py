"""Servers, networks and disks that fail: what is tried again, how often, and what is said."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import urllib3

from action_recognition.datasets.download import fetch as fetching
from action_recognition.datasets.download.fetch import fetch
from action_recognition.errors import DataError
from file_server import EXPIRED_CERTIFICATE, RAR, Answer, FileServer, names_in, remote

pytestmark = pytest.mark.slow  # the whole file: some seconds

FAILURE = Answer(status=500)


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


# -- attempts ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 408, 425, 429, 500, 502, 503, 504])
def test_a_failure_that_may_pass_is_tried_again(
    tmp_path: Path, waits: list[float], status: int
) -> None:
    with FileServer(RAR, Answer(status=status)) as server:
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR
    assert len(server.requests) == 2
    assert waits == [1.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_failure_that_stays_is_not(tmp_path: Path, waits: list[float], status: int) -> None:
    with (
        FileServer(RAR, Answer(status=status)) as server,
        pytest.raises(DataError, match=rf"^clips\.rar: .*: the server answered {status} \w+"),
    ):
        fetch(remote(server.url()), tmp_path)
    assert len(server.requests) == 1
    assert waits == []
    assert names_in(tmp_path) == []


def test_waits_double_up_to_a_minute(tmp_path: Path, waits: list[float]) -> None:
    with (
        FileServer(RAR, then=FAILURE) as server,
        pytest.raises(
            DataError, match=r"500 Internal Server Error \(attempts without a new byte: 9\)$"
        ),
    ):
        fetch(remote(server.url()), tmp_path, attempts=9)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert len(server.requests) == 9


def test_waits_and_attempts_begin_anew_after_new_bytes(tmp_path: Path, waits: list[float]) -> None:
    answers = (FAILURE, FAILURE, Answer(cut=1000), FAILURE, FAILURE, Answer(cut=1000), FAILURE)
    with FileServer(RAR, *answers) as server:
        path = fetch(remote(server.url()), tmp_path, attempts=3, first_wait_s=0.5)
    assert path.read_bytes() == RAR
    assert waits == [0.5, 1, 0.5, 1, 2, 0.5, 1]


def test_one_attempt_goes_on_as_long_as_bytes_come(tmp_path: Path, waits: list[float]) -> None:
    cut = Answer(cut=30_000)
    with FileServer(RAR, cut, cut, cut) as server:
        assert fetch(remote(server.url()), tmp_path, attempts=1).read_bytes() == RAR
    assert len(server.requests) == 4
    assert waits == [1, 1, 1]


@pytest.mark.parametrize(
    ("after", "wait"), [("7", 7), ("0", 1), ("3600", 60), ("Fri, 31 Dec 1999 23:59:59 GMT", 1)]
)
def test_a_server_may_ask_for_a_longer_wait(
    tmp_path: Path, waits: list[float], after: str, wait: float
) -> None:
    with FileServer(RAR, Answer(status=503, headers={"Retry-After": after})) as server:
        fetch(remote(server.url()), tmp_path)
    assert waits == [wait]


def test_a_redirection_is_followed(tmp_path: Path) -> None:
    with FileServer(RAR) as there, FileServer(b"") as here:
        here.then = Answer(status=302, headers={"Location": there.url()})
        assert fetch(remote(here.url()), tmp_path).read_bytes() == RAR


# -- networks ------------------------------------------------------------------------------


def test_no_server_there(tmp_path: Path, waits: list[float], closed_port: int) -> None:
    with pytest.raises(DataError, match=r"no connection to 127\.0\.0\.1 \(attempts .*: 3\)$"):
        fetch(remote(f"http://127.0.0.1:{closed_port}/"), tmp_path, attempts=3)
    assert waits == [1, 2]


def test_no_network_there(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_names(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "any words, each system has its own")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    with pytest.raises(DataError, match=r"the name mirror\.test is not found; is there a network"):
        fetch(remote("http://mirror.test/"), tmp_path, attempts=2)
    assert waits == [1]


def test_a_server_that_falls_silent(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_TIMEOUT_S", (20, 0.5))
    silence = Answer(cut=50_000, hold=True)
    with FileServer(RAR, silence) as server:
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR
        assert server.ranges[:2] == [None, "bytes=50000-"]
    with (
        FileServer(RAR, then=Answer(ranges=False, cut=50_000, hold=True)) as server,
        pytest.raises(DataError, match=r"the server fell silent at 50\.0 kB \(attempts"),
    ):
        fetch(remote(server.url()), tmp_path / "other", attempts=1)


def test_a_server_that_never_answers(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_TIMEOUT_S", (20, 0.1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(DataError, match=r"127\.0\.0\.1 did not answer in time"):
            fetch(remote(url), tmp_path, attempts=2)
    assert waits == [1]


@pytest.mark.parametrize("url", ["http://", "http://[::1/a", "http://a b/"])
def test_an_address_that_is_none(tmp_path: Path, waits: list[float], url: str) -> None:
    with pytest.raises(DataError, match=r"the request failed"):
        fetch(remote(url), tmp_path)
    assert waits == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses(
    tmp_path: Path,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
    closed_port: int,
    scheme: str,
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    with pytest.raises(
        DataError, match=r"the proxy does not connect to mirror\.test; look at .* HTTPS_PROXY, HTTP"
    ):
        fetch(remote(f"{scheme}://mirror.test/clips.rar"), tmp_path)
    assert waits == []


# -- certificates --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("localhost", "certificate has expired"),
        ("127.0.0.1", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)
def test_a_certificate_that_is_not_accepted(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch, host: str, why: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(EXPIRED_CERTIFICATE))  # else: "self-signed"
    with FileServer(RAR, tls=True) as server, pytest.raises(DataError) as caught:
        fetch(remote(server.url(host=host)), tmp_path)
    assert str(caught.value).endswith(
        f"the certificate of {host} is not accepted ({why}); --no-check-certificate goes on "
        "without a check, at your own risk"
    )
    assert waits == []
    assert server.requests == []


@pytest.mark.parametrize("bundle", [True, False])
def test_without_a_check_the_file_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: bool
) -> None:
    """Also where REQUESTS_CA_BUNDLE is set, which goes before a session's `verify`."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    if bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(EXPIRED_CERTIFICATE))
    with (
        FileServer(RAR, tls=True) as server,
        pytest.warns(urllib3.exceptions.InsecureRequestWarning),
    ):
        path = fetch(remote(server.url(host="localhost")), tmp_path, check_certificate=False)
    assert path.read_bytes() == RAR


def test_a_failed_handshake_is_not_blamed_on_the_certificate(
    tmp_path: Path, waits: list[float]
) -> None:
    with FileServer(RAR) as server:
        url = server.url().replace("http:", "https:")
        with pytest.raises(DataError, match=r"no secure connection to 127\.0\.0\.1"):
            fetch(remote(url), tmp_path, attempts=2)
    assert waits == [1]


def test_a_bundle_of_certificates_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(DataError, match=r"the request failed \(.*none\.pem\)"):
        fetch(remote("https://127.0.0.1:9/"), tmp_path)


# -- disks ---------------------------------------------------------------------------------


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(folder: Path) -> object:
        assert folder == tmp_path
        return SimpleNamespace(free=4096)

    monkeypatch.setattr(fetching.shutil, "disk_usage", usage)
    mirror = "http://127.0.0.1:9/never asked"
    with FileServer(RAR) as server, pytest.raises(DataError) as caught:
        fetch(remote(server.url(), mirror), tmp_path)
    assert str(caught.value) == (
        f"clips.rar: the disk of {tmp_path} is too small: 102.4 kB are needed, 4.1 kB are free"
    )
    assert names_in(tmp_path) == []
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: SimpleNamespace(free=len(RAR)))
    with FileServer(RAR) as server:
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR


@pytest.mark.parametrize(
    ("needed", "free", "words"),
    [
        (6_500_000_000, 1_234_567, "6.5 GB are needed, 1.2 MB are free"),
        (1000, 999, "1.0 kB are needed, 999 bytes are free"),
    ],
)
def test_sizes_are_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needed: int, free: int, words: str
) -> None:
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(DataError, match=rf"^UCF101\.rar: .*{re.escape(words)}$"):
        fetching.require_space(tmp_path, needed, "UCF101.rar")


def test_a_real_disk_that_is_too_small(small_disk: Path) -> None:
    with (
        FileServer(RAR * 4) as server,
        pytest.raises(DataError, match=r"too small: 409\.6 kB are needed, 262\.1 kB are free$"),
    ):
        fetch(remote(server.url()), small_disk)
    assert names_in(small_disk) == []


def test_a_disk_that_fills_up_keeps_the_part(small_disk: Path) -> None:
    file = RAR * 4
    with FileServer(file, then=Answer(chunked=True)) as server:
        with pytest.raises(
            DataError, match=r"^clips\.rar: the disk is full after 2\d\d\.\d kB; free"
        ):
            fetch(remote(server.url()), small_disk)
        assert names_in(small_disk) == ["clips.rar.part", "clips.rar.part.json"]
        kept = (small_disk / "clips.rar.part").stat().st_size
        assert kept > 200_000
        subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
        assert fetch(remote(server.url()), small_disk).read_bytes() == file
    assert server.ranges == [None, f"bytes={kept}-"]
