"""Downloads that are cut: at any byte, several times, by a kill, while the file changes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from action_recognition.datasets.download import fetch as fetching
from action_recognition.datasets.download.fetch import fetch
from action_recognition.errors import DataError
from file_server import RAR, Answer, FileServer, names_in, remote

pytestmark = pytest.mark.usefixtures("waits")

# Another file of the same length: no byte but the signature's is the same.
NEW = RAR[:8] + bytes(b ^ 0xFF for b in RAR[8:])


# -- cuts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("cut", [1, 7, 8191, 8192, 50_000, len(RAR) - 1])
def test_goes_on_at_the_byte_where_it_was_cut(tmp_path: Path, cut: int, chunked: bool) -> None:
    with FileServer(RAR, Answer(cut=cut, chunked=chunked)) as server:
        path = fetch(remote(server.url()), tmp_path)
    assert path.read_bytes() == RAR
    assert server.ranges == [None, f"bytes={cut}-"]
    assert server.requests[1].headers["if-range"] == '"v1"'
    assert [r.sent for r in server.requests] == [cut, len(RAR) - cut]
    assert names_in(tmp_path) == ["clips.rar"]


def test_every_byte_is_a_place_where_it_goes_on(tmp_path: Path) -> None:
    file = b"any 24 bytes of any kind"
    cuts = [Answer(cut=k) for k in range(len(file))]
    answers = [a for cut in cuts for a in (cut, Answer())]
    with FileServer(file, *answers) as server:
        for k in range(len(file)):
            path = fetch(remote(server.url(), name=f"{k}.bin"), tmp_path)
            assert path.read_bytes() == file, k
    assert sum(r.sent for r in server.requests) == len(file) ** 2
    assert server.ranges[1::2] == [None] + [f"bytes={k}-" for k in range(1, len(file))]


@pytest.mark.parametrize("first", [Answer(), Answer(chunked=True)])
def test_several_cuts_in_one_download(tmp_path: Path, first: Answer) -> None:
    pieces = (1, 9_999, 60_000, 1, 3)
    calls = []
    with FileServer(RAR, *(replace(first, cut=n) for n in pieces)) as server:
        path = fetch(
            remote(server.url()), tmp_path, on_progress=lambda done, total: calls.append(done)
        )
    assert path.read_bytes() == RAR
    starts = [sum(pieces[:k]) for k in range(1, len(pieces) + 1)]
    assert server.ranges == [None, *(f"bytes={n}-" for n in starts)]
    assert sum(r.sent for r in server.requests) == len(RAR)
    assert calls == sorted(calls)


def test_the_next_call_goes_on_where_the_last_one_gave_up(tmp_path: Path) -> None:
    with FileServer(RAR, Answer(cut=50_000), then=Answer(status=500)) as server:
        with pytest.raises(DataError):
            fetch(remote(server.url()), tmp_path)
        assert names_in(tmp_path) == ["clips.rar.part", "clips.rar.part.json"]
        server.then = Answer()
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR
    assert server.ranges[-1] == "bytes=50000-"
    assert server.requests[-1].sent == len(RAR) - 50_000


def test_a_cut_after_the_last_byte_but_before_the_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(path: Path) -> None:
        raise KeyboardInterrupt

    with FileServer(RAR) as server:
        with monkeypatch.context() as patch:
            patch.setattr(fetching, "_check_signature", stopped)
            with pytest.raises(KeyboardInterrupt):
                fetch(remote(server.url()), tmp_path)
        assert names_in(tmp_path) == ["clips.rar.part", "clips.rar.part.json"]
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR
    assert [(r.status, r.sent) for r in server.requests] == [(200, len(RAR)), (416, 0)]


def test_a_server_may_give_less_than_the_rest(tmp_path: Path) -> None:
    """What is missing is asked for, though nothing was cut."""
    less = Answer(body=RAR[:60_000], content_range=f"bytes 50000-59999/{len(RAR)}")
    with FileServer(RAR, Answer(cut=50_000), less) as server:
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR
    assert server.ranges == [None, "bytes=50000-", "bytes=60000-"]


def test_only_the_rest_needs_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=len(RAR))
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage)
    with FileServer(RAR, Answer(cut=50_000), then=Answer(status=404)) as server:
        with pytest.raises(DataError, match="404"):
            fetch(remote(server.url()), tmp_path)
        server.then = Answer()
        usage.free = len(RAR) - 50_001
        with pytest.raises(DataError, match=r"too small: 52\.4 kB are needed"):
            fetch(remote(server.url()), tmp_path)
        assert names_in(tmp_path) == ["clips.rar.part", "clips.rar.part.json"]
        usage.free += 1
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR
    assert server.ranges[-1] == "bytes=50000-"


# -- servers that do not do ranges ---------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
def test_a_server_without_ranges_starts_anew(tmp_path: Path, chunked: bool) -> None:
    whole = Answer(ranges=False, chunked=chunked)
    with FileServer(RAR, replace(whole, cut=50_000), then=whole) as server:
        path = fetch(remote(server.url()), tmp_path)
    assert path.read_bytes() == RAR
    assert [r.status for r in server.requests] == [200, 200]


@pytest.mark.parametrize(
    "content_range",
    ["", "bytes", "bytes 49999-102407/102408", "bytes 50000-102407/102409", "bytes 0-9/10"],
)
def test_a_range_that_was_not_asked_for_is_not_appended(tmp_path: Path, content_range: str) -> None:
    wrong = Answer(content_range=content_range)
    with FileServer(RAR, Answer(cut=50_000), wrong) as server:
        path = fetch(remote(server.url()), tmp_path)
    assert path.read_bytes() == RAR
    assert server.ranges == [None, "bytes=50000-", None]


@pytest.mark.parametrize("always", [Answer(ranges=False), Answer(content_range="bytes 0-9/10")])
def test_a_server_that_never_gets_further_is_given_up(tmp_path: Path, always: Answer) -> None:
    """The second one alternates between a first thousand bytes and none: no progress either."""
    with (
        FileServer(RAR, then=replace(always, cut=1000)) as server,
        pytest.raises(DataError, match=r"\(attempts without a new byte: 4\)$"),
    ):
        fetch(remote(server.url()), tmp_path, attempts=4)
    assert len(server.requests) == 1 + 4


# -- other files under the same address ----------------------------------------------------

TAG, DATE = '"v2"', "Tue, 02 Jan 2024 00:00:00 GMT"
DATED = Answer(etag="", last_modified="Mon, 01 Jan 2024 00:00:00 GMT")


@pytest.mark.parametrize(
    ("first", "then", "body"),
    [
        (Answer(), Answer(etag=TAG), NEW),
        (Answer(), Answer(etag=TAG, if_range=False), NEW),
        (DATED, Answer(etag="", last_modified=DATE), NEW),
        (DATED, Answer(etag="", last_modified=DATE, if_range=False), NEW),
        (replace(DATED, etag='W/"1"'), Answer(etag='W/"1"', last_modified=DATE), NEW),
        (Answer(etag=""), Answer(etag=""), NEW + b"longer"),
        (Answer(), Answer(etag=TAG), NEW[:30_000]),
        (Answer(), Answer(etag=TAG, if_range=False), NEW[:30_000]),
        (Answer(chunked=True), Answer(etag=TAG, chunked=True), NEW),
    ],
)
def test_a_changed_file_is_not_glued_to_the_old_bytes(
    tmp_path: Path, first: Answer, then: Answer, body: bytes
) -> None:
    with FileServer(body, replace(first, body=RAR, cut=50_000), then=then) as server:
        path = fetch(remote(server.url()), tmp_path)
    assert path.read_bytes() == body
    assert server.ranges[1] == "bytes=50000-"


def test_a_weak_tag_does_not_vouch_for_bytes(tmp_path: Path) -> None:
    weak = Answer(etag='W/"1"', last_modified=DATE)
    with FileServer(RAR, replace(weak, cut=50_000), then=weak) as server:
        fetch(remote(server.url()), tmp_path)
    assert server.requests[1].headers["if-range"] == DATE


def test_where_nothing_else_tells_the_hash_does(tmp_path: Path) -> None:
    digest = "md5:" + fetching.hashlib.md5(NEW).hexdigest()
    silent = Answer(etag="")
    with FileServer(NEW, replace(silent, body=RAR, cut=50_000), then=silent) as server:
        with pytest.raises(DataError, match="damaged or another file"):
            fetch(remote(server.url(), digest=digest), tmp_path)
        assert names_in(tmp_path) == []
        assert fetch(remote(server.url(), digest=digest), tmp_path).read_bytes() == NEW


def test_a_stop_while_starting_anew_leaves_no_old_bytes_with_the_new_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = fetching._prepare

    def stopped(part: Path, promise: fetching._Promise, done: int) -> None:
        prepare(part, promise, done)
        if promise.etag == TAG:
            raise KeyboardInterrupt

    with FileServer(NEW, Answer(body=RAR, cut=50_000), then=Answer(etag=TAG)) as server:
        with monkeypatch.context() as patch:
            patch.setattr(fetching, "_prepare", stopped)
            with pytest.raises(KeyboardInterrupt):
                fetch(remote(server.url()), tmp_path)
        assert fetch(remote(server.url()), tmp_path).read_bytes() == NEW


@pytest.mark.parametrize("promise", [None, "", "{", "[]", '{"url": "x"}'])
def test_bytes_of_unknown_origin_do_not_count(tmp_path: Path, promise: str | None) -> None:
    (tmp_path / "clips.rar.part").write_bytes(NEW[:50_000])
    if promise is not None:
        (tmp_path / "clips.rar.part.json").write_text(promise)
    with FileServer(RAR) as server:
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR
    assert server.ranges == [None]


# -- mirrors -------------------------------------------------------------------------------


def test_a_mirror_goes_on_with_the_bytes_of_the_first(tmp_path: Path) -> None:
    with (
        FileServer(RAR, Answer(cut=50_000), then=Answer(status=404)) as first,
        FileServer(RAR, then=Answer(etag='"its own"')) as mirror,
    ):
        path = fetch(remote(first.url(), mirror.url()), tmp_path)
    assert path.read_bytes() == RAR
    assert mirror.ranges == ["bytes=50000-"]
    assert "if-range" not in mirror.requests[0].headers  # tags are each server's own


@pytest.mark.parametrize(
    ("first", "mirror", "body"),
    [
        (Answer(), Answer(), NEW + b"longer"),
        (Answer(chunked=True), Answer(), NEW),
        (Answer(), Answer(content_range="bytes 50000-102407/*"), NEW),
    ],
)
def test_a_mirror_starts_anew_unless_the_lengths_are_the_same(
    tmp_path: Path, first: Answer, mirror: Answer, body: bytes
) -> None:
    with (
        FileServer(RAR, replace(first, cut=50_000), then=Answer(status=404)) as one,
        FileServer(body, mirror) as other,
    ):
        path = fetch(remote(one.url(), other.url()), tmp_path)
    assert path.read_bytes() == body


# -- a kill --------------------------------------------------------------------------------

FETCH = """
import sys
from action_recognition.datasets.download.fetch import fetch
from action_recognition.datasets.download.sources import RemoteFile
url, folder = sys.argv[1:]
file = RemoteFile("UCF101", "videos", "clips.rar", (url,))
fetch(file, folder, on_progress=lambda done, total: print(done, flush=True))
"""


def test_a_killed_process_leaves_no_file_and_the_next_call_goes_on(tmp_path: Path) -> None:
    with FileServer(RAR, Answer(cut=70_000, hold=True)) as server:
        command = [sys.executable, "-c", FETCH, server.url(), str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while int(process.stdout.readline()) < 70_000:
                pass
            process.kill()
        assert names_in(tmp_path) == ["clips.rar.part", "clips.rar.part.json"]
        kept = (tmp_path / "clips.rar.part").stat().st_size
        assert 0 < kept <= 70_000
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR
    assert server.ranges == [None, f"bytes={kept}-"]
    assert names_in(tmp_path) == ["clips.rar"]
