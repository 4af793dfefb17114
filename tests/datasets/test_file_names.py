"""File names that are not UTF-8, as text."""

from __future__ import annotations

import os

import pytest

from action_recognition.datasets.file_names import as_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"jump.mp4", "jump.mp4"),
        ("für 動画.mp4".encode(), "für 動画.mp4"),
        (b"f\xfcr.mp4", "für.mp4"),
        ("für".encode() + b"\xfc", "fürü"),
        (b"\x80uro\x81", "€uro\x81"),  # 81 has no character in Windows-1252
    ],
)
def test_names_become_text(raw: bytes, text: str) -> None:
    assert as_text(os.fsdecode(raw)) == text
