"""A contact sheet: one picture with a thumbnail of each moment, its name, time and probability."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

from action_recognition.editing.lettering import write
from action_recognition.editing.pictures import fitted, whole_frames
from action_recognition.errors import UsageError
from action_recognition.recognition.formats import as_utf8, clock
from action_recognition.recognition.segmentation import Segment
from action_recognition.recognition.wording import percent
from action_recognition.video.frames import Frames

MAX_MOMENTS = 200
_COLUMNS, _SIDE, _MARGIN, _TEXT = 4, 320, 16, 48  # pixels
_TOP = 2 * _MARGIN + 24  # of the first row
_PAPER, _INK, _FAINT = "#ffffff", "#111111", "#555555"


def contact_sheet(video: Frames, segments: Sequence[Segment]) -> bytes:
    """A PNG file with the frame in the middle of each segment, in order.

    Parameters:
        segments: at least one; of more than 200, the first 200.

    Raises:
        UsageError: there is no segment.
        VideoError: the video cannot be decoded.
    """
    if not segments:
        raise UsageError(f"{video.name}: there is no moment to show")
    shown = segments[:MAX_MOMENTS]
    width, height = fitted(video.info, _SIDE)
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    cell = max(width, 160)
    across, down = cell + _MARGIN, height + _TEXT + _MARGIN
    size = _MARGIN + columns * across, _TOP + rows * down
    image = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(image)
    left_out = len(segments) - len(shown)
    title = f"{video.name} · and {left_out} more" if left_out else video.name
    write(pen, _MARGIN, _MARGIN, as_utf8(title), 18, image.width - 2 * _MARGIN, _INK)
    middles = [(s.start_s + s.end_s) / 2 for s in shown]
    order = sorted(range(len(shown)), key=middles.__getitem__)
    frames = whole_frames(video, [middles[k] for k in order], (width, height))
    for k, frame in zip(order, frames, strict=True):
        segment, row, column = shown[k], k // columns, k % columns
        x, y = _MARGIN + column * across, _TOP + row * down
        image.paste(frame, (x, y))
        name = segment.label or "none of the known actions"
        about = f"{clock(segment.start_s)} to {clock(segment.end_s)}"
        if segment.action is not None:
            about += f" · {percent(segment.probability)}"
        write(pen, x, y + height + 4, as_utf8(name), 18, cell, _INK)
        write(pen, x, y + height + 26, about, 15, cell, _FAINT)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
