"""Who asks for too much is told so in a sentence, and everything goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

pytest.importorskip("streamlit")

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest
from visit import predict, shown_text, upload

from action_recognition.dashboard import job_queue
from action_recognition.dashboard.batch import Batch, Item
from action_recognition.dashboard.held import IDLE_S, Holdings
from action_recognition.dashboard.job_queue import JobQueue
from action_recognition.dashboard.limits import BUSY, REFUSED, BusyError, Refusals
from action_recognition.dashboard.session import Session, Upload
from video_maker import MadeVideo


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_refusal_is_told_once() -> None:
    refusals = Refusals()
    refusals.add("visit")
    refusals.check("another")
    with pytest.raises(BusyError, match=BUSY):
        refusals.check("visit")
    refusals.check("visit")


def test_a_full_queue_takes_nothing_until_there_is_room() -> None:
    queue, gate = JobQueue(2), threading.Event()
    jobs = [queue.join(lambda _: gate.wait(60)) for _ in range(2)]
    with pytest.raises(BusyError):
        queue.join(lambda _: 1)
    gate.set()
    for job in jobs:
        job.result()
    assert queue.join(lambda _: 7).result() == 7


def _files(**sizes: int) -> MemoryUploadedFileManager:
    files = MemoryUploadedFileManager("/upload")
    for visit, size in sizes.items():
        files.add_file(visit, UploadedFileRec(f"{visit}-id", "a.mp4", "video/mp4", bytes(size)))
    return files


def test_uploads_of_all_visits_are_counted_once_and_those_on_their_way_too() -> None:
    files = _files(a=100, b=50)
    holdings, session = Holdings(lambda: files), Session()
    data = files.get_files("a", ["a-id"])[0].data
    session.kept = Upload("a.mp4", data, "digest")  # the same bytes
    holdings.seen("a", session)
    assert holdings.total() == 150
    session.batch = Batch([Item.uploaded("x.mp4", bytes(7)), Item.uploaded("a.mp4", data)])
    assert holdings.total() == 157
    assert holdings.reserve(40, 200)
    assert holdings.total() == 197
    assert not holdings.reserve(40, 200)
    holdings.arrived(40)
    assert holdings.total() == 157
    del session
    assert holdings.total() == 150


def test_the_upload_of_who_has_been_idle_longest_goes_first() -> None:
    clock, files = Clock(), _files(old=100, older=100, new=100)
    holdings = Holdings(lambda: files, clock=clock)
    sessions = {}
    for name in ("older", "old", "new"):
        sessions[name] = Session(kept=Upload("a.mp4", bytes(10), name))
        holdings.seen(name, sessions[name])
        clock.now_s += 1
    assert not holdings.reserve(100, 400)  # nobody has been idle for long
    clock.now_s += IDLE_S
    holdings.seen("new", sessions["new"])
    assert holdings.reserve(100, 400)
    assert [sessions[n].kept is None for n in ("older", "old", "new")] == [True, False, False]
    assert set(files.file_storage) == {"old", "new"}
    assert not holdings.reserve(1000, 400)
    assert sessions["new"].kept is not None


def test_the_page_says_that_it_is_busy_and_goes_on(
    page: AppTest, make_video: Callable[..., MadeVideo], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, full = threading.Event(), JobQueue(1)
    full.join(lambda _: gate.wait(60))
    monkeypatch.setattr("action_recognition.dashboard.session.shared_queue", lambda: full)
    upload(page, "clip.mp4", make_video(seconds=1).path.read_bytes())
    predict(page)
    assert [error.value for error in page.error] == [BUSY]
    assert not page.exception
    gate.set()
    monkeypatch.setattr("action_recognition.dashboard.session.shared_queue", job_queue.shared_queue)
    predict(page)
    assert not page.error
    assert page.header


def test_the_page_says_that_an_upload_was_refused(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("action_recognition.dashboard.pages.answering.visit_name", lambda: "me")
    REFUSED.add("me")
    page.run()
    assert [error.value for error in page.error] == [BUSY]
    page.run()
    assert not page.error
    assert "How it works" in shown_text(page)
