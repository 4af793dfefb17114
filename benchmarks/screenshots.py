"""Takes pictures of every page of the dashboard: three widths, light and dark.

    python benchmarks/screenshots.py pictures          # all, into a folder
    python benchmarks/screenshots.py docs --for-docs   # those of docs/: 1440 pixels, light

It starts the dashboard on a free port and drives headless Chromium: it predicts the footage that
comes with the package, goes through the tabs, recognises some films at once, and shows a drawn
figure to the camera. No clip of the data sets is in any picture. It needs `chromium` and
`chromedriver` (on Debian: apt-get install chromium chromium-driver) and Selenium, which the dev
extra brings.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from dashboard_browser import DashboardPage, missing_tools, open_browser, running_dashboard
from player_page import PLAYER

from action_recognition.dashboard.media.figure import film, jumping, jumping_then_resting
from action_recognition.dashboard.media.scenes import FOOTAGE
from action_recognition.models.model_file import find_model

WIDTHS = (1440, 1024, 390)
_IN_DOCS = ("recognize", "timeline", "many", "live", "model")
_MAX_HEIGHT = 4000  # CSS pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the PNG files go")
    parser.add_argument("--model", type=find_model, help="model file; by default the shipped one")
    parser.add_argument("--only", help="of which page, for example: model")
    parser.add_argument("--for-docs", action="store_true", help="small, wide and light ones only")
    options = parser.parse_args()
    missing = missing_tools()
    if missing:
        parser.error(f"not installed: {', '.join(missing)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "films")
        folder.mkdir()
        films = _write_films(folder)
        # Examples are drawn, wherever this runs; and there is a folder on the server.
        paths = ("--examples", str(folder / "none"), "--videos", str(folder))
        with running_dashboard(options.model, *paths) as address:
            for dark in (False,) if options.for_docs else (False, True):
                with open_browser(dark=dark, camera=films["camera"]) as page:
                    for width in WIDTHS[:1] if options.for_docs else WIDTHS:
                        for name, show in _scenes(page, address, films).items():
                            if options.only in (None, name) and not (
                                options.for_docs and name not in _IN_DOCS
                            ):
                                page.set_size(width, 900)
                                show()
                                _save(page, options.folder, name, width, dark, options.for_docs)


def _write_films(folder: Path) -> dict[str, Path]:
    """Drawn films by their names, a file that is none, and one for the browser's camera."""
    made = {
        "jumping": ("jumping-jacks.mp4", film(4, jumping, size=(480, 360))),
        "resting": ("jumps-then-rests.mp4", film(8, jumping_then_resting, size=(480, 360))),
        "news": ("news.mp4", (FOOTAGE / "akiyo.mp4").read_bytes()),
        "bad": ("not-a-film.mp4", b"This is no video. " * 20),
    }
    paths = {}
    for key, (name, content) in made.items():
        paths[key] = folder / name
        paths[key].write_bytes(content)
    paths["camera"] = folder / "camera.mjpeg"
    with av.open(str(paths["camera"]), "w", format="mjpeg") as file:
        stream = file.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        for k in range(100):  # four seconds, then from the beginning
            picture = jumping(k / 25).resize((640, 480))
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = k, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return paths


def _scenes(
    page: DashboardPage, address: str, films: dict[str, Path]
) -> dict[str, Callable[[], None]]:
    """What is to be seen on each picture, by its name."""

    def recognize() -> None:
        page.open(address)
        page.click("News reader")
        page.wait_for_preview()
        print("answer:", page.predict())

    def tab(name: str) -> Callable[[], None]:
        def show() -> None:
            page.open(address)
            page.click("Three scenes")
            page.wait_for_preview()
            page.click("Predict")
            page.wait(f"{PLAYER} return rows.length > 1 && video.readyState >= 2", "the moments")
            page.script(f"{PLAYER} rows[1].click(); video.pause()")
            page.settle()
            if name:
                page.click(name)
                page.settle()
            time.sleep(1)

        return show

    def many() -> None:
        page.open(address, "many")
        page.upload(*(films[k] for k in ("news", "jumping", "resting", "bad")))
        page.click("Recognize all")
        page.wait("return document.body.innerText.includes('4 of 4 done.')", "the end")

    def live() -> None:
        page.open(address, "live")
        page.wait("return document.querySelector('iframe') !== null", "the camera's frame")
        page.driver.switch_to.frame(page.driver.find_element("css selector", "iframe"))
        page.click("START")
        video = "document.querySelector('video')"
        page.wait(f"return {video}?.readyState >= 2 && {video}.currentTime > 6", "the picture")
        page.driver.switch_to.default_content()

    def empty() -> None:
        page.open(address)

    def model() -> None:
        page.open(address, "model")
        page.wait("return document.querySelector('svg') !== null", "the drawing")

    return {
        "empty": empty,
        "recognize": recognize,
        "timeline": tab(""),
        "frames": tab("Frames"),
        "details": tab("Details"),
        "many": many,
        "live": live,
        "model": model,
    }


def _save(
    page: DashboardPage, folder: Path, name: str, width: int, dark: bool, small: bool
) -> None:
    page.set_size(width, min(_MAX_HEIGHT, max(600, page.content_height())))
    time.sleep(0.5)
    page.set_size(width, min(_MAX_HEIGHT, max(600, page.content_height())))
    path = folder / (
        f"dashboard-{name}.png" if small else f"{name}-{width}-{'dark' if dark else 'light'}.png"
    )
    page.save_screenshot(path)
    if small:
        picture = Image.open(path).convert("RGB")
        picture.quantize(256, kmeans=3).save(path, optimize=True)
    print(f"saved: {path} ({path.stat().st_size / 1000:.0f} kB); beyond the edge: ", end="")
    print(page.overflow() or "nothing")


if __name__ == "__main__":
    main()
