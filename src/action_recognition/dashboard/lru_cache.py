"""What a session remembers: a few recent items, so that nothing is computed twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class LruCache(Generic[Item]):
    """The most recently used items, at most `limit` of them; the oldest is dropped first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[Hashable, Item] = OrderedDict()

    def get(self, key: Hashable) -> Item | None:
        """The item, or None where it is not remembered."""
        if key in self._items:
            self._items.move_to_end(key)
        return self._items.get(key)

    def get_or(self, key: Hashable, compute: Callable[[], Item]) -> Item:
        """The item; computed and remembered where it is not known yet."""
        if key not in self._items:
            item = compute()  # may raise: then nothing is remembered
            self._items[key] = item
            while len(self._items) > self._limit:
                self._items.popitem(last=False)
        self._items.move_to_end(key)
        return self._items[key]

    def forget(self, key: Hashable) -> None:
        """Forgets one item, if it is remembered."""
        self._items.pop(key, None)

    def clear(self) -> None:
        """Forgets everything."""
        self._items.clear()

    def __len__(self) -> int:
        return len(self._items)
