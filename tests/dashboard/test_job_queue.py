"""The queue of all visitors: everybody gets the right answer, in turn, and is told the place."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("streamlit")

from action_recognition.dashboard.job_queue import Job, JobQueue
from action_recognition.dashboard.progress import place, turn
from action_recognition.dashboard.session import Session, Upload
from action_recognition.models.model_file import Model
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import Prediction
from video_maker import Image, MadeVideo

USERS = 20


def test_jobs_are_done_in_the_order_of_the_line_and_know_their_place() -> None:
    queue, gate, order = JobQueue(), threading.Event(), []

    def work(k: int) -> Callable[[object], int]:
        def run(_: object) -> int:
            gate.wait(60)
            order.append(k)
            return k * k

        return run

    jobs = [queue.join(work(k)) for k in range(USERS)]
    assert [job.ahead for job in jobs] == list(range(USERS))
    assert not any(job.done for job in jobs)
    gate.set()
    assert [job.result() for job in jobs] == [k * k for k in range(USERS)]
    assert order == list(range(USERS))
    assert [job.ahead for job in jobs] == [0] * USERS


def test_the_place_falls_by_one_as_each_before_is_done() -> None:
    queue, gates = JobQueue(), [threading.Event() for _ in range(4)]
    jobs = [queue.join(lambda _, g=gate: g.wait(60)) for gate in gates]
    for done, gate in enumerate(gates):
        assert [job.ahead for job in jobs] == [max(0, k - done) for k in range(4)]
        gate.set()
        jobs[done].result()


def test_a_failure_reaches_its_owner_alone() -> None:
    queue = JobQueue()
    failing: Job[int] = queue.join(lambda _: 1 // 0)
    assert queue.join(lambda _: 7).result() == 7
    assert failing.failed
    with pytest.raises(ZeroDivisionError):
        failing.result()


def test_the_stage_is_told() -> None:
    queue, gate, seen = JobQueue(), threading.Event(), threading.Event()

    def work(tell: Callable[[str], None]) -> None:
        tell("decode")
        seen.set()
        gate.wait(60)

    job = queue.join(work)
    assert seen.wait(60)
    assert (job.stage, job.wait(0)) == ("decode", False)
    gate.set()
    assert job.wait(60)


def test_place_in_words() -> None:
    assert place(1) == "Waiting in line: 1 video is ahead of yours."
    assert place(19) == "Waiting in line: 19 videos are ahead of yours."


def test_twenty_users_at_once_get_their_own_right_answers(
    tiny_model: Model, make_video: Callable[..., MadeVideo]
) -> None:
    recognizer = Recognizer(tiny_model)
    uploads = [
        Upload.of(
            "clip.mp4",
            make_video(f"{k}.mp4", seconds=0.4, size=(64, 48), pattern=_shade(k)).path.read_bytes(),
        )
        for k in range(USERS)
    ]
    alone = [_predict_alone(recognizer, upload) for upload in uploads]
    assert len({p.ranked for p in alone}) == USERS  # else a mix-up would not be seen
    start, answers = threading.Barrier(USERS), [None] * USERS

    def visit(k: int) -> None:
        session = Session()
        start.wait(60)
        first = session.ask(uploads[k], "model", recognizer)
        assert session.ask(uploads[k], "model", recognizer) is first  # a second click
        answers[k] = first.result()

    visitors = [threading.Thread(target=visit, args=(k,)) for k in range(USERS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(120)
    for expected, answer in zip(alone, answers, strict=True):
        assert isinstance(answer, Prediction)
        assert answer.ranked == expected.ranked
        assert answer.video == expected.video


def _predict_alone(recognizer: Recognizer, upload: Upload) -> Prediction:
    answer = Session().ask(upload, "model", recognizer).result()
    assert isinstance(answer, Prediction)
    return answer


def _shade(k: int) -> Callable[[int, float, int, int], Image]:
    def draw(index: int, time_s: float, width: int, height: int) -> Image:
        image = np.full((height, width, 3), 10 + 12 * k, dtype=np.uint8)
        image[:, : (3 * k + 5 * index) % width] = 255 - 12 * k
        return image

    return draw


def test_long_work_of_two_visitors_takes_turns_and_a_failure_gives_the_turn_back() -> None:
    inside, leave, order = threading.Event(), threading.Event(), []

    def first() -> None:
        with turn():
            inside.set()
            leave.wait(60)
            order.append("first")

    def second() -> None:
        with turn():
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(60)
    threads[1].start()
    threads[1].join(0.5)
    assert threads[1].is_alive()
    leave.set()
    for thread in threads:
        thread.join(60)
    assert order == ["first", "second"]
    with pytest.raises(ZeroDivisionError), turn():
        raise ZeroDivisionError
    with turn():
        order.append("again")
    assert order[-1] == "again"
