"""The dashboard in a real browser: what a visitor uploads plays, and Predict answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from dashboard_browser import DashboardPage, missing_tools, open_browser, running_dashboard

from action_recognition.modelfile import Model, load_model
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]

pytestmark = pytest.mark.skipif(
    bool(missing_tools()), reason=f"not installed: {', '.join(missing_tools())}"
)


@pytest.fixture
def page(tiny_model_path: Path) -> Iterator[DashboardPage]:
    with running_dashboard(tiny_model_path) as address, open_browser() as page:
        page.open(address)
        yield page


def test_upload_play_and_predict(
    page: DashboardPage, make_video: MakeVideo, tiny_model_path: Path, tmp_path: Path
) -> None:
    model: Model = load_model(tiny_model_path)
    for name in ("clip.mp4", "clip.avi"):
        page.upload(make_video(name, size=(96, 64)).path)
        assert page.wait_for_preview() >= 2
        assert page.predict() in model.classes
    bad = tmp_path / "bad_*file*.mp4"
    bad.write_bytes(b"This is no video. " * 50)
    page.upload(bad)
    assert page.error().startswith("bad_*file*.mp4: it is not a video file")
