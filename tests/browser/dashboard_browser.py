"""Drives the dashboard in a real browser: headless Chromium, through Selenium.

Used by the browser test beside it and by `benchmarks/screenshot.py`.
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
)


def missing_tools() -> list[str]:
    """Names of what is needed here but not installed."""
    missing = [tool for tool in ("chromium", "chromedriver") if shutil.which(tool) is None]
    return missing + [package for package in ("selenium",) if find_spec(package) is None]


@contextmanager
def running_dashboard(model: Path | None = None) -> Iterator[str]:
    """Starts the dashboard on a free port and gives its address; stops it at the end.

    Parameters:
        model: a model file; None stands for the one that ships with the package.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = dict(os.environ)
    if model is not None:
        environment["ACTION_RECOGNITION_MODEL"] = str(model)
    command = [sys.executable, "-m", "streamlit", "run", "op_app.py"]
    command += ["--server.headless=true", "--server.fileWatcherType=none"]
    command += ["--server.address=127.0.0.1", f"--server.port={port}"]
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
        self._driver = driver
        self._earlier = ""  # address of the video that was shown before the last upload

    def open(self, address: str) -> None:
        """Opens the page and waits for its uploader."""
        self._driver.get(address)
        self._wait("return document.querySelector('input[type=file]') !== null", "the uploader")

    def upload(self, video: Path) -> None:
        """Chooses a file, as a visitor would in the file dialogue."""
        self._earlier = self._driver.execute_script(f"return {_VIDEO}?.currentSrc ?? ''")
        self._driver.find_element("css selector", "input[type=file]").send_keys(str(video))

    def wait_for_preview(self) -> int:
        """Waits until the uploaded video can be shown; gives the player's readyState, 2 to 4."""
        self._wait(
            f"return {_VIDEO}?.currentSrc !== {self._earlier!r} && {_VIDEO}?.readyState >= 2"
            f" && {_IDLE}",
            "a playable preview",
        )
        return int(self._driver.execute_script(f"return {_VIDEO}.readyState"))

    def predict(self) -> str:
        """Clicks Predict, waits for the answer, and gives the action that is shown."""
        click = (
            "const b = [...document.querySelectorAll('button')]"
            ".find(b => b.innerText.trim() === 'Predict'); b?.click(); return b !== undefined"
        )
        self._wait(click, "the Predict button")
        self._wait(
            "const i = [...document.querySelectorAll('[data-testid=stImage] img')];"
            f"return i.length > 0 && i.every(x => x.complete && x.naturalWidth > 0) && {_IDLE}",
            "the answer",
        )
        return str(self._driver.execute_script("return document.querySelector('h2').innerText"))

    def error(self) -> str:
        """Waits for an error box and gives its text."""
        box = "document.querySelector('[data-testid=stAlert]')"
        self._wait(f"return Boolean({box}?.innerText.trim()) && {_IDLE}", "an error box")
        return str(self._driver.execute_script(f"return {box}.innerText"))

    def set_size(self, width: int, height: int) -> None:
        """Sets the visible part of the page, in CSS pixels; a window has a smallest width."""
        self._driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def set_dark(self, dark: bool) -> None:
        """Makes the browser ask for a dark or a light page; to be called before `open`."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def content_height(self) -> int:
        """Height of the whole page in CSS pixels."""
        main = "document.querySelector('[data-testid=stMain]')"
        return int(self._driver.execute_script(f"return {main}.scrollHeight"))

    def save_screenshot(self, path: Path) -> None:
        """Saves what is visible as a PNG file."""
        time.sleep(1.0)  # charts and fades end
        if not self._driver.save_screenshot(str(path)):
            raise OSError(f"{path}: the screenshot cannot be written")

    def _wait(self, script: str, what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if self._driver.execute_script(script):
                return
            time.sleep(0.1)
        shown: Any = self._driver.execute_script("return document.body.innerText")
        raise TimeoutError(f"{what} did not appear within {WAIT_S:.0f} s; the page shows: {shown}")


@contextmanager
def open_browser(
    *, width: int = 1440, height: int = 900, dark: bool = False
) -> Iterator[DashboardPage]:
    """A fresh browser without a history; its profile is deleted at the end."""
    from selenium import webdriver

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or "chromium"
        for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        try:
            page = DashboardPage(driver)
            page.set_size(width, height)
            page.set_dark(dark)
            yield page
        finally:
            driver.quit()
