"""Plays a row of the table of many videos, from its exact start."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.batch import Done, Item, content_digest
from action_recognition.dashboard.formatting import file_name, plain
from action_recognition.dashboard.moment_table import UNKNOWN, Shown
from action_recognition.dashboard.player.player import NO_COURSE, show_player
from action_recognition.dashboard.session import Session, Upload
from action_recognition.errors import VideoError
from action_recognition.recognition.formats import clock
from action_recognition.video.preview import Preview

_MOST_MB = 500  # of a file that is read to be played: as of an upload


def play(shown: Shown, items: Sequence[Item]) -> None:
    """Shows the player.

    Parameters:
        items: what the visitor names now; an upload that was taken away cannot be played.
    """
    if shown.row is None:
        return
    segment = shown.row.segment
    what = shown.row.words or segment.label or UNKNOWN
    span = f"{clock(segment.start_s)} to {clock(segment.end_s)}"
    st.subheader(plain(what), anchor=False)
    st.markdown(f"{span} · {file_name(shown.done.name)}")
    try:
        upload = _content(shown.done, items)
    except VideoError as error:
        error_boxes.show(error, name=shown.done.name)
        return
    if upload is None:
        st.info("This upload is no longer here. Upload it again to play it.")
        return
    session = Session.current()
    with st.spinner("Preparing the player …"):
        preview = session.preview(upload)
        if isinstance(preview, Preview) and preview.transcoded and preview.end_s < segment.end_s:
            preview = session.part(upload, segment.start_s)
    if isinstance(preview, VideoError):
        error_boxes.show(preview, name=upload.name)
        return
    segments = [row.segment for row in shown.done.found.rows]
    show_player(
        preview,
        segments,
        NO_COURSE,
        key=f"many-{upload.digest}",
        begin=segments.index(segment),
    )


def _content(done: Done, items: Sequence[Item]) -> Upload | None:
    """The file of a row; None where it is gone."""
    session, key = Session.current(), (done.name, done.digest)
    if session.played is not None and session.played[0] == key:
        return session.played[1]
    session.played = None
    upload = _read(done) if done.open is not None else _uploaded(done, items)
    if upload is not None:
        session.played = key, upload
    return upload


def _read(done: Done) -> Upload | None:
    content = done.open() if done.open is not None else b""
    if isinstance(content, Path):
        try:
            if content.stat().st_size > _MOST_MB * 1e6:
                raise VideoError(done.name, f"it is too large to play here ({_MOST_MB} MB at most)")
            content = content.read_bytes()
        except OSError as error:
            raise VideoError(done.name, f"it cannot be read ({error.strerror})") from None
    return Upload.of(done.name, content)


def _uploaded(done: Done, items: Sequence[Item]) -> Upload | None:
    for item in items:
        if item.name == done.name and item.content is not None:
            with suppress(VideoError):
                if content_digest(item.content) == done.digest:
                    return Upload(item.name, item.content, done.digest)
    return None
