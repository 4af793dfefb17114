"""The static page in web/, built and opened in a real browser: camera, file, offline."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dashboard_browser import missing_tools, open_browser

from action_recognition.clips import read_clips
from action_recognition.exports.compare import Compared
from action_recognition.exports.info import read_info
from action_recognition.models.model_file import Model
from action_recognition.recognition.calibrated import of_moment
from action_recognition.recognition.motion import Motion
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import Video
from video_maker import barcode, write_video

pytestmark = [pytest.mark.slow, pytest.mark.browser]

WEB = Path(__file__).resolve().parents[2] / "web"
WAIT_S = 60


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    return write_video(folder / "film.mp4", seconds=4, size=(172, 172), pattern=barcode).path


@pytest.fixture(scope="module")
def site(
    compared: list[Compared], export_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The page, built as `make web` builds it, in a folder of its own and with a small model."""
    assert compared
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None] + missing_tools()
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("web") / "web"
    ignored = shutil.ignore_patterns("node_modules", "dist", "model")
    shutil.copytree(WEB, folder, ignore=ignored)
    installed = subprocess.run(["npm", "ci"], cwd=folder, capture_output=True, check=False)
    if installed.returncode:
        pytest.skip("npm could not install the page's packages")
    model = folder / "public" / "model"
    model.mkdir()
    shutil.copy(export_folder / "stream.onnx", model / "model.onnx")
    described = json.dumps(read_info(export_folder / "stream.onnx"))
    (model / "model.json").write_text(described, encoding="utf-8")
    done = subprocess.run(
        ["npm", "run", "build"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"


class Server:
    """Serves a folder; keeps the addresses that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        server = self

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *arguments: object) -> None:
                server.asked.append(self.path)

        handler = partial(Handler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[Server]:
    made = Server(site)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def driver(server: Server, film: Path) -> Iterator[Any]:
    """A browser with the page, whose camera sees a film."""
    camera = film.with_name("camera.mjpeg")
    write_video(camera, seconds=4, size=(320, 240), codec="mjpeg", container="mjpeg",
                pix_fmt="yuvj420p", pattern=barcode)  # fmt: skip
    with open_browser(width=1100, height=900, camera=camera) as page:
        page.driver.get(server.address)
        until(lambda: text(page.driver, "message").startswith("Ready"))
        yield page.driver


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def text(driver: Any, name: str) -> str:
    return str(driver.execute_script(f"return document.getElementById('{name}').textContent"))


def test_it_answers_as_python_does(driver: Any, film: Path, export_source: Model) -> None:
    recognizer = Recognizer(export_source, device="cpu")
    with Video(film) as video:
        frames = read_clips(video, export_source.preprocessing, window=4).frames[0]
    expected = recognizer.runtime.run(frames[None])
    driver.set_script_timeout(WAIT_S)
    found = driver.execute_async_script(
        """
        const [text, shape, done] = arguments;
        const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        const model = window.actionRecognition;
        model.forget();
        model.run(bytes, shape).then(
          (answers) => done(answers.map((a) => [Array.from(a.probabilities), a.knownProbability])),
          (error) => done(String(error)));
        """,
        base64.b64encode(frames.tobytes()).decode(),
        [1, *frames.shape],
    )
    assert isinstance(found, list), found
    assert len(found) == len(frames)
    still = list(Motion(recognizer.window).feed(frames))
    for k, (probabilities, known) in enumerate(found):
        logits, likeness = expected.logits[0, k], expected.likeness[0, k]
        wanted, share = of_moment(recognizer.model, logits, likeness, still[k])
        assert probabilities == pytest.approx(wanted.tolist(), abs=1e-3)
        assert known == pytest.approx(share, abs=1e-3)
    assert np.ptp([p[0][0] for p in found]) > 1e-3  # or it shows nothing


def test_a_file_gives_moments(driver: Any, film: Path) -> None:
    driver.find_element("id", "file").send_keys(str(film))
    until(lambda: "done" in text(driver, "message"))
    rows = driver.find_elements("css selector", "#moments button")
    assert rows
    assert rows[0].text.startswith("0:00.3 to 0:0")  # the first with a whole window
    assert "frames a second, on Web" in text(driver, "rate")
    assert len(driver.find_elements("css selector", "#bars li")) == 2
    rows[-1].click()
    start = float(rows[-1].text.split(" ")[0].split(":")[1])
    until(lambda: abs(driver.execute_script("return video.currentTime") - start) < 0.06)


def test_the_camera_gives_answers(driver: Any) -> None:
    driver.find_element("id", "camera").click()
    until(lambda: text(driver, "answer") and driver.execute_script("return !!video.srcObject"))
    driver.find_element("id", "stop").click()
    until(lambda: text(driver, "message") == "The camera is off.")
    assert not driver.execute_script("return !!video.srcObject")


def test_a_file_that_is_no_video_is_one_sentence(driver: Any, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no video")
    driver.find_element("id", "file").send_keys(str(path))
    until(lambda: "cannot read" in text(driver, "message"))
    assert text(driver, "message") == "notes.mp4: this browser cannot read the video"


def test_nothing_is_asked_of_others_and_it_works_offline(
    driver: Any, server: Server, film: Path
) -> None:
    """The last test of the file: the server is gone after it."""
    names = driver.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
    )
    assert all(name.startswith((server.address, "blob:", "data:")) for name in names)
    until(lambda: driver.execute_script("return document.documentElement.dataset.offline"))
    server.stop()
    driver.get(server.address)
    until(lambda: text(driver, "message").startswith("Ready"))
    driver.find_element("id", "file").send_keys(str(film))
    until(lambda: "done" in text(driver, "message"))
    assert driver.find_elements("css selector", "#moments button")
