"""How often a visitor, and all of them, may ask."""

from __future__ import annotations

from action_recognition.web.rate import Rate


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_each_visitor_and_all_have_so_many_a_minute() -> None:
    clock = Clock()
    rate = Rate(2, 5, clock=clock)
    assert [rate.allows("a") for _ in range(3)] == [True, True, False]
    assert [rate.allows(visitor) for visitor in "bbcc"] == [True, True, True, False]
    clock.now_s += 61
    assert [rate.allows("a") for _ in range(3)] == [True, True, False]
