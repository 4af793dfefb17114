"""The moments as one page of HTML that holds everything but the videos, which it links to."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePath
from urllib.parse import quote

from action_recognition.errors import one_line
from action_recognition.recognition.formats import answer, as_utf8, clock
from action_recognition.recognition.segmentation import Segment

_TITLE = "Moments found"
_IN_ARCHIVE = "in an archive: unpack it to play this"


@dataclass(frozen=True)
class Card:
    """A moment on the page.

    Parameters:
        shown: the path of its video, as it is printed.
        href: the address of the video, relative to the page; empty where it cannot be linked to.
        thumbnail: a data URL, empty where there is none.
    """

    shown: str
    href: str
    segment: Segment
    thumbnail: str = ""


def address(video: Path, page: Path) -> str:
    """How a page links to a video: relative, so that both can be moved together.

    >>> address(Path("films/a b#1.mp4"), Path("moments.html"))
    'films/a%20b%231.mp4'
    """
    full = Path(os.path.abspath(video))  # noqa: PTH100 - links stay as they are
    try:
        relative = os.path.relpath(full, os.path.abspath(page.parent))  # noqa: PTH100
    except ValueError:  # on another drive of Windows
        return full.as_uri()
    return "/".join(quote(os.fsencode(part)) for part in PurePath(relative).parts)


def moments_page(cards: Sequence[Card], about: str) -> str:
    """The page.

    Parameters:
        about: what was searched for, and in what.
    """
    style, script = _part("page.css"), _part("page.js")
    names = sorted({c.segment.action for c in cards if c.segment.action is not None})
    values = {
        "STYLE_HASH": _hash(style),
        "SCRIPT_HASH": _hash(script),
        "STYLE": style,
        "SCRIPT": script,
        "TITLE": _TITLE,
        "ABOUT": _text(about),
        "ACTIONS": "".join(f"<option>{_text(name)}</option>" for name in names),
        "COUNT": f"{len(cards)} moment{'s'[: len(cards) != 1]}",
        "MOMENTS": "\n".join(_moment(k, card) for k, card in enumerate(cards)),
    }
    first, *rest = _part("page.html").split("@")
    pieces = [first]  # at odd places the names of values: what they hold is not looked into
    pieces += [values[piece] if k % 2 == 0 else piece for k, piece in enumerate(rest)]
    return "".join(pieces)


def _moment(place: int, card: Card) -> str:
    segment = card.segment
    what, when = answer(segment), f"{clock(segment.start_s)} to {clock(segment.end_s)}"
    name = PurePath(card.shown).name
    facts = {
        "place": str(place),
        "action": segment.action or "",
        "probability": f"{segment.probability:.4f}",
        "start": f"{segment.start_s:.3f}",
        "end": f"{segment.end_s:.3f}",
        "href": card.href,
        "file": name,
        "title": f"{what}, {when}, {name}",
    }
    data = " ".join(f'data-{key}="{_text(value)}"' for key, value in facts.items())
    picture = '<span class="blank"></span>'
    if card.thumbnail:
        alt = f"The frame at the middle of this moment of {name}"
        picture = f'<img src="{_text(card.thumbnail)}" alt="{_text(alt)}" loading="lazy">'
    where = card.shown if card.href else f"{card.shown} ({_IN_ARCHIVE})"
    inside = (
        f'{picture}<span class="what">{_text(what)}</span><span class="when">{when}</span>'
        f'<span class="where">{_text(where)}</span>'
    )
    if card.href:
        return f'<li {data}><button type="button" class="moment">{inside}</button></li>'
    return f'<li {data}><div class="moment">{inside}</div></li>'


def _text(value: str) -> str:
    return html.escape(as_utf8(one_line(value)))


def _part(name: str) -> str:
    return (resources.files("action_recognition.search") / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
