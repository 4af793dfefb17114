"""A visit to the page Recognize, as AppTest drives it: what is clicked, and what is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from action_recognition.dashboard.pages.details import TABS

PAGE = Path(__file__).parents[2] / "op_app.py"
CLASSES = ("Hitting", "Reading", "Swimming")  # one of the project's actions, two others


def open_page() -> AppTest:
    """A new visitor."""
    return AppTest.from_file(PAGE, default_timeout=120).run()


def upload(page: AppTest, name: str, content: bytes) -> AppTest:
    """Chooses a file."""
    return page.file_uploader[0].set_value((name, content, "video/mp4")).run()


def predict(page: AppTest) -> AppTest:
    """Clicks the only button."""
    (button,) = page.button
    assert button.label == "Predict"
    return button.click().run()


def open_tab(page: AppTest, name: str) -> AppTest:
    """Opens one of the tabs below the answer."""
    page.session_state[TABS] = name  # AppTest cannot click a tab
    return page.run()


def shown_text(page: AppTest) -> str:
    """Text without its marks."""
    text = "\n".join(element.value for element in (*page.markdown, *page.caption))
    return text.replace("\N{MULTIPLICATION SIGN}", "x").replace("**", "").replace("\u00a0", " ")


def bars(page: AppTest) -> list[str]:
    """Names in the chart, from top to bottom."""
    (chart,) = page.get("vega_lite_chart")
    names: list[str] = json.loads(chart.proto.spec)["layer"][0]["encoding"]["y"]["sort"]
    return names


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, method: str) -> list[str]:
    """Lets a method work as before, and lists the `name` of each call."""
    calls: list[str] = []
    original = getattr(owner, method)

    def counting(*arguments: Any, **settings: Any) -> Any:
        calls.append(settings.get("name", ""))
        return original(*arguments, **settings)

    monkeypatch.setattr(owner, method, counting)
    return calls


def count_downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | bytes]:
    """What the page offers to download from now on, by the name of the file."""
    offered: dict[str, str | bytes] = {}

    def offer(label: str, content: str | bytes, name: str, *_: Any, **__: Any) -> None:
        offered[name] = content

    monkeypatch.setattr(st, "download_button", offer)
    return offered


def played(page: AppTest) -> dict[str, Any]:
    """What the player is given."""
    data: dict[str, Any]
    (data,) = (
        json.loads(component.proto.json)
        for component in page.get("bidi_component")
        if component.proto.component_name == "action_recognition_player"
    )
    return data
