"""An hour of video on the page: how long it takes, and how much memory the server takes for it.

    python benchmarks/film_on_page.py
    python benchmarks/film_on_page.py --minutes 10

It starts the dashboard, lets a visitor see a short clip, then upload a film of that length, made of
three scenes that come again and again; click Predict, ten of the moments, and Cut-out. The film is
joined without encoding it anew. It needs `chromium`, `chromedriver` and Selenium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

import dashboard_browser
from dashboard_browser import DashboardPage, open_browser, running_dashboard
from player_page import PLAYER

from action_recognition.dashboard.media.scenes import FOOTAGE, three_scenes
from dashboard_load import megabytes
from measuring import machine
from whole_length import repeat

PIECE_S = 24.011  # of the three scenes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    dashboard_browser.WAIT_S = 1800.0  # the film is gone through at some 40 times its speed
    print(f"{machine()}; a film of {options.minutes:g} minutes\n")
    with tempfile.TemporaryDirectory() as folder:
        path, piece = Path(folder, "film.mp4"), Path(folder, "piece.mp4")
        piece.write_bytes(three_scenes())
        repeat(piece, path, round(options.minutes * 60 / PIECE_S), PIECE_S)
        size = path.stat().st_size / 1e6
        with running_dashboard() as address, open_browser() as page:
            page.set_size(1440, 1000)
            visit(page, address, path, size, Path(folder, "downloads"))


def process_of(port: str) -> int:
    """The process of the server that listens there."""
    found = (
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if f"--server.port={port}".encode() in path.read_bytes()
    )
    return next(found)


def visit(page: DashboardPage, address: str, path: Path, size: float, downloads: Path) -> None:
    """From the short clip to the cut-out; prints what each step took."""
    server = process_of(address.rsplit(":", 1)[1])
    page.open(address)
    page.upload(FOOTAGE / "akiyo.mp4")
    page.wait_for_preview()
    page.predict()
    before = megabytes(server)
    page.open(address)
    started = time.perf_counter()
    page.upload(path)
    page.wait_for_preview()
    uploaded = time.perf_counter()
    page.click("Predict")
    page.wait(f"{PLAYER} return rows.length > 1 && video.readyState >= 2", "the moments")
    page.settle()
    answered = time.perf_counter()
    found = megabytes(server)
    count = int(page.script(f"{PLAYER} return rows.length"))
    for k in range(1, 11):
        number = k * (count - 1) // 10
        page.script(f"{PLAYER} rows[{number}].click()")
        start_s = page.script(f"{PLAYER} return root.player.data.moments[{number}].start")
        page.wait(f"{PLAYER} return !video.seeking && video.currentTime >= {start_s}", "the moment")
        page.settle()
    clicked = time.perf_counter()
    seen = megabytes(server)
    page.click("Cut-out")
    page.wait("return document.body.innerText.includes('Download')", "the cut-out")
    cut = page.download("Download", downloads)
    done = time.perf_counter()
    after = megabytes(server)
    print(f"film: {size:.0f} MB, {count} moments; cut-out: {cut.stat().st_size / 1e6:.2f} MB")
    print(f"upload and preview: {uploaded - started:.1f} s")
    print(f"from Predict to the moments: {answered - uploaded:.1f} s")
    print(f"a click on a moment: {(clicked - answered) / 10:.1f} s until its evidence is drawn")
    print(f"from Cut-out to the file: {done - clicked:.1f} s")
    print(
        f"memory of the server: {before:.0f} MB after the short clip, {found:.0f} with the film's "
        f"moments, {seen:.0f} after ten clicks, {after:.0f} at the end"
    )


if __name__ == "__main__":
    main()
