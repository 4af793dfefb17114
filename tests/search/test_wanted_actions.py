"""From what somebody types to names of actions."""

from __future__ import annotations

import pytest

from action_recognition.errors import UsageError
from action_recognition.recognition.segmentation import Segment
from action_recognition.search.actions import choose_actions, is_wanted

CLASSES = ("Falling on Floor", "Smoking", "Hitting", "surfing water", "surfing crowd")


def test_case_and_folders_do_not_matter() -> None:
    assert choose_actions(["FALLING on floor", "smoke"], CLASSES) == ("Falling on Floor", "Smoking")
    assert choose_actions(["falling_on_floor", "Falling on Floor"], CLASSES) == (CLASSES[0],)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("surf", "near to it: surfing water, surfing crowd"),
        ("Smokin", "near to it: Smoking"),
        ("zzz", "the model knows only Falling on Floor, Smoking"),
        ("abseiling", "--model kinetics600 knows 'abseiling'"),
    ],
)
def test_an_unknown_one_is_one_sentence_with_what_is_near(typed: str, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        choose_actions([typed], CLASSES, {"kinetics600": ["abseiling"]})
    assert told in str(raised.value)
    assert str(raised.value).startswith(f"--action {typed!r}: ")


def test_segments_are_wanted_by_action_and_probability() -> None:
    run, none = Segment(0, 2, "Run", "Run", 0.9, 1.0), Segment(2, 5, None, "Run", 0.9, 0.1)
    assert is_wanted(run, (), 0.0)
    assert is_wanted(run, ("Run",), 0.9)
    assert not is_wanted(run, ("Jump",), 0.0)
    assert not is_wanted(run, (), 0.91)
    assert not is_wanted(none, (), 0.0)
