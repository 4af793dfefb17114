"""Many visitors of the dashboard at once: does each get the right answer, and does memory stay?

    python benchmarks/dashboard_load.py --users 50 --minutes 10

It starts the dashboard on a free port of 127.0.0.1. Each user has a clip of their own, whose answer
`Recognizer.predict` gave before, and visits again and again: opens the page, uploads the clip,
clicks Predict, and reads the answer off the page. It ends with status 1 where an answer was wrong,
something failed, or a file was left in the temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from streamlit_visitor import Visitor

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from action_recognition.dashboard.formatting import (
    headline,
    percent,
    plain,
    unbroken,
    video_facts,
)
from action_recognition.dashboard.limits import BUSY
from action_recognition.models.model_file import SHIPPED, find_model
from action_recognition.recognition.recognizer import Recognizer
from video_maker import Image, write_video

REPOSITORY = Path(__file__).parents[1]
_ANSWER_S = 600.0  # for a visit: with 50 users, most of it is spent in line
_PAUSE_S = 2.0  # after "busy"


@dataclass(frozen=True)
class Clip:
    """A user's file, and the lines that the page must show for it."""

    name: str
    content: bytes = field(repr=False)
    expected: tuple[str, ...]


@dataclass
class Tally:
    """What came of the visits."""

    visits: Counter[str] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", default=SHIPPED, help="a model file, or its short name")
    options = parser.parse_args()
    model = find_model(options.model)
    clips = _clips(options.users, Recognizer.load(model))
    distinct = len({clip.expected for clip in clips})
    print(f"{len(clips)} clips, {distinct} distinct answers", flush=True)
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch, _server(model, Path(scratch)) as (address, pid):
        sizes = asyncio.run(_load(address, pid, clips, 60 * options.minutes, tally))
        left = sorted(str(p.relative_to(scratch)) for p in Path(scratch, "tmp").rglob("*"))
        trouble = Path(scratch, "log").read_text(errors="replace").count("Traceback")
    return _report(tally, sizes, left, trouble)


def _report(tally: Tally, sizes: list[tuple[float, float]], left: list[str], trouble: int) -> int:
    first_s, first = next((s for s in sizes if s[0] >= 60), sizes[0])
    last_s, last = sizes[-1]
    counts = {name: tally.visits[name] for name in ("right", "wrong", "busy", "error")}
    print(", ".join(f"{name} {number}" for name, number in counts.items()))
    if tally.waits_s:
        middle, most = statistics.median(tally.waits_s), max(tally.waits_s)
        print(f"from Predict to the answer: median {middle:.1f} s, most {most:.1f} s")
    print(
        f"memory: {first:.0f} MB after {first_s:.0f} s, {last:.0f} MB after {last_s:.0f} s, "
        f"ratio {last / first:.2f}, most {max(mb for _, mb in sizes):.0f} MB"
    )
    print(f"temporary folder: {left or 'empty'}; tracebacks in the server's log: {trouble}")
    for line in tally.wrong[:10]:
        print(line, file=sys.stderr)
    failed = counts["wrong"] or counts["error"] or not counts["right"] or left or trouble
    return 1 if failed else 0


def _clips(users: int, recognizer: Recognizer) -> list[Clip]:
    clips = []
    for k in range(users):
        file = io.BytesIO()
        size = (64 + 4 * (k % 25), 48 + 4 * (k // 25))
        write_video(file, container="mp4", seconds=1 + k % 3, size=size, pattern=_picture(k))
        said = recognizer.predict(io.BytesIO(file.getvalue()), name=f"{k}.mp4")
        sure = said.known_probability if said.action is None else said.probability
        if said.unsure:
            sure = said.ranked[0][1]
        lines = (plain(headline(said)), unbroken(percent(sure)), video_facts(said.video))
        clips.append(Clip(f"{k}.mp4", file.getvalue(), lines))
    return clips


def _picture(user: int):
    noise = np.random.default_rng(user)
    ground = noise.integers(0, 256, 3)

    def draw(index: int, time_s: float, width: int, height: int) -> Image:
        image = np.full((height, width, 3), ground, dtype=np.uint8)
        left = (3 * user + (1 + user % 7) * index) % width
        image[height // 4 : height // 2 + user % 20, left : left + 16] = 255 - ground
        return image

    return draw


async def _load(
    address: str, pid: int, clips: list[Clip], seconds: float, tally: Tally
) -> list[tuple[float, float]]:
    """Lets the users visit; gives (seconds, megabytes of the server's processes) in that time."""
    began = time.monotonic()
    users = [asyncio.create_task(_user(address, clip, began + seconds, tally)) for clip in clips]
    sizes = []
    while not all(user.done() for user in users):
        sizes.append((time.monotonic() - began, megabytes(pid)))
        done = sum(tally.visits.values())
        if len(sizes) % 15 == 0:
            print(f"{sizes[-1][0]:4.0f} s: {done} visits, {sizes[-1][1]:.0f} MB", flush=True)
        await asyncio.wait(users, timeout=2)
    return sizes


async def _user(address: str, clip: Clip, until: float, tally: Tally) -> None:
    await asyncio.sleep(random.uniform(0, 5))
    while time.monotonic() < until:
        try:
            async with asyncio.timeout(_ANSWER_S):
                outcome = await _visit(address, clip, tally)
        except Exception as error:  # counted: the other users go on
            outcome = "error"
            tally.wrong.append(f"{clip.name}: {type(error).__name__}: {error}")
        tally.visits[outcome] += 1
        if outcome != "right":
            await asyncio.sleep(_PAUSE_S)


async def _visit(address: str, clip: Clip, tally: Tally) -> str:
    async with Visitor(address) as visitor:
        await visitor.upload(clip.name, clip.content)
        if BUSY in visitor.text():
            return "busy"
        began = time.monotonic()
        await visitor.click("Predict")
        shown = visitor.text()
        if BUSY in shown:
            return "busy"
        tally.waits_s.append(time.monotonic() - began)
        if all(line in shown for line in clip.expected):
            return "right"
        tally.wrong.append(f"{clip.name}: expected {clip.expected}, the page shows: {shown}")
        return "wrong"


@contextmanager
def _server(model: Path, scratch: Path) -> Iterator[tuple[str, int]]:
    """Address and process of a running dashboard; its log and temporary folder are in `scratch`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (scratch / "tmp").mkdir()
    command = [sys.executable, "-m", "streamlit", "run", "op_app.py", "--server.headless=true"]
    command += ["--server.fileWatcherType=none", f"--server.port={port}", "--", "--model"]
    with (scratch / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, str(model)], cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(scratch / "tmp")},
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(300):
            try:
                direct.open(f"{address}/_stcore/health", timeout=2).read()
                break
            except OSError:
                time.sleep(0.2)
        yield address, server.pid
    finally:
        server.terminate()
        server.wait(30)
        print((scratch / "log").read_text(errors="replace")[-4000:], file=sys.stderr)


def megabytes(pid: int) -> float:
    """Resident memory of a process and those that it started, in units of 10^6 bytes."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            facts = dict(
                line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line
            )
        except OSError:  # it has ended
            continue
        if str(pid) in (facts["Pid"], facts["PPid"]):
            total += int(facts.get("VmRSS", "0").split()[0]) * 1024 / 1e6
    return total


if __name__ == "__main__":
    sys.exit(main())
