"""What `fetch` hands over: the right file under its name, or nothing under it and a reason."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from action_recognition.datasets.download import fetch as fetching
from action_recognition.datasets.download.fetch import fetch
from action_recognition.errors import DataError
from file_server import RAR, Answer, FileServer, names_in, remote

OTHER = RAR[:-1] + b"?"  # as long
PAGE = b"\n <!DOCTYPE html><title>Sign in to this network</title>"


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


# -- a good server -------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", ["clips.rar", "a b (1).bin"])
def test_a_file_arrives_and_nothing_else_stays(tmp_path: Path, chunked: bool, name: str) -> None:
    with FileServer(RAR, then=Answer(chunked=chunked)) as server:
        path = fetch(remote(server.url(), name=name), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / name
    assert path.read_bytes() == RAR
    assert names_in(path.parent) == [name]
    assert server.ranges == [None]
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_progress_rises_to_the_length(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    with FileServer(RAR) as server:
        fetch(remote(server.url()), tmp_path, on_progress=lambda *call: calls.append(call))
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert calls[-1][0] == len(RAR)
    assert {total for _, total in calls} == {len(RAR)}


def test_progress_of_an_unknown_length_has_no_total(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    with FileServer(RAR, then=Answer(chunked=True)) as server:
        fetch(remote(server.url()), tmp_path, on_progress=lambda *call: calls.append(call))
    assert calls[-1] == (len(RAR), 0)


def test_a_finished_file_is_not_fetched_again(tmp_path: Path) -> None:
    with FileServer(RAR) as server:
        file = remote(server.url(), digest=digest_of(RAR))
        first = fetch(file, tmp_path)
        before = first.stat()
        assert fetch(file, tmp_path) == first
        assert len(server.requests) == 1
    assert fetch(remote("/mnt/gone/clips.rar"), tmp_path) == first
    after = first.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


# -- local files ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_local_file_is_used_where_it_lies(tmp_path: Path, form: str) -> None:
    path = tmp_path / "usb" / "ucf.rar"
    path.parent.mkdir()
    path.write_bytes(RAR)
    file = remote(form.format(path), digest=digest_of(RAR, "md5"))
    assert fetch(file, tmp_path / "data") == path
    assert not (tmp_path / "data").exists()


def test_a_local_file_that_is_missing_or_wrong_yields_to_the_next_location(tmp_path: Path) -> None:
    (tmp_path / "old.rar").write_bytes(OTHER)
    with FileServer(RAR) as server:
        locations = (str(tmp_path / "none.rar"), str(tmp_path / "old.rar"), server.url())
        path = fetch(remote(*locations, digest=digest_of(RAR)), tmp_path / "data")
    assert path.read_bytes() == RAR
    assert (tmp_path / "old.rar").read_bytes() == OTHER


def test_each_location_has_its_reason(tmp_path: Path) -> None:
    with FileServer(RAR, then=Answer(status=404)) as server:
        missing, page = str(tmp_path / "none.rar"), server.url()
        with pytest.raises(DataError) as caught:
            fetch(remote(missing, page), tmp_path / "data")
    assert str(caught.value) == (
        f"clips.rar: cannot be fetched; {missing}: there is no such file; "
        f"{page}: the server answered 404 Not Found"
    )


# -- checks --------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_the_right_hash_is_accepted_in_either_case(tmp_path: Path, algorithm: str) -> None:
    name, _, digits = digest_of(RAR, algorithm).partition(":")
    with FileServer(RAR) as server:
        path = fetch(remote(server.url(), digest=f"{name}:{digits.upper()}"), tmp_path)
    assert path.read_bytes() == RAR


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_wrong_hash_is_one_sentence_and_leaves_nothing(tmp_path: Path, algorithm: str) -> None:
    with FileServer(OTHER) as server, pytest.raises(DataError) as caught:
        fetch(remote(server.url(), digest=digest_of(RAR, algorithm)), tmp_path)
    message = str(caught.value)
    assert message.startswith("clips.rar: ")
    assert "\n" not in message
    wanted = digest_of(RAR, algorithm).partition(":")[2]
    found = digest_of(OTHER, algorithm).partition(":")[2]
    assert f"its {algorithm} is {found}, but must be {wanted}: it is damaged" in message
    assert names_in(tmp_path) == []
    assert len(server.requests) == 1  # asking again would bring the same


def test_after_a_wrong_hash_the_mirror_is_tried_from_the_first_byte(tmp_path: Path) -> None:
    with FileServer(OTHER) as bad, FileServer(RAR) as good:
        path = fetch(remote(bad.url(), good.url(), digest=digest_of(RAR)), tmp_path)
    assert path.read_bytes() == RAR
    assert (len(bad.requests), good.ranges) == (1, [None])
    assert names_in(tmp_path) == ["clips.rar"]


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("clips.rar", PAGE, "the server sent a web page, no RAR archive"),
        ("lists.zip", PAGE, "the server sent a web page, no ZIP archive"),
        ("lists.zip", RAR, "the server sent something else, no ZIP archive"),
        ("clips.rar", b"", "the server sent something else, no RAR archive"),
    ],
)
def test_what_is_no_archive_is_recognised(
    tmp_path: Path, name: str, body: bytes, why: str
) -> None:  # fmt: skip
    with FileServer(body) as server, pytest.raises(DataError, match=why):
        fetch(remote(server.url(), name=name), tmp_path)
    assert names_in(tmp_path) == []


def test_more_bytes_than_announced_are_not_taken(tmp_path: Path, waits: list[float]) -> None:
    """A range says the length twice; without a Content-Length nothing else bounds the body."""
    long = Answer(content_range="bytes 50000-59999/60000", chunked=True)
    with FileServer(RAR, Answer(body=RAR[:60000], cut=50000), long) as server:
        path = fetch(remote(server.url()), tmp_path)
    assert path.read_bytes() == RAR
    assert server.ranges == [None, "bytes=50000-", None]


# -- other downloads -----------------------------------------------------------------------


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with FileServer(RAR) as server, pytest.raises(DataError, match=r"data: cannot be written \(F"):
        fetch(remote(server.url()), tmp_path / "data")
    assert server.requests == []


HOLD_LOCK = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_download_of_the_same_file_is_told_so(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD_LOCK, str(tmp_path / ".clips.rar.lock")]
    with (
        FileServer(RAR) as server,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline().split() == [b"held"]
        with pytest.raises(DataError, match=r"^clips\.rar: another download of it into .* is run"):
            fetch(remote(server.url()), tmp_path)
        assert server.requests == []
        # Other files do not wait for it.
        fetch(remote(server.url(), name="lists.rar"), tmp_path)
        other.communicate()
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR


def test_the_lock_is_given_back_also_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks = []

    class Seen(fetching.FileLock):  # type: ignore[misc, valid-type]
        def __init__(self, *args: object, **settings: object) -> None:
            super().__init__(*args, **settings)
            locks.append(self)  # which keeps it from being collected, and so released

    monkeypatch.setattr(fetching, "FileLock", Seen)
    with FileServer(RAR, Answer(status=404)) as server:
        with pytest.raises(DataError):
            fetch(remote(server.url()), tmp_path)
        fetch(remote(server.url()), tmp_path)
    assert [lock.is_locked for lock in locks] == [False, False]


def test_what_another_process_brought_meanwhile_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = fetching.locked

    def other_was_first(folder: Path, name: str) -> object:
        (folder / name).write_bytes(RAR)
        return locked(folder, name)

    monkeypatch.setattr(fetching, "locked", other_was_first)
    with FileServer(OTHER) as server:
        assert fetch(remote(server.url()), tmp_path).read_bytes() == RAR
    assert server.requests == []
