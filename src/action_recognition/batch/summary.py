"""What a batch has done so far, and how long the rest will take."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from action_recognition.errors import VideoError

_WINDOW_S = 60.0  # the pace is that of so long at least, and of half of the time so far
_APART_S = 1.0  # between the moments that it is taken from


class Pace:
    """How fast the batch has been of late: large and small videos do not take turns.

    Parameters:
        total: what there is to do, in bytes.
    """

    def __init__(self, total: float) -> None:
        self._total, self._done = total, 0.0
        self._moments: deque[tuple[float, float]] = deque([(0.0, 0.0)])

    def add(self, amount: float, elapsed_s: float) -> None:
        """Counts what was done until now, in bytes and in seconds since the beginning."""
        self._done += amount
        if elapsed_s - self._moments[-1][0] >= _APART_S:
            self._moments.append((elapsed_s, self._done))
        recent_s = elapsed_s - max(_WINDOW_S, elapsed_s / 2)
        while len(self._moments) > 2 and self._moments[1][0] <= recent_s:
            self._moments.popleft()

    def left_s(self, elapsed_s: float) -> float | None:
        """Seconds that the rest will take; None: nothing is done yet."""
        begun_s, before = self._moments[0]
        done = self._done - before
        if not done:
            return None
        return max(0.0, self._total - self._done) * (elapsed_s - begun_s) / done


@dataclass
class Node:
    """What the workers of one machine have done.

    Parameters:
        pieces: videos, or pieces of long ones, that have their answers.
        work_s: seconds that they took, summed over all workers.
        network_s: of them, those in which the network ran; the others went by reading and decoding.
        workers: names of the worker processes; one that was started again has another name.
    """

    pieces: int = 0
    work_s: float = 0.0
    network_s: float = 0.0
    workers: set[str] = field(default_factory=set)


@dataclass
class Summary:
    """What a batch has done so far.

    Parameters:
        files: number of videos that were named.
        skipped: of them, those that had their rows already.
        done: those that got their rows now, `errors` among them.
        errors: those that cannot be read, or not to their end.
        unread: those that got no rows, because the machine or the network stood in the way.
        lost: those that got no rows, because each worker that took them has ended.
        bytes, bytes_done: sizes of the files to do, and of those that are done.
        video_s: length of the videos that are done, in seconds.
        elapsed_s: seconds since the batch began.
        left_s: seconds that the rest will take, by the sizes of the files; None: not known yet.
        nodes: what the machines have done, by their names.
    """

    files: int
    skipped: int = 0
    done: int = 0
    errors: int = 0
    unread: list[VideoError] = field(default_factory=list)
    lost: int = 0
    segments: int = 0
    bytes: int = 0
    bytes_done: int = 0
    video_s: float = 0.0
    elapsed_s: float = 0.0
    left_s: float | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    _started_s: float = field(default_factory=time.monotonic)
    _begun_s: float = 0.0
    _pace: Pace = field(default_factory=lambda: Pace(0.0))

    def tick(self) -> None:
        """Notes how much time has passed."""
        self.elapsed_s = time.monotonic() - self._started_s

    def begin(self) -> None:
        """The workers begin with files of `bytes` bytes: from now on, the time left is reckoned."""
        self._pace, self._begun_s = Pace(self.bytes), time.monotonic()

    def count_piece(self, row: dict[str, Any], size: float) -> None:
        """Counts a piece for the machine that looked at it.

        Parameters:
            size: its part of the size of its video, in bytes.
        """
        self.tick()
        at_s = time.monotonic() - self._begun_s
        self._pace.add(size, at_s)
        self.left_s = self._pace.left_s(at_s)
        node = self.nodes.setdefault(row["node"], Node())
        node.pieces += 1
        node.work_s += row["work_s"]
        node.network_s += row["network_s"]
        node.workers.add(row["worker"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        rate = self.video_s / self.elapsed_s if self.elapsed_s else 0.0
        names = ("files", "skipped", "done", "errors", "lost", "segments", "bytes", "bytes_done")
        facts: dict[str, Any] = {name: getattr(self, name) for name in names}
        facts |= {"unread": len(self.unread)}
        facts |= {"video_hours": round(self.video_s / 3600, 4)}
        facts |= {"elapsed_s": round(self.elapsed_s, 4), "video_hours_per_hour": round(rate, 4)}
        nodes = {
            name: {
                "pieces": node.pieces,
                "work_s": round(node.work_s, 2),
                "network_s": round(node.network_s, 2),
                "workers": len(node.workers),
            }
            for name, node in sorted(self.nodes.items())
        }
        return {**facts, "nodes": nodes}
