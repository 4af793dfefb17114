"""Visitors' files: within which limits they are read, and how many at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from action_recognition.dashboard import strangers
from action_recognition.dashboard.strangers import for_one_answer, load_recognizer, preview
from action_recognition.video.isolated import can_isolate
from action_recognition.video.limits import Limits
from action_recognition.video.preview import Preview


def test_few_previews_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: fifty visitors with large films would each have taken their own gigabyte."""
    lock, now, most = threading.Lock(), 0, 0

    def make(source: object, *, name: str, start_s: float, limits: Limits) -> Preview:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        assert limits.cpu_s <= 60
        return Preview(b"", "video/mp4", transcoded=True, start_s=start_s, end_s=1.0)

    monkeypatch.setattr(strangers, "isolated_preview", make)
    monkeypatch.setattr(strangers, "browser_preview", make)
    with ThreadPoolExecutor(8) as visitors:
        list(visitors.map(lambda k: preview(b"", name=f"{k}.mp4"), range(16)))
    assert most == 2


def test_limits_of_the_operator_are_kept(tiny_model_path, monkeypatch) -> None:
    monkeypatch.setenv("ACTION_RECOGNITION_LIMITS", "cpu_s=30,video_s=100")
    recognizer = load_recognizer(str(tiny_model_path))
    assert recognizer.untrusted == can_isolate()
    assert (recognizer.limits.cpu_s, recognizer.limits.video_s) == (30, 100)
    assert recognizer.limits.wall_s == 3600
    quick = for_one_answer(recognizer)
    assert (quick.limits.cpu_s, quick.limits.wall_s) == (30, 120)
    assert quick.runtime is recognizer.runtime
