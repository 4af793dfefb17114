"""Films the dashboard as a visitor uses it: the animation of the README.

    python benchmarks/flow_gif.py docs/flow.gif

It starts the dashboard, takes the example of three scenes, clicks Predict, then the second moment,
and saves what is on the screen as a GIF. It needs `chromium`, `chromedriver` and Selenium.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from dashboard_browser import DashboardPage, missing_tools, open_browser, running_dashboard
from player_page import PLAYER

SIZE = (1100, 760)  # CSS pixels
WIDTH = 720  # of the animation, in pixels
_COLOURS = 96
_STILL_MS, _MOVING_MS = 900, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="the GIF to write")
    options = parser.parse_args()
    missing = missing_tools()
    if missing:
        parser.error(f"not installed: {', '.join(missing)}")
    shots: list[tuple[Image.Image, int]] = []
    with running_dashboard() as address, open_browser() as page:
        page.set_size(*SIZE)
        page.open(address)
        film(page, shots)
    pictures = [picture.quantize(_COLOURS, dither=Image.Dither.NONE) for picture, _ in shots]
    pictures[0].save(
        options.file,
        save_all=True,
        append_images=pictures[1:],
        duration=[shown_ms for _, shown_ms in shots],
        loop=0,
        optimize=True,
    )
    seconds = sum(shown_ms for _, shown_ms in shots) / 1000
    print(f"saved: {options.file}, {seconds:.1f} s, {options.file.stat().st_size / 1e6:.2f} MB")


def film(page: DashboardPage, shots: list[tuple[Image.Image, int]]) -> None:
    """From the empty page to a moment that plays."""

    def shoot(shown_ms: int) -> None:
        picture = Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGB")
        height = round(picture.height * WIDTH / picture.width)
        shots.append((picture.resize((WIDTH, height), Image.Resampling.LANCZOS), shown_ms))

    page.wait("return document.body.innerText.includes('Three scenes')", "the examples")
    time.sleep(1)
    shoot(_STILL_MS)
    page.click("Three scenes")
    page.wait_for_preview()
    time.sleep(1)
    shoot(_STILL_MS)
    page.click("Predict")
    page.wait(f"{PLAYER} return rows.length > 1 && video.readyState >= 2", "the moments")
    page.settle()
    page.script("document.querySelector('h2').scrollIntoView()")
    time.sleep(1)
    shoot(_STILL_MS)
    page.script(f"{PLAYER} video.muted = true; rows[1].click()")
    for _ in range(10):
        time.sleep(0.15)
        shoot(_MOVING_MS)


if __name__ == "__main__":
    main()
