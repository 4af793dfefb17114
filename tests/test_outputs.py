"""Clips through a network as it stands."""

from __future__ import annotations

import numpy as np
import pytest

from action_recognition.models.model_file import Model
from action_recognition.outputs import run_clips


def test_more_clips_than_go_through_at_once(tiny_model: Model) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (7, 4, 32, 32, 3), dtype=np.uint8)
    network, settings = tiny_model.network, tiny_model.preprocessing
    together, mean = run_clips(network, clips, settings, batch=7)
    apart, same = run_clips(network, clips, settings, batch=3)
    assert together.shape == (7, len(tiny_model.classes))
    assert apart == pytest.approx(together, abs=0.05)
    assert same == pytest.approx(mean, abs=0.02)
