"""Takes a picture of the dashboard with its answer for one video.

    python benchmarks/screenshot.py --video kitchen.mp4 --output dashboard.png

It starts the dashboard on a free port, uploads the video in headless Chromium, clicks Predict,
waits for the answer and saves the page. It needs `chromium` and `chromedriver` (on Debian:
apt-get install chromium chromium-driver) and Selenium, which the dev extra brings.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from dashboard_browser import missing_tools, open_browser, running_dashboard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path, help="without one, the empty page is taken")
    parser.add_argument("--output", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--model", type=Path, help="model file; by default the shipped one")
    parser.add_argument("--width", type=int, default=1440, help="CSS pixels")
    parser.add_argument("--height", type=int, help="CSS pixels; by default the whole page")
    parser.add_argument("--dark", action="store_true", help="the dark theme")
    arguments = parser.parse_args()
    missing = missing_tools()
    if missing:
        parser.error(f"not installed: {', '.join(missing)}")

    with (
        running_dashboard(arguments.model) as address,
        open_browser(
            width=arguments.width, height=arguments.height or 900, dark=arguments.dark
        ) as page,
    ):
        page.open(address)
        if arguments.video is not None:
            page.upload(arguments.video.resolve())
            page.wait_for_preview()
            print("answer:", page.predict())
        if arguments.height is None:
            page.set_size(arguments.width, page.content_height())
        page.save_screenshot(arguments.output)
        print("saved:", arguments.output)


if __name__ == "__main__":
    main()
