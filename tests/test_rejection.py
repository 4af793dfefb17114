"""Figures of the rule for foreign videos, on predictions whose scores are given."""

from __future__ import annotations

import pytest

from action_recognition.recognition.recognizer import CHOSEN_RULE, Prediction, Timings
from action_recognition.rejection import measure_rejection
from action_recognition.video import VideoInfo

INFO = VideoInfo(1.0, 25.0, 64, 48, "h264", "mp4", 0, False)


def answer(familiarity: float | None, probability: float = 0.9) -> Prediction:
    return Prediction(
        file="a.mp4",
        ranked=(("Jump", probability), ("Run", 1 - probability)),
        clips_s=((0.0, 1.0),),
        video=INFO,
        timings=Timings(0, 0, 0),
        familiarity=familiarity,
        is_known=None if familiarity is None else familiarity >= 0.5,
        rules={"largest probability": probability}
        | ({} if familiarity is None else {CHOSEN_RULE: familiarity}),
    )


def test_areas_and_shares() -> None:
    known = [("Jump", answer(f)) for f in (0.9, 0.8, 0.7, 0.4)]
    foreign = [("Ride", answer(0.45, 0.6)), ("Ride", answer(0.1, 0.6)), ("Swim", answer(0.6, 0.6))]
    found = measure_rejection(known, foreign)
    area, share = found.rules[CHOSEN_RULE]
    assert area == pytest.approx(10 / 12)  # 0.4 lies below two of the three foreign scores
    assert share == pytest.approx(1 / 3)  # to keep 95 % of four is to keep all: from 0.4 on
    assert found.rules["largest probability"] == (1.0, 1.0)
    assert list(found.rules) == [CHOSEN_RULE, "largest probability"]
    assert (found.kept, found.refused) == (0.75, pytest.approx(2 / 3))
    assert found.per_class == {"Ride": 1.0, "Swim": 0.0}
    text = "\n".join(found.to_markdown())
    assert "4 known videos against 3 of foreign classes" in text
    assert "Ride 1.00, Swim 0.00" in text
    assert found.to_dict()["rules"]["largest probability"]["auroc"] == 1.0


def test_a_model_without_a_rule() -> None:
    found = measure_rejection([("Jump", answer(None))], [("Ride", answer(None, 0.6))])
    assert set(found.rules) == {"largest probability"}
    assert found.kept is found.refused is None
    assert "threshold" not in "\n".join(found.to_markdown())
