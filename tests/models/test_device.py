"""Which device a network runs on."""

from __future__ import annotations

import pytest
import torch

from action_recognition.errors import UsageError
from action_recognition.models.device import pick_device


def test_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == torch.device("cpu")
    with pytest.raises(UsageError, match="no GPU here"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda")
    with pytest.raises(UsageError, match="device='tpu', must be one of auto, cpu, cuda"):
        pick_device("tpu")
