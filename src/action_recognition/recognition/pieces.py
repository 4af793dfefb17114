"""Long videos in pieces: which frames each piece reads, and which of its answers count.

The answers of the pieces, one after the other, are those of the whole video. A piece begins to
read before the first answer that counts, so that the memory of the network (LSTM and GRU) has
settled by then: the answers differ from those of the whole only by what it forgets in that time.
"""

from __future__ import annotations

from dataclasses import dataclass

WARM_UP_S = 60.0


@dataclass(frozen=True)
class Piece:
    """A part of a video, in frames of the grid.

    Parameters:
        begin: the first frame to read.
        end: the frame before which to stop; None: the end of the video.
        unused: number of answers at the beginning that do not count.
    """

    begin: int = 0
    end: int | None = None
    unused: int = 0


WHOLE = Piece()


def split(
    frames: int,
    *,
    window: int,
    interval_s: float,
    step_s: float,
    length_s: float,
    warm_up_s: float = WARM_UP_S,
) -> tuple[Piece, ...]:
    """The pieces of a video; a single one if it is no longer than `length_s`.

    Parameters:
        frames: number of frames on the grid.
        window: number of frames that one answer of the network covers.
        interval_s: seconds between two frames.
        step_s: seconds between two answers, rounded as `Windows` does.
        length_s: length of a piece in seconds, without its warm-up; at least one answer.
        warm_up_s: how long the network reads before the first answer that counts, in seconds.
    """
    step = max(1, round(step_s / interval_s))
    each = max(1, round(length_s / (step * interval_s)))
    answers = (frames - window) // step + 1
    if answers <= each:
        return (WHOLE,)
    warm_up = round(warm_up_s / (step * interval_s))
    pieces = []
    for first in range(0, answers, each):
        unused, after = min(first, warm_up), first + each
        end = None if after >= answers else (after - 1) * step + window
        pieces.append(Piece((first - unused) * step, end, unused))
    return tuple(pieces)
