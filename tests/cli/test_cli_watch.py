"""`watch` on the command line."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from action_recognition.cli import main
from action_recognition.models.model_file import Model, save_model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import live_reader
from action_recognition.video.live import LiveSource
from camera_server import CameraServer, Wire, jpeg, part, parts
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


@pytest.fixture
def command(tiny_model_path: Path, make_video: MakeVideo) -> list[str]:
    path = make_video("door.mp4", seconds=1.5).path
    return ["watch", str(path), "--model", str(tiny_model_path), "--step", "0.5"]


def test_a_line_for_each_answer(
    command: list[str], tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    recognizer = Recognizer.load(tiny_model_path, device="cpu")
    expected = {round(m.time_s, 3): m for m in recognizer.moments(command[1], step_s=0.5)}
    assert found
    for answer in found:  # a busy machine may pass one over
        assert answer["dropped_frames"] >= 0
        moment = expected[answer["time_s"]]
        shares = [answer["probabilities"][c] for c in recognizer.classes]
        assert shares == pytest.approx(list(moment.probabilities), abs=1e-4)
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d\.\d s  (unsure: )?(Jumping|Reading|Swimming) \d+\.\d %", lines[0])


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"temperature": 0.01}, r"(Jumping|Reading|Swimming) \d+\.\d %"),
        ({"temperature": 100}, r"unsure: (Jumping|Reading|Swimming) 3\d\.\d %"),
        (
            {"open_set": OpenSetRule(energy=1.0, odds=0.0, threshold=1e6, slope=1.0)},
            r"none of the known actions \(nearest: (Jumping|Reading|Swimming)\)",
        ),
    ],
)
def test_wording(
    tiny_model: Model,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    answer: str,
) -> None:
    save_model(replace(tiny_model, **change), command[3])  # type: ignore[arg-type]
    whole = LiveSource.frames
    monkeypatch.setattr(  # as quick as it can be read
        LiveSource, "frames", lambda self: whole(self, sleep=lambda _: None)
    )
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(re.fullmatch(rf"\d\.\d s  {answer}", line) for line in lines)


def test_ctrl_c_is_the_usual_end(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = LiveSource.frames

    def interrupted(self: LiveSource, **settings: Any) -> Iterator[Any]:
        for time_s, frame in whole(self, **settings):
            if time_s > 0.5:
                raise KeyboardInterrupt
            yield time_s, frame

    monkeypatch.setattr(LiveSource, "frames", interrupted)
    assert main(command) == 0
    said = capsys.readouterr().err
    assert re.fullmatch(r"action-recognition: door\.mp4: \d+ frames came, \d+ were dropped\n", said)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gone.mp4"], "gone.mp4: there is no such file"),
        (["0", "--step", "0"], "--step 0: must be more than 0"),
        (["0", "--step", "inf"], "--step inf: must be more than 0"),
        (["rtsp://127.0.0.1:1/door"], "rtsp://127.0.0.1:1/door: it cannot be opened"),
    ],
)
def test_watch_refuses_in_one_sentence(
    arguments: list[str],
    sentence: str,
    tiny_model_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["watch", *arguments, "--model", str(tiny_model_path)]) == 2
    assert sentence in capsys.readouterr().err


@pytest.fixture
def watch(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`watch(camera)` watches what a server shows."""
    monkeypatch.setattr(live_reader, "PAUSES_S", (0.01,) * 5)

    def run(camera: CameraServer, *options: str) -> int:
        return main(
            ["watch", camera.url, "--model", str(tiny_model_path), "--step", "0.5", *options]
        )

    return run


def seconds(out: str) -> list[float]:
    return [float(line.split(" s  ")[0]) for line in out.splitlines()]


@pytest.mark.parametrize("fps", [5, 50])
def test_a_camera_without_stamps_is_answered_as_fast_as_the_clock_goes(
    fps: int, watch: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = [part(jpeg(k)) for k in range(3 * fps)]
    with CameraServer(parts(pieces, fps=fps)) as camera:
        assert watch(camera) == 0
        assert camera.connections == 1
    out, err = capsys.readouterr()
    found = seconds(out)
    assert found[-1] == pytest.approx(2.6, abs=0.6)
    assert f"{camera.url}: {3 * fps} frames came, " in err


def test_what_was_dropped_is_counted(
    watch: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = [part(jpeg(k) if k % 4 else bytes(range(256)) * 8) for k in range(1, 80)]
    with CameraServer(parts(pieces, fps=50)) as camera:
        assert watch(camera, "--json") == 0
    out, err = capsys.readouterr()
    counts = [json.loads(line)["dropped_frames"] for line in out.splitlines()]
    assert counts == sorted(counts)
    assert counts[-1] > 0
    total = re.fullmatch(r"action-recognition: \S+: 79 frames came, (\d+) were dropped\n", err)
    assert total is not None
    assert int(total[1]) >= max(counts[-1], 19)


def test_a_camera_that_has_gone_is_answered_until_then_and_ends_with_a_sentence(
    watch: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def end(wire: Wire) -> None:
        threading.Thread(target=camera.stop).start()
        wire.until(2)
        wire.reset()

    with CameraServer(parts([part(jpeg(k)) for k in range(40)], fps=40, then=end)) as camera:
        assert watch(camera) == 2
    out, err = capsys.readouterr()
    assert seconds(out)
    said = err.splitlines()
    assert "it broke off (Connection reset by peer); it is opened again in 0.01 s" in said[0]
    assert all("try" in line for line in said[:5])
    assert "40 frames came" in said[5]
    assert said[6].endswith("5 tries to open it again have failed")


def test_a_stream_that_ends_is_opened_again_on_demand(
    watch: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = [part(jpeg(k)) for k in range(20)]

    def end(wire: Wire) -> None:
        threading.Thread(target=camera.stop).start()
        wire.until(1)
        wire.reset()

    with CameraServer(parts(pieces, fps=40), parts(pieces, fps=40, then=end)) as camera:
        assert watch(camera, "--reconnect") == 2
    err = capsys.readouterr().err
    assert "it ended; it is opened again in 0.01 s (try 1 of 5)" in err
    assert "40 frames came" in err


@pytest.mark.parametrize("silent_from", [0, 8])
def test_ctrl_c_ends_it_at_once_though_the_camera_is_silent(
    silent_from: int, tiny_model_path: Path
) -> None:
    """Before the first byte, or in mid-stream; FFmpeg itself waits for ten seconds."""
    silent = threading.Event()

    def show(wire: Wire) -> None:
        for k in range(silent_from):
            wire.send(part(jpeg(k)))
        silent.set()
        wire.silence()

    program = "import sys; from action_recognition.cli import main; sys.exit(main())"
    with CameraServer(show) as camera:
        command = [sys.executable, "-c", program, "watch", camera.url]
        with subprocess.Popen(
            [*command, "--model", str(tiny_model_path)], stderr=subprocess.PIPE, text=True,
            # What a job in the background ignores, its children ignore, too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:  # fmt: skip
            assert silent.wait(60)
            time.sleep(0.5)
            began_s = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
            assert time.monotonic() - began_s < 6
    assert process.returncode == 0
    assert "Traceback" not in err
