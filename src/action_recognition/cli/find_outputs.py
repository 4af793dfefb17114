"""What `find` prints and writes, and how far it is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.cli.printing import json_line
from action_recognition.errors import VideoError, one_line
from action_recognition.files import write_whole
from action_recognition.recognition.wording import percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tqdm import tqdm

    from action_recognition.recognition.segmentation import Segment
    from action_recognition.search.page import Card
    from action_recognition.search.places import Place
    from action_recognition.search.search import Search
    from action_recognition.video.frames import Frames

_PICTURE = 240  # pixels, of the longer side of a picture on the page
_BAR = "{desc}: {percentage:3.0f}%|{bar}|{postfix} [{elapsed}<{remaining}]"


class Outputs:
    """Takes one video after the other; use it in a `with` statement.

    Parameters:
        options: of the command.
        search: gives the segments of a video.
        actions: those that are wanted; empty: all.

    Attributes:
        failed: how many videos could not be read.
    """

    def __init__(
        self, options: argparse.Namespace, search: Search, actions: tuple[str, ...]
    ) -> None:
        self._options, self._search, self._actions = options, search, actions
        self._bar: tqdm | None = None
        self._bytes = self._files = self._done = 0
        self._cards: list[Card] = []
        self._taken: set[Any] = set()
        self._videos = 0
        self.failed = 0

    def __enter__(self) -> Outputs:
        if self._options.csv:
            from action_recognition.search.formats import CSV_COLUMNS

            print(",".join(CSV_COLUMNS), flush=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        if kind is None and self._options.html is not None:
            self._write_page(self._options.html)

    def begin(self, places: Sequence[Place]) -> None:
        """Begins the bar: so many videos are to be looked at. Their bytes tell the time left."""
        if places:
            self._bytes, self._files = max(1, sum(p.size for p in places)), len(places)
            from tqdm import tqdm

            self._bar = tqdm(
                desc="searching", total=self._bytes, file=sys.stderr, disable=None,
                bar_format=_BAR, smoothing=0.05,
            )  # fmt: skip
            self._move(0.0)

    def take(self, place: Place) -> None:
        """Searches one video, and prints and writes what was found."""
        moments, before = [], 0 if self._bar is None else self._bar.n
        self._videos += 1

        def report(done_s: float, all_s: float) -> None:
            self._move(before + place.size * min(1.0, done_s / max(all_s, 1e-6)))

        try:
            for segment in self._search.segments(place, report):
                if self._wants(segment):
                    moments.append(segment)
                    self._print(place, segment)
        except VideoError as error:
            self.failed += 1
            self._clear()
            print(f"action-recognition: {error}", file=sys.stderr)
        if self._bar is not None:
            self._done += 1
            self._move(before + place.size)
        self._write_subtitles(place, moments)
        self._keep_cards(place, moments)

    def _wants(self, segment: Segment) -> bool:
        from action_recognition.search.actions import is_wanted

        if segment.action is None:
            return bool(self._options.none)
        return is_wanted(segment, self._actions, self._options.min_probability)

    def _print(self, place: Place, segment: Segment) -> None:
        from action_recognition.search.formats import as_csv_row, as_line, as_object

        if self._options.json:
            line = json_line(as_object(place.shown, segment))
        elif self._options.csv:
            line = as_csv_row(place.shown, segment)
        else:
            line = as_line(place.shown, segment)
        self._clear()
        print(line, flush=True)

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def _move(self, done: float) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self._done} of {self._files} videos", refresh=False)
            self._bar.update(max(0.0, done - self._bar.n))

    def _write_subtitles(self, place: Place, moments: Sequence[Segment]) -> None:
        if self._options.vtt is None or not moments:
            return
        from action_recognition.recognition.formats import segments_to_vtt
        from action_recognition.search.formats import subtitle_path

        target = self._options.vtt / subtitle_path(place.below, self._taken)
        write_whole(target, "\n".join(segments_to_vtt(moments)).encode())

    def _keep_cards(self, place: Place, moments: Sequence[Segment]) -> None:
        if self._options.html is None or not moments:
            return
        from action_recognition.search.page import Card, address
        from action_recognition.search.thumbnails import middles

        pictures = middles(moments, lambda: self._opened(place), _PICTURE)
        href = address(place.path, self._options.html) if place.member is None else ""
        self._cards += [
            Card(place.shown, href, moment, picture)
            for moment, picture in zip(moments, pictures, strict=True)
        ]

    @contextmanager
    def _opened(self, place: Place) -> Iterator[Frames]:
        """A video for its pictures; the network is not loaded for it."""
        from action_recognition.video import Video
        from action_recognition.video.isolated import IsolatedVideo

        kind = IsolatedVideo if self._search.untrusted else Video
        with (
            self._search.opened(place) as source,
            kind(source, name=place.name, limits=self._search.limits) as video,
        ):
            yield video

    def _write_page(self, path: Path) -> None:
        from action_recognition.search.page import moments_page

        wanted = ", ".join(self._actions) or "any action that the model knows"
        least = self._options.min_probability
        at_least = f" with at least {percent(least)}" if least else ""
        videos = f"{self._videos} video{'s'[: self._videos != 1]}"
        about = one_line(f"{wanted}{at_least}, in {videos}.")
        self._cards.sort(key=lambda card: (card.shown, card.segment.start_s))
        write_whole(path, moments_page(self._cards, f"{about[:1].upper()}{about[1:]}").encode())
