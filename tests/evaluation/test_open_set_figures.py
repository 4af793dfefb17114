"""Figures of the rule for unknown videos, on predictions whose known probability is given."""

from __future__ import annotations

import json

import pytest

from action_recognition.evaluation.open_set import measure_open_set
from action_recognition.recognition.results import Prediction, Timings
from action_recognition.video import VideoInfo
from action_recognition.video.orientation import UPRIGHT

INFO = VideoInfo(1.0, 25.0, 64, 48, "h264", "mp4", UPRIGHT, False)


def answer(known: float) -> Prediction:
    return Prediction("a.mp4", (("Jump", 0.9), ("Run", 0.1)), known, (), INFO, Timings(0, 0, 0))


KNOWN = [answer(p) for p in (0.9, 0.8, 0.7, 0.4)]
UNKNOWN = [
    ("Ride", "UCF101", answer(0.45)),
    ("Ride", "UCF101", answer(0.1)),
    ("Swim", "HMDB51", answer(0.6)),
]


def test_areas_and_shares() -> None:
    found = measure_open_set(KNOWN, UNKNOWN)
    assert (found.known, found.unknown) == (4, 3)
    # 0.9, 0.8 and 0.7 lie above all three, 0.4 above one of them.
    assert found.auroc["all"] == pytest.approx((3 + 3 + 3 + 1) / 12)
    # To keep 95 % of four is to keep all: from 0.4 on. One of three lies below.
    assert found.refused_at_95_kept["all"] == pytest.approx(1 / 3)
    # At the threshold of the model file, a probability of 0.5:
    assert found.kept == 0.75
    assert found.refused == pytest.approx(2 / 3)
    assert found.per_class == {"Ride": 1.0, "Swim": 0.0}


def test_each_data_set_apart() -> None:
    found = measure_open_set(KNOWN, UNKNOWN)
    assert list(found.auroc) == list(found.refused_at_95_kept) == ["all", "HMDB51", "UCF101"]
    assert found.auroc["HMDB51"] == pytest.approx(3 / 4)
    assert found.auroc["UCF101"] == pytest.approx((2 + 2 + 2 + 1) / 8)
    assert found.refused_at_95_kept["HMDB51"] == 0
    assert found.refused_at_95_kept["UCF101"] == 0.5


def test_one_data_set_has_no_figures_apart() -> None:
    assert list(measure_open_set(KNOWN, UNKNOWN[:2]).auroc) == ["all"]


def test_of_many_known_videos_one_in_twenty_may_be_lost() -> None:
    known = [answer(k / 100) for k in range(1, 101)]
    found = measure_open_set(known, [("Ride", "own", answer(p)) for p in (0.02, 0.055, 0.065, 0.5)])
    # The threshold is 0.05: of 0.05, 0.06, ... 1 are 96 of 100 kept, of 0.06 ... only 95.
    assert found.refused_at_95_kept["all"] == 0.25


def test_equal_scores_count_half() -> None:
    found = measure_open_set([answer(1.0)] * 3, [("Ride", "own", answer(1.0))] * 2)
    assert found.auroc["all"] == 0.5
    assert found.refused_at_95_kept["all"] == 0  # a model without a rule refuses nothing
    assert (found.kept, found.refused) == (1, 0)


def test_as_text_and_as_plain_values() -> None:
    found = measure_open_set(KNOWN, UNKNOWN)
    text = "\n".join(found.to_markdown())
    assert "None of these: 4 known videos against 3 of unknown classes." in text
    assert "| all | 0.833 | 0.333 |" in text
    assert "| UCF101 | 0.875 | 0.500 |" in text
    assert "refused at 95% of known kept" in text
    assert "0.750 of the known videos are kept and 0.667 of the unknown ones refused" in text
    assert "(Ride 1.00, Swim 0.00)" in text
    values = found.to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["auroc"] == {"all": 0.8333, "HMDB51": 0.75, "UCF101": 0.875}
    assert values["refused_at_95_kept"]["UCF101"] == 0.5
    assert (values["known_videos"], values["unknown_videos"]) == (4, 3)
    assert (values["kept"], values["refused"]) == (0.75, 0.6667)
