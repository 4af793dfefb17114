"""How long a visitor waits, in a real browser: for the first page, and from a click to the answer.

    python benchmarks/page_speed.py

Prints the median of several runs, each with a server of its own:

- from the moment when the server is up until the first page is shown, with its uploader, and until
  it is complete, with what the model knows: PyTorch and the model are loaded in between;
- from the click on Predict until the action is shown, for a drawn film of 7 s and 320x240 pixels,
  as MP4 and as Xvid AVI; the second time is that of the heat maps below it, which come later.

It needs `chromium` and `chromedriver`, as `benchmarks/screenshots.py` does.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import av

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from dashboard_browser import DashboardPage, missing_tools, open_browser, running_dashboard

from action_recognition.dashboard.media.figure import film, jumping
from action_recognition.models.model_file import find_model

# In the browser: the clock starts with the click, and is read when the action is on the page.
_CLICK = """
const done = arguments[0], started = performance.now();
const button = [...document.querySelectorAll('button')]
    .find(b => b.innerText.trim() === 'Predict');
let answered = null;
const look = () => {
    if (answered === null && document.querySelector('h2')) answered = performance.now() - started;
    const heat = document.querySelector('[data-testid=stImage] img');
    if (answered !== null && heat?.complete) done([answered, performance.now() - started]);
    else requestAnimationFrame(look);
};
button.click();
look();
"""


_SHOWN = {
    "first page": "return document.querySelector('input[type=file]') !== null",
    "first page, complete": "return document.body.innerText.includes('This model knows')",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", type=find_model, help="model file; by default the shipped one")
    options = parser.parse_args()
    missing = missing_tools()
    if missing:
        parser.error(f"not installed: {', '.join(missing)}")
    waits: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        clips = _write_clips(Path(scratch))
        for _ in range(options.runs):
            with open_browser() as page, running_dashboard(options.model) as address:
                started = time.perf_counter()
                page.driver.get(address)
                for name, script in _SHOWN.items():
                    page.wait(script, name)
                    waits.setdefault(name, []).append(time.perf_counter() - started)
                for clip in clips:
                    kind = clip.suffix[1:].upper()
                    for name, value in _time_predict(page, address, clip).items():
                        waits.setdefault(f"{name}, {kind}", []).append(value)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{options.runs} runs, {cores} cores; seconds")
    print("| wait | median | least | most |\n|---|---:|---:|---:|")
    for name, values in waits.items():
        print(
            f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} | {max(values):.2f} |"
        )


def _time_predict(page: DashboardPage, address: str, clip: Path) -> dict[str, float]:
    """Seconds of each wait after the click, for a new visitor."""
    page.open(address)
    page.upload(clip)
    page.wait_for_preview()
    page.driver.set_script_timeout(120)
    answer, heat = page.driver.execute_async_script(_CLICK)
    told = re.search(r"Answered in ([0-9.]+) s", page.text())
    return {
        "click to answer": answer / 1000,
        "- of it the recognizer": float(told[1]) if told else float("nan"),
        "click to heat maps": heat / 1000,
    }


def _write_clips(folder: Path) -> list[Path]:
    mp4 = film(7, jumping, fps=30, size=(320, 240))
    (folder / "clip.mp4").write_bytes(mp4)
    with av.open(io.BytesIO(mp4)) as source, av.open(str(folder / "clip.avi"), "w") as out:
        stream = out.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.codec_tag, stream.bit_rate = "XVID", 400_000
        for k, frame in enumerate(source.decode(video=0)):
            frame.pts, frame.time_base = k, 1 / stream.codec_context.framerate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return [folder / "clip.mp4", folder / "clip.avi"]


if __name__ == "__main__":
    main()
