"""The page Many videos: finds moments in several uploads, or in a folder on the server."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.batch import (
    Batch,
    Found,
    Item,
    content_digest,
    find_moments,
    length_s,
)
from action_recognition.dashboard.error_boxes import UNEXPECTED
from action_recognition.dashboard.formatting import file_name, plain
from action_recognition.dashboard.held import visit_name
from action_recognition.dashboard.job_queue import Job
from action_recognition.dashboard.kept_results import KeptResults
from action_recognition.dashboard.limits import BUSY, REFUSED, BusyError
from action_recognition.dashboard.model_choice import ModelKey, loaded
from action_recognition.dashboard.moment_player import play
from action_recognition.dashboard.moment_table import (
    ALL,
    AS_FOUND,
    ORDERS,
    SHOW,
    Choice,
    Shown,
    as_csv,
    as_table,
)
from action_recognition.dashboard.progress import look_s, place, turn
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
from action_recognition.recognition.results import FILM_S
from action_recognition.recognition.segmentation import Segment
from action_recognition.video import FILE_EXTENSIONS

_BUSY_S = 1.0  # until a full queue is tried again
_DRAW_S = 1.0  # between two drawings of a growing table: each sends all of it
_ROW_HEIGHT = 64  # pixels
_MAX_DRAWN = 500  # rows while the table grows

Tell = Callable[[float, str], None]  # takes the share of one video that is done, and words

_log = logging.getLogger(__name__)


def many_page() -> None:
    """Draws it."""
    st.title("Many videos", anchor=False)
    st.markdown(
        "Find the moments that show an action: upload several videos, or name a folder on the "
        f"server. A video of up to {FILM_S:.0f} s has one answer, a longer one a row for each "
        "moment."
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
            session.played = None
            st.rerun()
    if batch is None:
        return
    progress = st.empty()
    choice = _filters(recognizer)
    table = st.empty()
    if batch.waiting:
        _work(batch, key, recognizer, progress, lambda: _draw(table, batch, choice))
        st.rerun()  # the button that stops becomes the one that starts
    progress.markdown(f"{batch.state}.")
    chosen = _draw(table, batch, choice, choosable=True)
    st.download_button(
        "CSV of the rows shown",
        lambda: as_csv(choice.of(batch.done)),
        "moments.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    if chosen is not None:
        play(chosen, items)


def _work(
    batch: Batch,
    key: ModelKey,
    recognizer: Recognizer,
    progress: st.delta_generator.DeltaGenerator,
    draw: Callable[[], object],
) -> None:
    """Goes through what waits, and draws the growing table now and then."""
    draw()
    drawn = time.monotonic()
    with closing(KeptResults(Path(key[0]), recognizer)) as kept:
        while batch.waiting:
            item, done = batch.waiting[0], len(batch.done)

            def tell(share: float, words: str, item: Item = item, done: int = done) -> None:
                text = " · ".join(filter(None, (_how_far(batch), file_name(item.name), words)))
                progress.progress(min(1.0, (done + share) / batch.total), text)

            tell(0.0, "")
            try:
                content = item.open()
                known = None if isinstance(content, bytes) else kept.get(content)
                digest = content_digest(content) if known is None else ""
                found = known or _find(content, item.name, digest, key, recognizer, kept, tell)
            except VideoError as error:
                known, digest, found = None, "", Found(error=error)
            batch.take(found, digest=digest, kept=known is not None)
            if time.monotonic() - drawn > _DRAW_S:
                draw()
                drawn = time.monotonic()


def _how_far(batch: Batch) -> str:
    left_s = batch.left_s
    if left_s is None:
        return batch.state
    left = f"{left_s:.0f} s" if left_s < 90 else f"{left_s / 60:.0f} min"
    return f"{batch.state}, about {left} left"


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


def _filters(recognizer: Recognizer) -> Choice:
    left, right = st.columns(2, gap="large")
    with left:
        kind = st.segmented_control("Show", SHOW, default=ALL, required=True)
        least = st.slider("At least so probable", 0, 100, 0, format="%d %%")
    with right:
        actions = st.multiselect("Actions", recognizer.classes, placeholder="All of them")
        order = st.selectbox("Order", ORDERS)
    return Choice(kind or ALL, tuple(actions), least / 100, order or AS_FOUND)


def _find(
    content: bytes | Path,
    name: str,
    digest: str,
    key: ModelKey,
    recognizer: Recognizer,
    kept: KeptResults,
    tell: Tell,
) -> Found:
    """What is in one video."""
    try:
        if length_s(recognizer, content, name) > FILM_S:
            found = _find_moments(content, name, digest, key, recognizer, kept, tell)
        else:
            found = _find_short(content, name, digest, key, recognizer, tell)
    except VideoError as error:
        return Found(error=error)
    except Exception:  # the others go on
        _log.exception("unexpected failure in one of many videos")
        return Found(error=VideoError(name, UNEXPECTED))
    if isinstance(content, Path):
        kept.put(content, found)
    return found


def _find_short(
    content: bytes | Path,
    name: str,
    digest: str,
    key: ModelKey,
    recognizer: Recognizer,
    tell: Tell,
) -> Found:
    job: Job[Found] | None = None
    while job is None:
        try:
            job = Session.current().find(content, name, digest, key, recognizer)
        except BusyError:  # others wait, too; this batch goes on when there is room
            tell(0.0, BUSY)
            time.sleep(_BUSY_S)
    while not job.wait(look_s(job.ahead)):
        tell(0.0, place(job.ahead) if job.ahead else "")
    return job.result()


def _find_moments(
    content: bytes | Path,
    name: str,
    digest: str,
    key: ModelKey,
    recognizer: Recognizer,
    kept: KeptResults,
    tell: Tell,
) -> Found:
    """The moments of a long video, which takes a turn of its own: others have short ones."""

    def report(done_s: float, all_s: float) -> None:
        tell(done_s / max(all_s, 1e-6), f"{done_s:.0f} of {all_s:.0f} s seen")

    def segments() -> list[Segment]:
        if isinstance(content, Path):
            return kept.segments(content, report)
        return list(recognizer.timeline(io.BytesIO(content), name=name, on_progress=report))

    def compute() -> Found:
        with turn():
            return find_moments(recognizer, content, name, segments)

    return Session.current().films.get_or((key, digest), compute)


def _draw(
    table: st.delta_generator.DeltaGenerator,
    batch: Batch,
    choice: Choice,
    *,
    choosable: bool = False,
) -> Shown | None:
    """Draws the table; the row that was chosen, if one can be."""
    columns = {
        "Picture": st.column_config.ImageColumn(width=90),
        "Action": st.column_config.TextColumn(width=220),
        "Probability": st.column_config.NumberColumn(format="%.1f %%", width=90),
        "From": st.column_config.TextColumn(width=70),
        "To": st.column_config.TextColumn(width=70),
        "File": st.column_config.TextColumn(width="medium"),
        "Remark": st.column_config.TextColumn(width="medium"),
    }
    shown = choice.of(batch.done)
    rows: list[int] = []
    with table.container():
        if choosable:
            event = st.dataframe(
                as_table(shown),
                hide_index=True,
                column_config=columns,
                row_height=_ROW_HEIGHT,
                placeholder="",
                on_select="rerun",
                selection_mode="single-row",
                key=f"moments-{id(batch)}-{hash(choice)}",  # of other rows, another choice
            )
            rows = event["selection"]["rows"]
            if shown:
                st.caption("Click the box before a row to play it.")
        else:
            st.dataframe(
                as_table(shown[-_MAX_DRAWN:]),
                hide_index=True,
                column_config=columns,
                row_height=_ROW_HEIGHT,
                placeholder="",
            )
        failed = [s.done for s in shown if s.row is None]
        lines = [f"- {file_name(d.name)}: {plain(d.found.error.reason)}" for d in failed
                 if d.found.error is not None]  # fmt: skip
        if lines:
            st.markdown("\n".join(["Not readable:", *lines]))
    return shown[rows[0]] if rows and rows[0] < len(shown) else None


def _stop() -> None:
    batch = Session.current().batch
    if batch is not None:
        batch.stop()
