"""Probabilities as text: one way for the command line, the page and all files."""

from __future__ import annotations

import math

import numpy as np
import pytest

from action_recognition.recognition.wording import percent


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0.0 %"),
        (0.0004, "0.0 %"),
        (1e-20, "0.0 %"),
        (0.57, "57.0 %"),  # in binary, a little less
        (0.49999, "49.9 %"),  # an answer is unsure below 50 %
        (math.nextafter(1, 0), "99.9 %"),
        (1 - 0.9, "10.0 %"),  # in binary, a little less
        (1.0, "100.0 %"),
        (1, "100.0 %"),
        (np.float64(0.834), "83.4 %"),
    ],
)
def test_a_probability_is_rounded_down(share: float, text: str) -> None:
    assert percent(share) == text
