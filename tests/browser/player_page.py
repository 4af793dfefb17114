"""A film of two moments, and the player of its answer, for tests in a browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from dashboard_browser import DashboardPage

from video_maker import Image

CHANGE_S = 8.4

# The component has a root of its own, in which its parts are looked for.
PLAYER = """
const root = [...document.querySelectorAll('*')].map(e => e.shadowRoot ?? e)
    .map(e => e.querySelector?.('.player')).find(Boolean);
const video = root?.querySelector('video');
const rows = [...(root?.querySelectorAll('.moments button') ?? [])];
"""


def black_then_white(index: int, time_s: float, width: int, height: int) -> Image:
    return np.full((height, width, 3), 0 if time_s < CHANGE_S else 255, dtype=np.uint8)


def answered(page: DashboardPage, path: Path) -> DashboardPage:
    page.upload(path)
    page.wait_for_preview()
    page.click("Predict")
    page.wait(f"{PLAYER} return rows.length > 0 && video.readyState >= 2", "the moments")
    page.settle()
    return page
