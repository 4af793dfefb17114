"""Videos decoded in processes of their own: the same frames, and no fault of theirs is ours."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from action_recognition.errors import VideoError
from action_recognition.video import Video, fork_server
from action_recognition.video import isolated as isolated_module
from action_recognition.video.isolated import IsolatedVideo, isolated_preview
from action_recognition.video.limits import Limits
from action_recognition.video.preview import browser_preview
from video_maker import write_video

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")

STOPPED = "clip.mp4: its decoder crashed or was stopped"


@pytest.fixture
def clip(make_video) -> Path:
    return make_video("clip.mp4", seconds=3).path


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi", "v.webm", "v.mov"])
@pytest.mark.parametrize("in_memory", [True, False])
def test_the_frames_are_those_of_the_same_process(make_video, name: str, in_memory: bool) -> None:
    path = make_video(name, seconds=20, audio=5.0, gop=50).path
    times = [*np.arange(0, 20, 0.2), 19.99, 0.01]
    random.Random(1).shuffle(times)
    source = io.BytesIO(path.read_bytes()) if in_memory else path
    with Video(path) as here, IsolatedVideo(source, name=name) as there:
        assert there.info == here.info
        assert there.name == here.name
        assert there.missing == ()
        for size, aspect in ((32, 4 / 3), (48, 1.0)):
            frames, actual = there.frames_at(times, size=size, max_aspect=aspect)
            expected, begins = here.frames_at(times, size=size, max_aspect=aspect)
            assert (frames == expected).all()
            assert (actual == begins).all()


def test_frames_larger_than_the_buffer(clip: Path) -> None:
    times = np.arange(0, 3, 0.2)
    with Video(clip) as here, IsolatedVideo(clip) as there:
        expected, _ = here.frames_at(times, size=1024)
        assert (there.frames_at(times, size=1024)[0] == expected).all()


@pytest.mark.parametrize("name", ["v.mp4", "v.avi"])
def test_the_preview_is_that_of_the_same_process(make_video, name: str) -> None:
    path = make_video(name, seconds=3).path
    for start_s in (0.0, 1.0):
        source = io.BytesIO(path.read_bytes())
        found = isolated_preview(source, name=name, start_s=start_s)
        assert found == browser_preview(path, name=name, start_s=start_s)


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"RIFF\xff\xff\xff\x7fAVI LIST"])
def test_a_bad_file_gets_the_sentence_of_the_same_process(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.avi"
    path.write_bytes(content)
    with pytest.raises(VideoError) as here:
        Video(path)
    with pytest.raises(VideoError) as there:
        IsolatedVideo(io.BytesIO(content), name="bad.avi")
    assert str(there.value) == str(here.value)


def test_a_file_that_ends_early_is_told_when_its_end_is_reached(clip: Path) -> None:
    content = clip.read_bytes()
    made = io.BytesIO(content[:-1] + b"\0")  # whole, so far as it is opened
    with IsolatedVideo(made, name="clip.mp4") as video:
        assert len(list(video.stream_at([0.0, 1.0], size=32))) == 2


@pytest.mark.parametrize("missing", ["no.mp4", "pipe.mp4", "folder.mp4"])
def test_what_is_no_file_is_refused(tmp_path: Path, missing: str) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(VideoError, match=missing):
        IsolatedVideo(tmp_path / missing)


@pytest.mark.parametrize("limits", [
    Limits(frames=20), Limits(pixels=1000), Limits(frame_bytes=2000), Limits(video_s=1.5),
    Limits(streams=1), Limits(cpu_s=1e-5), Limits(wall_s=1e-5),
])  # fmt: skip
@pytest.mark.parametrize("kind", [Video, IsolatedVideo])
def test_each_limit_is_kept_and_named(make_video, kind, limits: Limits) -> None:
    # Large: where RLIMIT_CPU is set, Linux counts a process's time in ticks of some milliseconds.
    path = make_video("clip.mkv", seconds=3, audio=3.0, size=(960, 540)).path
    changed = [n for n in vars(limits) if getattr(limits, n) != getattr(Limits(), n)]
    with pytest.raises(VideoError, match=rf"^clip.mkv: [^\n]* \(limit {changed[0]}\)$"):  # noqa: SIM117
        with kind(path, limits=limits) as video:
            video.frames_at(np.arange(0, 3, 0.2), size=32)


def test_too_little_memory_is_a_sentence(make_video) -> None:
    path = make_video("large.avi", codec="mjpeg", pix_fmt="yuvj444p", size=(4000, 3000),
                      seconds=0.2).path  # fmt: skip
    with pytest.raises(VideoError, match=r"large.avi: .*(memory|no decodable frame|truncated)"):  # noqa: SIM117
        with IsolatedVideo(path, limits=Limits(memory_bytes=30_000_000)) as video:
            video.frames_at([0.0, 0.1], size=32)


@pytest.mark.parametrize("fault", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_crash_is_a_sentence_and_the_next_file_works(clip: Path, fault: signal.Signals) -> None:
    with IsolatedVideo(clip) as video:
        frames = video.stream_at(np.arange(0, 3, 0.01), size=32)
        next(frames)
        signal.pidfd_send_signal(video._decoder._process, fault)
        with pytest.raises(VideoError, match=STOPPED):
            list(frames)
    with IsolatedVideo(clip) as video:
        assert len(video.frames_at([0.0], size=32)[0]) == 1


def test_a_decoder_that_hangs_is_ended(clip: Path) -> None:
    with IsolatedVideo(clip, limits=Limits(wall_s=0.5)) as video:
        process = video._decoder._process
        kept = os.dup(process)
        signal.pidfd_send_signal(process, signal.SIGSTOP)
        with pytest.raises(VideoError, match=r"more than 0.5 seconds \(limit wall_s\)"):
            video.frames_at([0.0], size=32)
    assert _ends(kept)


def _ends(process: int) -> bool:
    """Whether a process has ended within ten seconds."""
    import select

    return bool(select.select([process], [], [], 10)[0])


def test_closing_ends_the_process(clip: Path) -> None:
    video = IsolatedVideo(clip)
    kept = os.dup(video._decoder._process)
    video.close()
    assert _ends(kept)


def test_the_server_of_decoders_is_started_again(clip: Path) -> None:
    IsolatedVideo(clip).close()
    fork_server._server._process.kill()
    for _ in range(2):
        with IsolatedVideo(clip) as video:
            assert video.info.duration_s == pytest.approx(3, abs=0.05)


def test_a_decoder_that_ends_with_the_server_is_replaced(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    def take() -> tuple[socket.socket, int]:
        taken.append(fork_server.take_decoder())
        if len(taken) == 1:
            time.sleep(0.2)  # it is confined, and ends with its parent
            server = fork_server._server
            assert server is not None
            server._process.kill()
            _ends(taken[0][1])
        return taken[-1]

    monkeypatch.setattr(isolated_module, "take_decoder", take)
    with IsolatedVideo(clip) as video:
        assert video.info.duration_s == pytest.approx(3, abs=0.05)
    assert len(taken) == 2


def test_decoders_end_with_the_program(clip: Path) -> None:
    code = (
        "import sys, os\n"
        "from action_recognition.video import fork_server\n"
        "from action_recognition.video.isolated import IsolatedVideo\n"
        "video = IsolatedVideo(sys.argv[1])\n"
        "print(fork_server._server._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(clip)], capture_output=True, check=False)
    server = int(done.stdout)
    try:
        process = os.pidfd_open(server)
    except ProcessLookupError:
        return
    assert _ends(process)


def test_many_threads_at_once(tmp_path: Path) -> None:
    counts: dict[int, int] = {}

    def work(number: int) -> None:
        path = tmp_path / f"v{number}.mp4"
        write_video(path, seconds=1 + number / 5)
        for _ in range(3):
            with IsolatedVideo(path) as video:
                counts[number] = len(video.frames_at(np.arange(0, 1, 0.1), size=32)[0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == dict.fromkeys(range(4), 10)


INFO = {
    "duration_s": 3.0, "start_s": 0.0, "frame_rate": 25.0, "width": 64, "height": 48,
    "codec": "h264", "container": "mp4", "has_audio": False,
    "orientation": {"quarter_turns": 0, "mirrored": False},
}  # fmt: skip


@pytest.mark.parametrize(
    "answers",
    [
        [b"no json"],
        [b"[]"],
        [b"{}"],
        [b"[" * 60000],
        [json.dumps({"info": INFO}).encode()],
        *(
            [json.dumps({"missing": [], "info": INFO | wrong}).encode()]
            for wrong in (
                {"duration_s": float("nan")}, {"duration_s": 1e9}, {"duration_s": -1},
                {"width": 0}, {"width": "x"}, {"start_s": float("inf")}, {"orientation": 3},
            )
        ),
        *(
            [json.dumps({"missing": [], "info": INFO}).encode(), json.dumps(wrong).encode()]
            for wrong in (
                {"times": []}, {"times": [0.0] * 5}, {"times": [float("nan")] * 2},
                {"times": None}, {"times": ["x", "y"]}, {},
            )
        ),
    ],
)  # fmt: skip
def test_answers_of_a_decoder_that_was_taken_over(clip: Path, monkeypatch, answers) -> None:
    """Guards: what a decoder says is a stranger's word, too."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    idle = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(isolated_module, "take_decoder", lambda: (ours, os.pidfd_open(idle.pid)))
    for answer in answers:
        theirs.send(answer)
    with pytest.raises(VideoError, match=STOPPED):  # noqa: SIM117
        with IsolatedVideo(clip) as video:
            video.frames_at([0.0, 1.0], size=32)
    assert idle.wait(10) < 0
    theirs.close()


def test_an_error_with_control_characters_is_shown_without(clip: Path, monkeypatch) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    idle = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(isolated_module, "take_decoder", lambda: (ours, os.pidfd_open(idle.pid)))
    theirs.send(json.dumps({"error": "a\x1b[31mb\n" + "c" * 9000}).encode())
    with pytest.raises(VideoError) as caught:
        IsolatedVideo(clip)
    assert str(caught.value).startswith("clip.mp4: a?[31mb?c")
    assert len(str(caught.value)) < 600
    assert idle.wait(10) < 0
    theirs.close()


def test_secrets_of_the_environment_stay_here(clip: Path, monkeypatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setattr(fork_server, "_server", None)
    with IsolatedVideo(clip):
        environment = Path(f"/proc/{fork_server._server._process.pid}/environ").read_bytes()
    assert b"SECRET_TOKEN" not in environment
