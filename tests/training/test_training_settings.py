"""Every number of a training, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from action_recognition.errors import UsageError
from action_recognition.training.settings import TrainingSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"tuned_layers": -1},
        {"epochs": 0},
        {"views": 0},
        {"frames": 0},
        {"others": -0.1},
        {"others": 1.1},
        {"batch": 0},
        {"learning_rate": 0.0},
        {"memory": -0.1},
        {"ema": 1.0},
        {"patience": -1},
        {"film_epochs": -1},
        {"workers": -1},
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(UsageError, match=rf"^{name} is {value}, must be "):
        TrainingSettings(**wrong)
