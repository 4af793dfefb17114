"""Progress on stderr for functions that report (done, in all)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm  # takes as long to import as a short video to answer

Item = TypeVar("Item")


def counted(
    items: Iterable[Item], total: int, unit: str
) -> tuple[Iterable[Item], Callable[[], None]]:
    """The items with a bar on stderr, and what clears it before a line is printed.

    There is none for a single item, nor where stderr is not a terminal.
    """
    if total < 2 or not sys.stderr.isatty():
        return items, lambda: None
    from tqdm import tqdm

    bar = tqdm(items, total=total, file=sys.stderr, unit=unit)
    return bar, bar.clear


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Yields the function to call; draws nothing where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from tqdm import tqdm

    with tqdm(desc=title, file=sys.stderr) as bar:
        yield _reporter(bar)


def late_bar(title: str) -> Callable[[int, int], None]:
    """As `progress_bar`, for work that may not come: drawn at the first call, gone at the last."""
    bar: tqdm | None = None

    def report(done: int, total: int) -> None:
        nonlocal bar
        from tqdm import tqdm

        if bar is None:
            bar = tqdm(desc=title, total=total, file=sys.stderr, disable=None)
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return report


@contextmanager
def bytes_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """As `progress_bar` for bytes, with rate and time left.

    What takes this long is shown in a log file too, as a line every ten seconds.
    """
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    with tqdm(
        desc=title,
        file=sys.stderr if terminal else _Lines(),
        mininterval=0.2 if terminal else 10,
        unit="B",
        unit_scale=True,
        dynamic_ncols=terminal,
    ) as bar:
        yield _reporter(bar)


def _reporter(bar: tqdm) -> Callable[[int, int], None]:
    first = True

    def report(done: int, total: int) -> None:
        nonlocal first
        bar.total = total or None
        if first or done < bar.n:  # resumed, or begun anew: not done in this time
            bar.initial = bar.n = done
            first = False
        bar.update(done - bar.n)

    return report


class _Lines:
    """A stderr on which each state of the bar is a line of its own."""

    def write(self, text: str) -> None:
        shown = text.strip("\r\n ")
        if shown:
            sys.stderr.write(shown + "\n")

    def flush(self) -> None:
        sys.stderr.flush()
