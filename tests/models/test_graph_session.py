"""How many threads a graph takes."""

from __future__ import annotations

import pytest

from action_recognition.models.graph_session import threads


@pytest.mark.parametrize(("asked", "given"), [("", 0), ("1", 1), ("12", 12), ("2,1", 0)])
def test_the_threads_are_those_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: str, given: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads() == given


def test_without_a_word_they_are_as_many_as_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads() == 0
