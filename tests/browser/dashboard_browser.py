"""Drives the dashboard in a real browser: headless Chromium, through Selenium.

Used by the browser test beside it and by `benchmarks/screenshots.py`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# JavaScript: the player, and whether the page is complete.
_VIDEO = "document.querySelector('video')"
_IDLE = "document.querySelector('[data-test-script-state=notRunning]') !== null"

# What is clicked: a button, tab, choice or link whose own text is the first argument. Icons are
# written as words in a font of their own.
_FIND = """
const own = e => [...e.querySelectorAll('p, span, div')].concat(e).map(x => x.innerText.trim());
const found = [...document.querySelectorAll('button, [role=tab], a')]
    .find(e => !e.disabled && own(e).includes(arguments[0]));
"""

_OVERFLOW = """
const width = document.documentElement.clientWidth, found = [];
for (const e of document.querySelectorAll('[data-testid=stMain] *')) {
    const box = e.getBoundingClientRect();
    if (!box.width || !box.height || box.right <= width + 1) continue;
    let p = e.parentElement, scrolls = false;
    for (; p && p.dataset.testid !== 'stMain'; p = p.parentElement)
        if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(p).overflowX))
            scrolls = true;
    if (!scrolls) found.push(`${e.tagName} ${e.innerText?.slice(0, 40)} ${Math.round(box.right)}`);
}
const main = document.querySelector('[data-testid=stMain]');
if (main.scrollWidth > main.clientWidth) found.push(`the page ${main.scrollWidth}`);
return found;
"""

REPOSITORY = Path(__file__).parents[2]
WAIT_S = 90.0  # a busy machine starts a browser slowly

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # A camera for the page Live: moving pictures that the browser makes itself.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


def missing_tools() -> list[str]:
    """Names of what is needed here but not installed."""
    missing = [tool for tool in ("chromium", "chromedriver") if shutil.which(tool) is None]
    return missing + [package for package in ("selenium",) if find_spec(package) is None]


@contextmanager
def running_dashboard(
    model: Path | None = None, *options: str, script: str = "op_app.py"
) -> Iterator[str]:
    """Starts the dashboard on a free port and gives its address; stops it at the end.

    Parameters:
        model: a model file; None stands for the one that ships with the package.
        options: of the dashboard itself, as `settings` reads them.
        script: what Streamlit runs, relative to the repository.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = dict(os.environ)
    if model is not None:
        environment["ACTION_RECOGNITION_MODEL"] = str(model)
    command = [sys.executable, "-m", "streamlit", "run", script]
    command += ["--server.headless=true", "--server.fileWatcherType=none"]
    command += ["--server.address=127.0.0.1", f"--server.port={port}", "--", *options]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for_server(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for_server(url: str, server: subprocess.Popen[bytes]) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the dashboard ended with status {server.returncode}")
        try:
            with direct.open(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(f"the dashboard did not answer within {WAIT_S:.0f} s")


class DashboardPage:
    """The page as a visitor sees it. Each method waits until what it names is there."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver
        self._earlier = ""  # address of the video that was shown before the last upload

    def open(self, address: str, page: str = "") -> None:
        """Opens a page of the dashboard, as a new visitor, and waits until it is complete."""
        self.driver.get(f"{address}/{page}")
        self.wait("return document.querySelector('h1') !== null", "the title")
        self.settle()

    def settle(self) -> None:
        """Waits until the server has drawn the page to its end."""
        self.wait(f"return {_IDLE}", "the end of the script")

    def upload(self, *files: Path) -> None:
        """Chooses files, as a visitor would in the file dialogue."""
        self._earlier = self.script(f"return {_VIDEO}?.currentSrc ?? ''")
        self.wait("return document.querySelector('input[type=file]') !== null", "the file chooser")
        box = self.driver.find_element("css selector", "input[type=file]")
        box.send_keys("\n".join(str(f) for f in files))

    def wait_for_preview(self) -> int:
        """Waits until the uploaded video can be shown; gives the player's readyState, 2 to 4."""
        self.wait(
            f"return {_VIDEO}?.currentSrc !== {self._earlier!r} && {_VIDEO}?.readyState >= 2"
            f" && {_IDLE}",
            "a playable preview",
        )
        return int(self.script(f"return {_VIDEO}.readyState"))

    def play(self) -> float:
        """Plays the first player until its time goes on; gives that time in seconds."""
        self.script(f"{_VIDEO}.muted = true; {_VIDEO}.play()")
        self.wait(f"return {_VIDEO}.currentTime > 0.1", "a later time of the player")
        return float(self.script(f"return {_VIDEO}.currentTime"))

    def click(self, label: str) -> None:
        """Clicks a button, a tab, a choice or a link by its label."""
        self.wait(f"{_FIND} found?.click(); return found !== undefined", label, label)

    def predict(self) -> str:
        """Clicks Predict, waits for the answer, and gives the action that is shown."""
        self.click("Predict")
        return self.answer()

    def answer(self) -> str:
        """Waits for the answer and what explains it, and gives the action that is shown."""
        self.wait(
            "const i = [...document.querySelectorAll('[data-testid=stImage] img')];"
            f"return i.length > 0 && i.every(x => x.complete && x.naturalWidth > 0) && {_IDLE}",
            "the answer",
        )
        return str(self.script("return document.querySelector('h2').innerText"))

    def error(self) -> str:
        """Waits for an error box and gives its text."""
        box = "document.querySelector('[data-testid=stAlert]')"
        self.wait(f"return Boolean({box}?.innerText.trim()) && {_IDLE}", "an error box")
        return str(self.script(f"return {box}.innerText"))

    def download(self, label: str, folder: Path) -> Path:
        """Clicks a download button; gives the file, in `folder`, when it is complete."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"behavior": "allow", "downloadPath": str(folder)}
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", settings)
        before = set(folder.iterdir())
        self.click(label)
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            new = [p for p in set(folder.iterdir()) - before if p.suffix != ".crdownload"]
            if new and new[0].stat().st_size and not list(folder.glob("*.crdownload")):
                return new[0]
            time.sleep(0.1)
        raise TimeoutError(f"{label}: nothing was downloaded within {WAIT_S:.0f} s")

    def text(self) -> str:
        """All text that is shown."""
        return str(self.script("return document.body.innerText"))

    def complaints(self) -> list[str]:
        """Errors that the browser has written to its console since the last call."""
        log = self.driver.get_log("browser")
        return [entry["message"] for entry in log if entry["level"] == "SEVERE"]

    def overflow(self) -> list[str]:
        """What reaches beyond the right edge of the page, by its text; scrolling areas may."""
        return list(self.script(_OVERFLOW))

    def set_size(self, width: int, height: int) -> None:
        """Sets the visible part of the page, in CSS pixels; a window has a smallest width."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def set_dark(self, dark: bool) -> None:
        """Makes the browser ask for a dark or a light page; to be called before `open`."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def content_height(self) -> int:
        """Height of the whole page in CSS pixels."""
        main = "document.querySelector('[data-testid=stMain]')"
        return int(self.script(f"return {main}.scrollHeight"))

    def save_screenshot(self, path: Path) -> None:
        """Saves what is visible as a PNG file."""
        time.sleep(1.0)  # charts and fades end
        if not self.driver.save_screenshot(str(path)):
            raise OSError(f"{path}: the screenshot cannot be written")

    def script(self, javascript: str, *arguments: Any) -> Any:
        """What a piece of JavaScript returns."""
        return self.driver.execute_script(javascript, *arguments)

    def wait(self, script: str, what: str, *arguments: Any) -> None:
        """Waits until a piece of JavaScript returns something true; `what` names it in errors."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if self.script(script, *arguments):
                return
            time.sleep(0.1)
        shown = self.text()
        raise TimeoutError(f"{what} did not appear within {WAIT_S:.0f} s; the page shows: {shown}")


@contextmanager
def open_browser(
    *, width: int = 1440, height: int = 900, dark: bool = False, camera: Path | None = None
) -> Iterator[DashboardPage]:
    """A fresh browser without a history; its profile is deleted at the end.

    Parameters:
        camera: a film (MJPEG) that its camera sees; None: a picture that Chromium draws.
    """
    from selenium import webdriver

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or "chromium"
        seen = [f"--use-file-for-fake-video-capture={camera}"] if camera else []
        for flag in (
            *_FLAGS,
            *seen,
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
        ):
            options.add_argument(flag)
        service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=service)
        try:
            page = DashboardPage(driver)
            page.set_size(width, height)
            page.set_dark(dark)
            yield page
        finally:
            driver.quit()
