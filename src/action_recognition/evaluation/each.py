"""How many videos are gone through: one after the other, or by several processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Each(Protocol):
    """Does some work for each item, and gives the results in the order of the items.

    It calls `on_progress` with (items done, items in total).
    """

    def __call__(
        self,
        items: Sequence[Item],
        work: Callable[[Item], Result],
        on_progress: Callable[[int, int], None] | None,
        /,
    ) -> list[Result]:
        """Does it."""
        ...


def in_turn(
    items: Sequence[Item],
    work: Callable[[Item], Result],
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """`Each`, one after the other."""
    found: list[Result] = []
    for item in items:
        found.append(work(item))
        if on_progress is not None:
            on_progress(len(found), len(items))
    return found
