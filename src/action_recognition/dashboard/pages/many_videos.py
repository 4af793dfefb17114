"""The page Many videos: several uploads, or a folder on the server, in one table."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.batch import (
    ALL,
    SHOW,
    Batch,
    Found,
    Item,
    as_csv,
    as_table,
    content_digest,
    select,
)
from action_recognition.dashboard.error_boxes import UNEXPECTED
from action_recognition.dashboard.formatting import file_name, plain
from action_recognition.dashboard.held import visit_name
from action_recognition.dashboard.job_queue import Job
from action_recognition.dashboard.limits import BUSY, REFUSED, BusyError
from action_recognition.dashboard.model_choice import ModelKey, loaded
from action_recognition.dashboard.progress import look_s, place
from action_recognition.dashboard.server_folder import (
    MAX_VIDEOS,
    folder_below,
    folders_below,
    videos_below,
)
from action_recognition.dashboard.session import Session
from action_recognition.dashboard.settings import VIDEOS_VARIABLE, Settings
from action_recognition.errors import UsageError, VideoError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import FILE_EXTENSIONS

_BUSY_S = 1.0  # until a full queue is tried again
_DRAW_S = 1.0  # between two drawings of a growing table: each sends all of it
_ROW_HEIGHT = 64  # pixels

_log = logging.getLogger(__name__)


def many_page() -> None:
    """Draws it."""
    st.title("Many videos", anchor=False)
    st.markdown(
        "Upload several videos, or name a folder on the server; the table fills as they go."
    )
    key, recognizer = loaded()
    items = _choose()
    session = Session.current()
    batch = session.batch
    running = batch is not None and bool(batch.waiting)
    with st.container(horizontal=True):
        if running:
            st.button("Stop", icon=":material/stop:", on_click=_stop)
        elif st.button("Recognize all", type="primary", disabled=not items):
            batch = session.batch = Batch(items)
            st.rerun()
    if batch is None:
        return
    progress = st.empty()
    show, actions = _filters(recognizer)
    table = st.empty()
    st.download_button(
        "CSV of the rows shown",
        lambda: as_csv(select(batch.rows, show, actions)),
        "videos.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    _draw(table, batch, show, actions)
    drawn = time.monotonic()
    while batch.waiting:
        batch.done(_find(batch.waiting[0], batch, key, recognizer, progress))
        if time.monotonic() - drawn > _DRAW_S:
            _draw(table, batch, show, actions)
            drawn = time.monotonic()
    if running:
        st.rerun()  # the button that stops becomes the one that starts
    progress.markdown(f"{batch.state}.")


def _choose() -> list[Item]:
    """The videos that the visitor names: uploads, and those of a folder."""
    left, right = st.columns(2, gap="large")
    with left:
        uploads = st.file_uploader("Videos", type=list(FILE_EXTENSIONS), accept_multiple_files=True)
        with error_boxes.shown():
            REFUSED.check(visit_name())
    items = [Item.uploaded(u.name, u.getvalue()) for u in uploads]
    with right, error_boxes.shown():
        items += _choose_folder(Settings.read().videos)
    return items


def _choose_folder(root: Path | None) -> list[Item]:
    if root is None:
        st.markdown(
            "**A folder on the server**  \nThe operator has allowed none. To allow one, start the "
            f"dashboard with `action-recognition app --videos DIR`, or set `{VIDEOS_VARIABLE}`."
        )
        return []
    folder_below(root, "")
    whole = "All of it"
    name = st.selectbox(
        f"Folder on the server, in {plain(root.name)}",
        [whole, *folders_below(root)],
        index=None,
        placeholder="Choose one, or type its name",
        accept_new_options=True,
    )
    if name is None:
        return []
    try:
        folder = folder_below(root, "" if name == whole else name)
    except UsageError as error:
        st.error(plain(str(error)))
        return []
    paths = videos_below(folder)
    most = f", the first {MAX_VIDEOS}" if len(paths) == MAX_VIDEOS else ""
    st.caption(f"{len(paths)} video{'s'[: len(paths) != 1]}{most}")
    return [Item.on_server(path, folder, root) for path in paths]


def _filters(recognizer: Recognizer) -> tuple[str, list[str]]:
    left, right = st.columns(2, gap="large")
    with left:
        show = st.segmented_control("Show", SHOW, default=ALL, required=True)
    with right:
        actions = st.multiselect("Actions", recognizer.classes, placeholder="All of them")
    return show or ALL, actions


def _find(
    item: Item,
    batch: Batch,
    key: ModelKey,
    recognizer: Recognizer,
    progress: st.delta_generator.DeltaGenerator,
) -> Found:
    """What is in one video; the bar tells how far the batch is."""
    share, text = len(batch.rows) / batch.total, f"{batch.state} · {file_name(item.name)}"
    progress.progress(share, text)
    try:
        content = item.open()
        digest = content_digest(content)
    except VideoError as error:
        return Found(error)
    job: Job[Found] | None = None
    while job is None:
        try:
            job = Session.current().find(content, item.name, digest, key, recognizer)
        except BusyError:  # others wait, too; this batch goes on when there is room
            progress.progress(share, f"{text} · {BUSY}")
            time.sleep(_BUSY_S)
    while not job.wait(look_s(job.ahead)):
        ahead = f" · {place(job.ahead)}" if job.ahead else ""
        progress.progress(share, f"{text}{ahead}")
    try:
        return job.result()
    except Exception:  # the others go on
        _log.exception("unexpected failure in one of many videos")
        return Found(VideoError(item.name, UNEXPECTED))


def _draw(
    table: st.delta_generator.DeltaGenerator, batch: Batch, show: str, actions: list[str]
) -> None:
    columns = {
        "Picture": st.column_config.ImageColumn(width=90),
        "Action": st.column_config.TextColumn(width=260),
        "Probability": st.column_config.NumberColumn(format="%.1f %%", width=90),
        "File": st.column_config.TextColumn(width="medium"),
        "Seconds": st.column_config.NumberColumn(format="%.2f"),
        "Remark": st.column_config.TextColumn(width="medium"),
    }
    shown = select(batch.rows, show, actions)
    rows = as_table(shown)
    with table.container():
        st.dataframe(
            rows,
            hide_index=True,
            column_config=columns,
            row_height=_ROW_HEIGHT,
            placeholder="",
        )
        failed = [(n, f.answer) for n, f in shown if isinstance(f.answer, VideoError)]
        lines = [f"- {file_name(name)}: {plain(e.reason)}" for name, e in failed]
        if lines:
            st.markdown("\n".join(["Not readable:", *lines]))


def _stop() -> None:
    batch = Session.current().batch
    if batch is not None:
        batch.stop()
