"""Items that another thread makes: in order, few at a time, and nothing is left behind."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from action_recognition.prefetch import ahead, in_groups


def decoding_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "decoding"]


def test_groups() -> None:
    assert list(in_groups(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_groups(range(4), 2)) == [[0, 1], [2, 3]]
    assert list(in_groups([], 2)) == []


def test_a_group_comes_when_it_is_full() -> None:
    def two() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("no third was asked for")

    assert next(in_groups(two(), 2)) == [1, 2]


def test_all_items_in_order() -> None:
    assert list(ahead(range(100), limit=3)) == list(range(100))
    assert list(ahead([], limit=1)) == []
    assert list(ahead([None, False], limit=1)) == [None, False]
    assert not decoding_threads()


def test_at_most_the_limit_waits() -> None:
    made = 0
    full = threading.Event()

    def numbers() -> Iterator[int]:
        nonlocal made
        while True:
            made += 1
            if made == 5 + 3 + 1:  # those taken, those waiting, and one in hand
                full.set()
            yield made

    items = ahead(numbers(), limit=3)
    assert list(itertools.islice(items, 5)) == [1, 2, 3, 4, 5]
    assert full.wait(60)
    assert made == 9
    items.close()
    assert made == 9
    assert not decoding_threads()


def test_items_are_made_by_another_thread() -> None:
    (name,) = ahead((threading.current_thread().name for _ in range(1)), limit=1)
    assert name == "decoding"


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_what_is_raised_comes_in_its_place(kind: type[BaseException]) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise kind("broken")

    items = ahead(broken(), limit=5)
    assert next(items) == 1
    with pytest.raises(kind, match="broken"):
        next(items)
    assert not decoding_threads()
