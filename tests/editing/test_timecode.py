"""Timecodes, with and without dropped numbers."""

from __future__ import annotations

import pytest

from action_recognition.editing.timecode import FrameRate


@pytest.mark.parametrize(
    ("rate", "frame", "timecode"),
    [
        (25, 0, "00:00:00:00"),
        (25, 90_000, "01:00:00:00"),
        (24000 / 1001, 24 * 60, "00:01:00:00"),  # 23.976 drops none
        (30, 1800, "00:01:00:00"),
        (29.97, 1799, "00:00:59;29"),
        (29.97, 1800, "00:01:00;02"),
        (29.97, 3597, "00:01:59;29"),
        (29.97, 3598, "00:02:00;02"),
        (29.97, 17_981, "00:09:59;29"),
        (29.97, 17_982, "00:10:00;00"),
        (29.97, 107_892, "01:00:00;00"),
        (59.94, 3599, "00:00:59;59"),
        (59.94, 3600, "00:01:00;04"),
        (59.94, 215_784, "01:00:00;00"),
        (0, 25, "00:00:01:00"),  # unknown
        (29.2, 29, "00:00:01:00"),  # of a telephone: no rate of television
        (29.99, 1800, "00:01:00:00"),
    ],
)
def test_timecodes(rate: float, frame: int, timecode: str) -> None:
    assert FrameRate.of(rate).timecode(frame) == timecode


@pytest.mark.parametrize("rate", [29.97, 59.94])
def test_no_number_stands_for_two_frames(rate: float) -> None:
    counted = FrameRate.of(rate)
    codes = [counted.timecode(frame) for frame in range(40_000)]
    assert [counted.number(code) for code in codes] == list(range(40_000))
    assert len(set(codes)) == len(codes)
    assert codes == sorted(codes)


def test_a_dropping_timecode_keeps_step_with_the_clock() -> None:
    rate = FrameRate.of(30000 / 1001)
    assert rate.timecode(rate.frame(3600)) == "01:00:00;00"
