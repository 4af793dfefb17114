"""An hour of video on the page: how long it takes, and how much memory the server takes for it.

    python benchmarks/film_on_page.py
    python benchmarks/film_on_page.py --minutes 10

It starts the dashboard. A visitor uploads a film of 24 seconds, clicks Predict, ten times on its
moments, and Cut-out, so that all code is loaded and all caches are warm; then does the same with a
film of that length. What the memory of the server grows by is compared with the size of the file.
The film is made of three scenes that come again and again, joined without encoding them anew. It
needs `chromium`, `chromedriver` and Selenium.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

import av
import dashboard_browser
from av.video.frame import PictureType
from dashboard_browser import DashboardPage, open_browser, running_dashboard
from player_page import PLAYER

from action_recognition.dashboard.media.scenes import three_scenes
from dashboard_load import megabytes
from measuring import machine
from whole_length import repeat

PIECE_S = 24.84  # of the three scenes, and a frame more


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    dashboard_browser.WAIT_S = 1800.0  # the film is gone through at some 40 times its speed
    print(f"{machine()}; a film of {options.minutes:g} minutes\n")
    with tempfile.TemporaryDirectory() as folder:
        path, piece = Path(folder, "film.mp4"), Path(folder, "piece.mp4")
        piece.write_bytes(finely_encoded(three_scenes()))
        repeat(piece, path, round(options.minutes * 60 / PIECE_S), PIECE_S)
        size = path.stat().st_size / 1e6
        with running_dashboard() as address, open_browser() as page:
            page.set_size(1440, 1000)
            server = process_of(address.rsplit(":", 1)[1])
            page.open(address)
            short = visit(page, server, piece, Path(folder, "first"))
            film = visit(page, server, path, Path(folder, "second"))
    print(f"film: {size:.0f} MB, {film.moments} moments; cut-out: {film.cut_mb:.2f} MB\n")
    print("| step | seconds | server, MB | more than after the film of 24 s |")
    print("|---|---|---|---|")
    before = short.memory["from Cut-out to the file"]
    for step, took in film.seconds.items():
        now = film.memory[step]
        print(f"| {step} | {took:.1f} | {now:.0f} | {now - before:.0f} |")


def finely_encoded(data: bytes) -> bytes:
    """The same video at some 1 Mbit/s, as cameras write it."""
    with io.BytesIO() as out:
        with av.open(io.BytesIO(data)) as source, av.open(out, "w", format="mp4") as target:
            taken = source.streams.video[0]
            stream = target.add_stream("libx264", rate=25)
            stream.width, stream.height = taken.width, taken.height
            stream.options = {"qp": "12", "preset": "ultrafast", "g": "50"}
            for number, frame in enumerate(source.decode(taken)):
                frame.pts, frame.time_base = number, 1 / Fraction(25)
                frame.pict_type = PictureType.NONE  # the encoder chooses
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
        return out.getvalue()


def process_of(port: str) -> int:
    """The process of the server that listens there."""
    found = (
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if f"--server.port={port}".encode() in path.read_bytes()
    )
    return next(found)


@dataclass(frozen=True)
class Visit:
    """What one film took: seconds, and the server's memory in MB after each step."""

    moments: int
    cut_mb: float
    seconds: dict[str, float]
    memory: dict[str, float]


def visit(page: DashboardPage, server: int, path: Path, downloads: Path) -> Visit:
    """From the upload to the cut-out."""
    seconds: dict[str, float] = {}
    memory: dict[str, float] = {}
    last = time.perf_counter()

    def done(step: str) -> None:
        nonlocal last
        seconds[step] = time.perf_counter() - last
        memory[step] = megabytes(server)
        last = time.perf_counter()

    page.upload(path)
    page.wait_for_preview()
    done("upload and preview")
    page.click("Predict")
    page.wait(f"{PLAYER} return rows.length > 1 && video.readyState >= 2", "the moments")
    page.settle()
    done("from Predict to the moments")
    count = int(page.script(f"{PLAYER} return rows.length"))
    for k in range(1, 11):
        number = k * (count - 1) // 10
        page.script(f"{PLAYER} rows[{number}].click()")
        start_s = page.script(f"{PLAYER} return root.player.data.moments[{number}].start")
        page.wait(
            f"{PLAYER} return !video.seeking && video.currentTime > {start_s} - 0.05", "the moment"
        )
        page.settle()
    done("ten clicks on moments, until the evidence of each is drawn")
    page.click("Cut-out")
    page.wait("return document.body.innerText.includes('Download')", "the cut-out")
    cut = page.download("Download", downloads)
    done("from Cut-out to the file")
    return Visit(count, cut.stat().st_size / 1e6, seconds, memory)


if __name__ == "__main__":
    main()
