"""A live source opens what its address names, and nothing else, and tells no password."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from action_recognition.errors import VideoError
from action_recognition.video import live_access, live_reader
from action_recognition.video.live import LiveSource
from action_recognition.video.live_access import redirected, shown
from camera_server import CameraServer, parts
from video_maker import read_barcode, write_video

Page = bytes | str  # what is sent, or where it is redirected to


class Site:
    """A web server in a thread with some pages. `asked` lists the paths that were asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self.credentials = ""  # that it asks for, as user:password; empty: none
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Site:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(outer) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                outer.asked.append(path)
                page = outer.pages.get(path, 404)
                right = "Basic " + base64.b64encode(outer.credentials.encode()).decode()
                if outer.credentials and self.headers.get("Authorization") != right:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="door"')
                    self.end_headers()
                elif isinstance(page, int):
                    self.send_error(page)
                elif isinstance(page, str):
                    self.send_response(302)
                    self.send_header("Location", page)
                    self.end_headers()
                else:
                    self._send(page)

            def _send(self, page: bytes) -> None:
                asked = self.headers.get("Range", "")
                if asked.startswith("bytes=") and not asked.endswith("-"):
                    first, last = asked.removeprefix("bytes=").split("-")
                    page = page[int(first) : int(last) + 1]
                self.send_response(206 if asked else 200)
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: Any) -> None: ...

        return Handler


def _transport_stream(start: int) -> bytes:
    file = io.BytesIO()
    write_video(file, container="mpegts", codec="libx264", seconds=0.4, start_s=0.4 * start)
    return file.getvalue()


PIECES = [_transport_stream(k) for k in range(3)]


def _playlist(*entries: str, before: str = "") -> bytes:
    lines = ["#EXTM3U", "#EXT-X-VERSION:4", "#EXT-X-TARGETDURATION:1"]
    for entry in entries:
        lines += [before] * bool(before) + ["#EXTINF:0.4,", entry]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode()


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, Site]]:
    """That of the address, and another one on this machine."""
    monkeypatch.setattr(live_reader, "PAUSES_S", (0.01,) * 5)
    with Site() as own, Site() as other:
        other.pages = {
            "/secret": PIECES[0],
            "/secret.ts": PIECES[0],
            "/list.m3u8": _playlist("a.ts"),
        }
        yield own, other


def numbers(url: str) -> list[int]:
    with LiveSource(url) as source:
        convert = source.converter(32, 4 / 3)
        return [read_barcode(convert(frame)) for _, frame in source.frames()]


def refused(url: str) -> str:
    with pytest.raises(VideoError) as caught, LiveSource(url) as source:
        list(source.frames())
    return caught.value.reason


def test_a_playlist_of_its_own_server_is_played(sites: tuple[Site, Site]) -> None:
    own, _ = sites
    own.pages = {f"/{k}.ts": piece for k, piece in enumerate(PIECES)}
    own.pages |= {"/all": "/list.m3u8", "/moved/0.ts": "/0.ts"}
    own.pages |= {"/list.m3u8": _playlist("moved/0.ts", "1.ts", f"{own.address}/2.ts")}
    own.pages |= {"/best.m3u8": b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nlist.m3u8\n"}
    for name in ("list.m3u8", "best.m3u8", "all"):
        assert numbers(f"{own.address}/{name}") == [*range(10)] * 3


def test_a_playlist_that_grows_is_read_again(sites: tuple[Site, Site]) -> None:
    own, other = sites
    own.pages = {f"/{k}.ts": _transport_stream(k) for k in range(4)}
    first, end = ("0.ts", "1.ts", "2.ts"), b"#EXT-X-ENDLIST\n"
    own.pages["/list.m3u8"] = _playlist(*first).removesuffix(end)
    found = []
    with LiveSource(f"{own.address}/list.m3u8") as source:
        convert = source.converter(32, 4 / 3)
        for _, frame in source.frames():
            found.append(read_barcode(convert(frame)))
            if len(found) == 5:
                own.pages["/list.m3u8"] = _playlist(*first, "3.ts")
    assert found == [*range(10)] * 4
    own.pages["/list.m3u8"] = _playlist(*first).removesuffix(end)
    with LiveSource(f"{own.address}/list.m3u8") as source:
        own.pages["/list.m3u8"] = _playlist(*first, f"{other.address}/secret.ts")
        with pytest.raises(VideoError, match="it leads to another place"):
            list(source.frames())
    assert not other.asked


def test_parts_of_one_file_are_played(sites: tuple[Site, Site]) -> None:
    own, _ = sites
    first = len(PIECES[0])
    ranges = (
        f"#EXT-X-BYTERANGE:{first}@0\n#EXTINF:0.4,\nall.ts",
        f"#EXT-X-BYTERANGE:{len(PIECES[1])}@{first}",
    )
    text = "\n".join([*ranges, "#EXTINF:0.4,", "all.ts"])
    text = f"#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:1\n{text}\n#EXT-X-ENDLIST\n"
    own.pages = {"/list.m3u8": text.encode(), "/all.ts": b"".join(PIECES)}
    assert numbers(f"{own.address}/list.m3u8") == [*range(10)] * 2


@pytest.mark.parametrize(
    "pages",
    [
        {"/list.m3u8": _playlist("OTHER/secret.ts")},
        {"/list.m3u8": _playlist("0.ts", "OTHER/secret.ts")},
        {"/list.m3u8": _playlist("moved.ts"), "/moved.ts": "OTHER/secret.ts"},
        {"/list.m3u8": b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nOTHER/list.m3u8\n"},
        {"/list.m3u8": _playlist("0.ts", before='#EXT-X-MAP:URI="OTHER/secret"')},
        {"/list.m3u8": "OTHER/list.m3u8"},
        {"/list.m3u8": "/on.m3u8", "/on.m3u8": "OTHER/list.m3u8"},
    ],
)
def test_another_port_is_not_connected_to(sites: tuple[Site, Site], pages: dict[str, Page]) -> None:
    own, other = sites
    here: dict[str, Page] = {"/0.ts": PIECES[0]}
    for path, page in pages.items():
        here[path] = (
            page.replace("OTHER", other.address)
            if isinstance(page, str)
            else page.replace(b"OTHER", other.address.encode())
        )
    own.pages = here
    reason = refused(f"{own.address}/list.m3u8")
    assert f"it leads to another place, {other.address}, which is not opened" in reason
    assert not other.asked


@pytest.mark.parametrize(
    "entry",
    ["file:///FILE", "FILE", "concat:FILE", "data:video/mp2t;base64,AAAA", "rtp://127.0.0.1:1"],
)
def test_a_playlist_opens_no_file_and_no_other_protocol(
    sites: tuple[Site, Site], entry: str, tmp_path: Path
) -> None:
    own, _ = sites
    file = tmp_path / "secret.ts"
    file.write_bytes(PIECES[0])
    own.pages = {"/list.m3u8": _playlist(entry.replace("FILE", str(file)))}
    with pytest.raises(VideoError), LiveSource(f"{own.address}/list.m3u8") as source:
        list(source.frames())


def test_an_encrypted_playlist_is_refused_with_a_sentence(sites: tuple[Site, Site]) -> None:
    own, _ = sites
    key = '#EXT-X-KEY:METHOD=AES-128,URI="key"'
    own.pages = {"/list.m3u8": _playlist("0.ts", before=key), "/key": bytes(16), "/0.ts": PIECES[0]}
    assert "its playlist is encrypted" in refused(f"{own.address}/list.m3u8")


def test_redirects_are_followed_to_the_same_server_and_to_public_ones(
    sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = sites
    own.pages = {"/live": "/on", "/on": "0.ts", "/0.ts": PIECES[0], "/circle": "/circle"}
    assert numbers(f"{own.address}/live") == [*range(10)]
    assert "it is redirected again and again" in refused(f"{own.address}/circle")
    own.pages = {"/live": f"{other.address}/secret.ts"}
    monkeypatch.setattr(live_access, "_is_public", lambda host: True)
    assert redirected(f"{own.address}/live", 5) == f"{other.address}/secret.ts"


@pytest.mark.parametrize(
    ("host", "public"),
    [("127.0.0.1", False), ("10.1.2.3", False), ("169.254.169.254", False), ("::1", False),
     ("localhost", False), ("8.8.8.8", True), ("2001:4860:4860::8888", True)],
)  # fmt: skip
def test_which_addresses_are_public(host: str, public: bool) -> None:
    assert live_access._is_public(host) == public


@pytest.mark.parametrize(
    "text",
    [
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        "ffconcat version 1.0\nfile /etc/hostname\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'profiles="urn:mpeg:dash:profile:isoff-live:2011"></MPD>',
    ],
)
def test_other_lists_are_no_video(sites: tuple[Site, Site], text: str) -> None:
    own, _ = sites
    own.pages = {"/list": text.encode()}
    assert "it sends no video that is known here" in refused(f"{own.address}/list")


@pytest.mark.parametrize(
    "secret",
    [
        "rtsp://me:s3cret@127.0.0.1:1/door",
        "rtsp://me:s3/cret@127.0.0.1:1/door",
        "rtsp://me:s3?cret@127.0.0.1:1/door",
        "rtsp://me:s3#cret@127.0.0.1:1/door",
        "rtsp://me:s3@cret@127.0.0.1:1/door",
        "rtsp://127.0.0.1:1/door?user=me&password=s3cret",
        "rtsp://127.0.0.1:1/user=me&password=s3cret&channel=1",
        "http://me:s3/cret@127.0.0.1:1/live",
        "http://me:s3?cret@127.0.0.1:1/live",
        "http://me:s3#cret@127.0.0.1:1/live",
        "http://me:[s3cret@127.0.0.1:1/live",
        "https://me:s3cret@127.0.0.1:1/live",
        "http://me:s3cret@CAMERA/live?pwd=s3cret",
        "http://me:s3cret@SITE/list.m3u8",
        "http://me:s3cret@SITE/away",
    ],
)
def test_a_password_is_in_no_message_and_no_line_of_a_log(
    sites: tuple[Site, Site], secret: str, capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    own, other = sites
    away = f"http://me:s3cret@{other.address.removeprefix('http://')}/secret.ts"
    own.pages = {"/list.m3u8": _playlist("0.ts", "gone.ts"), "/0.ts": PIECES[0], "/away": away}
    caplog.set_level(0)
    with CameraServer(parts([b"x"]), status=404) as camera:
        url = secret.replace("CAMERA", camera.url.split("/")[2])
        url = url.replace("SITE", own.address.removeprefix("http://"))
        said: list[str] = []
        with pytest.raises(VideoError) as caught, LiveSource(url, notify=said.append) as source:
            list(source.frames())
    out, err = capfd.readouterr()
    for text in (str(caught.value), *said, out, err, caplog.text):
        assert "s3" not in text
        assert "cret@" not in text
    assert "127.0.0.1" in str(caught.value)


def test_a_playlist_gets_the_password_of_its_address(sites: tuple[Site, Site]) -> None:
    own, _ = sites
    own.pages = {"/list.m3u8": _playlist("a.ts"), "/a.ts": PIECES[0]}
    own.credentials = "me:p@ss"
    url = own.address.replace("//", "//me:p%40ss@")
    assert numbers(f"{url}/list.m3u8") == [*range(10)]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://door:8080/live?user=a@b", "http://door:8080/live"),
        ("http://door/@cam", "http://door/@cam"),
        ("http://door/a?pwd=x#y", "http://door/a"),
        ("rtsp://door/user=me&PASSWORD=x&c=1", "rtsp://door/user=me&PASSWORD=…&c=1"),
    ],
)
def test_how_addresses_are_shown(url: str, text: str) -> None:
    assert shown(url) == text
