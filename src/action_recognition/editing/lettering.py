"""Text on pictures, in the letters that come with Pillow."""

from __future__ import annotations

import unicodedata

from PIL import ImageDraw, ImageFont


def drawable(text: str) -> str:
    """Text in the letters that Pillow's own font has, Latin ones without marks.

    >>> drawable("Caf\\u00e9 320 \\u00d7 240 \\u65e5.mp4")
    'Cafe 320 x 240 ?.mp4'
    """
    text = unicodedata.normalize("NFKD", text.replace("\N{MULTIPLICATION SIGN}", "x"))
    letters = (c for c in text if not unicodedata.combining(c))
    return "".join(c if (c.isascii() and c.isprintable()) or c in "·…" else "?" for c in letters)


def write(
    pen: ImageDraw.ImageDraw, x: float, y: float, text: str, size: float, room: float, colour: str
) -> None:
    """One line, with an ellipsis at its end where it is longer than `room` pixels."""
    font = ImageFont.load_default(size)
    whole = text = drawable(text)
    while len(text) > 1 and font.getlength(text if text == whole else f"{text}…") > room:
        text = text[:-1]
    pen.text((x, y), text if text == whole else f"{text}…", font=font, fill=colour)


def width_of(text: str, size: float) -> float:
    """The pixels that a line takes."""
    return float(ImageFont.load_default(size).getlength(drawable(text)))
