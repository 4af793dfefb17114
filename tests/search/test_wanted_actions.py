"""From what somebody types to names of actions."""

from __future__ import annotations

import pytest

from action_recognition.errors import UsageError
from action_recognition.search.actions import choose_actions

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
