"""Draws a video of a figure that does jumping jacks: an input for the README's picture.

    python benchmarks/jumping_figure.py figure.mp4

The clips of the data sets are not ours to show; this one is.
"""

from __future__ import annotations

import argparse
import math
from fractions import Fraction

import av
from PIL import Image, ImageDraw

WIDTH, HEIGHT, FPS, SECONDS = 640, 480, 30, 4
JUMPS_PER_S = 1.1
SCALE = 2  # drawn larger, then reduced: smooth edges

WALL, FLOOR, SKIRTING = (196, 205, 210), (150, 118, 88), (232, 232, 228)
SKIN, SHIRT, TROUSERS, SHOES, HAIR = (
    (224, 178, 146),
    (178, 58, 52),
    (44, 58, 92),
    (30, 30, 34),
    (64, 44, 34),
)

Point = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", help="MP4 file to write")
    options = parser.parse_args()
    with av.open(options.output, "w", options={"movflags": "faststart"}) as file:
        stream = file.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(SECONDS * FPS):
            frame = av.VideoFrame.from_image(draw(k / FPS))
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def draw(time_s: float) -> Image.Image:
    """The figure at a time: arms and legs open and close together, the body hops."""
    phase = math.tau * JUMPS_PER_S * time_s
    opening = (1 - math.cos(phase)) / 2  # 0 closed, 1 open
    hop = 26 * abs(math.sin(phase))
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), WALL)
    pen = ImageDraw.Draw(image)
    _box(pen, 0, 372, WIDTH, HEIGHT, FLOOR)
    _box(pen, 0, 362, WIDTH, 374, SKIRTING)
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
        foot = _limb(pen, (centre + 13 * side, hip), leg, 132, side, 30, TROUSERS)
        pen.ellipse(_scaled(foot[0] - 20, foot[1] - 8, foot[0] + 20, foot[1] + 12), fill=SHOES)
    shoulder = hip - 112
    pen.rounded_rectangle(
        _scaled(centre - 38, shoulder - 6, centre + 38, hip + 14), 18 * SCALE, fill=SHIRT
    )
    for side in (-1, 1):
        elbow = _limb(pen, (centre + 34 * side, shoulder + 8), arm, 56, side, 22, SHIRT)
        hand = _limb(pen, elbow, arm * 1.04, 54, side, 16, SKIN)
        pen.ellipse(_scaled(hand[0] - 10, hand[1] - 10, hand[0] + 10, hand[1] + 10), fill=SKIN)
    pen.rectangle(_scaled(centre - 10, shoulder - 20, centre + 10, shoulder), fill=SKIN)
    pen.ellipse(_scaled(centre - 27, shoulder - 76, centre + 27, shoulder - 10), fill=SKIN)
    pen.chord(_scaled(centre - 29, shoulder - 80, centre + 29, shoulder - 16), 180, 360, fill=HAIR)
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


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
    pen.line([_point(start), _point(end)], fill=colour, width=width * SCALE)
    for x, y in (start, end):
        half = width / 2
        pen.ellipse(_scaled(x - half, y - half, x + half, y + half), fill=colour)
    return end


def _box(
    pen: ImageDraw.ImageDraw, left: int, top: int, right: int, bottom: int, colour: tuple[int, ...]
) -> None:
    pen.rectangle(_scaled(left, top, right, bottom), fill=colour)


def _scaled(*values: float) -> list[float]:
    return [v * SCALE for v in values]


def _point(point: Point) -> Point:
    return point[0] * SCALE, point[1] * SCALE


if __name__ == "__main__":
    main()
