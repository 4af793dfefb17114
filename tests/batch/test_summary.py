"""The time that is left, and what the end says."""

from __future__ import annotations

import json

import pytest

from action_recognition.batch.summary import Pace, Summary
from action_recognition.errors import VideoError


def test_nothing_done_no_guess() -> None:
    assert Pace(100).left_s(10.0) is None


def test_an_even_pace_goes_on() -> None:
    pace = Pace(100)
    for second in range(1, 41):
        pace.add(1, float(second))
    assert pace.left_s(40.0) == pytest.approx(60, rel=0.05)


def test_small_videos_after_large_ones_are_reckoned_by_themselves() -> None:
    pace = Pace(10_500)
    for second in range(1, 101):  # a hundred bytes a second
        pace.add(100, float(second))
    for second in range(101, 501):  # then one: a file has its price, however small it is
        pace.add(1, float(second))
    assert pace.left_s(500.0) == pytest.approx(100, rel=0.05)  # and not five


def test_more_than_there_was_leaves_no_time() -> None:
    pace = Pace(100)
    pace.add(150, 5.0)
    assert pace.left_s(5.0) == 0


def test_the_end_is_plain_values() -> None:
    summary = Summary(5, skipped=1, done=2, errors=1, video_s=7200.0, elapsed_s=3600.0)
    row = {"work_s": 2.0, "network_s": 0.5}
    for node, worker in (("a", "1"), ("a", "2"), ("b", "3"), ("a", "1")):
        summary.count_piece({**row, "node": node, "worker": worker}, 10)
    summary.elapsed_s = 3600.0
    summary.unread = [VideoError("film.mp4", "it cannot be read")]
    facts = json.loads(json.dumps(summary.to_dict()))
    assert facts["nodes"]["a"] == {"pieces": 3, "work_s": 6.0, "network_s": 1.5, "workers": 2}
    assert (facts["video_hours"], facts["video_hours_per_hour"], facts["unread"]) == (2.0, 2.0, 1)
