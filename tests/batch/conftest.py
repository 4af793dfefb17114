"""Ray, as the tests of this folder begin it."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray reads once a process whether a token is asked for, which would lie in the home folder."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
