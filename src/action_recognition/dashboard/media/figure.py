"""A drawn figure that moves: examples that are nobody's and can be shown to everybody."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from PIL import Image, ImageDraw

from action_recognition.video.encoder import TIME_BASE, encode_mp4, to_yuv

WIDTH, HEIGHT = 640, 480  # of the drawing; a film can be smaller
JUMPS_PER_S = 1.1
_SCALE = 2  # drawn larger, then reduced: smooth edges

WALL, _FLOOR, _SKIRTING = (196, 205, 210), (150, 118, 88), (232, 232, 228)
_SKIN, _SHIRT, _TROUSERS = (224, 178, 146), (178, 58, 52), (44, 58, 92)
_SHOES, _HAIR = (30, 30, 34), (64, 44, 34)

Point = tuple[float, float]


def film(
    seconds: float,
    draw: Callable[[float], Image.Image],
    *,
    fps: int = 25,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> bytes:
    """An MP4 file (H.264) of a drawing that moves.

    Parameters:
        draw: gives the picture at a time in seconds.
        size: width and height in pixels, even.
    """

    def frames() -> Iterator[av.VideoFrame]:
        ticks, reformatter = round(1 / fps / TIME_BASE), VideoReformatter()
        for k in range(round(seconds * fps)):
            picture = draw(k / fps).resize(size, Image.Resampling.BOX, reducing_gap=2.0)
            frame = to_yuv(av.VideoFrame.from_ndarray(np.asarray(picture), "rgb24"), reformatter)
            frame.pts, frame.duration, frame.time_base = k * ticks, ticks, TIME_BASE
            yield frame

    return encode_mp4(frames(), width=size[0], height=size[1], frame_rate=fps)


def jumping(time_s: float) -> Image.Image:
    """Jumping jacks: arms and legs open and close together, the body hops."""
    phase = math.tau * JUMPS_PER_S * time_s
    return _figure((1 - math.cos(phase)) / 2, 26 * abs(math.sin(phase)))


def jumping_then_resting(time_s: float) -> Image.Image:
    """Five seconds of jumping jacks, then the figure stands still."""
    return jumping(min(time_s, 5 / JUMPS_PER_S))


def _figure(opening: float, hop: float) -> Image.Image:
    """A figure in a room: `opening` of arms and legs in 0..1, `hop` in pixels."""
    image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), WALL)
    pen = ImageDraw.Draw(image)
    _box(pen, 0, 372, WIDTH, HEIGHT, _FLOOR)
    _box(pen, 0, 362, WIDTH, 374, _SKIRTING)
    _box(pen, 70, 70, 190, 220, (236, 238, 240))  # a window
    _box(pen, 80, 80, 180, 210, (150, 190, 220))
    _box(pen, 480, 190, 600, 372, (120, 92, 66))  # a shelf
    for row in range(3):
        _box(pen, 490, 200 + 57 * row, 590, 247 + 57 * row, (92, 70, 50))
    centre, hip = 320.0, 300 - hop
    pen.ellipse(_scaled(centre - 70, 428, centre + 70, 444), fill=(128, 100, 74))  # shadow
    leg = math.radians(4 + 24 * opening)
    arm = math.radians(14 + 146 * opening)
    for side in (-1, 1):
        foot = _limb(pen, (centre + 13 * side, hip), leg, 132, side, 30, _TROUSERS)
        pen.ellipse(_scaled(foot[0] - 20, foot[1] - 8, foot[0] + 20, foot[1] + 12), fill=_SHOES)
    shoulder = hip - 112
    pen.rounded_rectangle(
        _scaled(centre - 38, shoulder - 6, centre + 38, hip + 14), 18 * _SCALE, fill=_SHIRT
    )
    for side in (-1, 1):
        elbow = _limb(pen, (centre + 34 * side, shoulder + 8), arm, 56, side, 22, _SHIRT)
        hand = _limb(pen, elbow, arm * 1.04, 54, side, 16, _SKIN)
        pen.ellipse(_scaled(hand[0] - 10, hand[1] - 10, hand[0] + 10, hand[1] + 10), fill=_SKIN)
    pen.rectangle(_scaled(centre - 10, shoulder - 20, centre + 10, shoulder), fill=_SKIN)
    pen.ellipse(_scaled(centre - 27, shoulder - 76, centre + 27, shoulder - 10), fill=_SKIN)
    pen.chord(_scaled(centre - 29, shoulder - 80, centre + 29, shoulder - 16), 180, 360, fill=_HAIR)
    return image


def _limb(
    pen: ImageDraw.ImageDraw,
    start: Point,
    angle: float,
    length: float,
    side: int,
    width: int,
    colour: tuple[int, int, int],
) -> Point:
    """Draws a limb that hangs at `angle` from straight down, outwards; returns its end."""
    end = (start[0] + side * length * math.sin(angle), start[1] + length * math.cos(angle))
    pen.line([_point(start), _point(end)], fill=colour, width=width * _SCALE)
    for x, y in (start, end):
        half = width / 2
        pen.ellipse(_scaled(x - half, y - half, x + half, y + half), fill=colour)
    return end


def _box(
    pen: ImageDraw.ImageDraw, left: int, top: int, right: int, bottom: int, colour: tuple[int, ...]
) -> None:
    pen.rectangle(_scaled(left, top, right, bottom), fill=colour)


def _scaled(*values: float) -> list[float]:
    return [v * _SCALE for v in values]


def _point(point: Point) -> Point:
    return point[0] * _SCALE, point[1] * _SCALE
