"""The tab Correct: what a model has wrong is put right, kept as a project file, and learned."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from action_recognition.dashboard.formatting import download_stem, plain
from action_recognition.dashboard.model_choice import ModelKey
from action_recognition.dashboard.pages.training import (
    ended_well,
    offer,
    offer_model,
    show_notes,
    show_progress,
    tables,
)
from action_recognition.dashboard.session import Upload
from action_recognition.dashboard.settings import Settings
from action_recognition.dashboard.teaching import (
    ACTION,
    END,
    MODEL,
    NONE_OF_THESE,
    RIGHT,
    START,
    Row,
    Teaching,
    can_train,
    edited,
    rows_of,
)
from action_recognition.datasets.corrections import digest_of
from action_recognition.errors import DataError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Segment

TEACHINGS = "action_recognition_teachings"


def show_corrections(
    upload: Upload, segments: Sequence[Segment], recognizer: Recognizer, key: ModelKey
) -> None:
    """Draws the table of moments, and what can be done with it.

    Parameters:
        segments: what the model has found in the upload.
        key: of that model.
    """
    teaching = _teaching(Path(key[0]))
    teaching.tables.setdefault(upload.digest, rows_of(segments))
    _show_table(teaching, upload, segments, recognizer)
    _ask_for_name(teaching, upload, recognizer)
    try:
        project = teaching.project(upload, _digest(teaching.start))
    except DataError as error:
        st.warning(plain(str(error)))
        return
    counts = [sum(s.kind == kind for s in project.segments) for kind in ("corrected", "added")]
    confirmed = len(project.segments) - sum(counts)
    st.caption(f"{counts[0]} corrected, {counts[1]} added, {confirmed} confirmed.")
    with st.container(horizontal=True):
        st.download_button(
            "Project file", project.to_json(), f"{download_stem(upload.name)}-corrections.json",
            "application/json", on_click="ignore", icon=":material/download:",
            disabled=not project.segments,
            help="`action-recognition correct FILE --output my.h5` learns from it.",
        )  # fmt: skip
        _offer_training(teaching, upload, enabled=bool(project.segments))
    if teaching.running:
        show_progress(teaching, "Learning from your corrections …")
    elif teaching.exit_code is not None:
        _show_result(teaching)


def _teaching(used: Path) -> Teaching:
    """What was corrected of the model in use, or of the one that the visit's own came from."""
    # Gone with the visit, and each one's folder with it.
    teachings: dict[Path, Teaching] = st.session_state.setdefault(TEACHINGS, {})
    for teaching in teachings.values():
        if teaching.owns(used):
            return teaching
    return teachings.setdefault(used, Teaching(used))


def _show_table(
    teaching: Teaching, upload: Upload, segments: Sequence[Segment], recognizer: Recognizer
) -> None:
    st.markdown(
        "Put right what is wrong: change an action or a time, add a row at the end, delete one. "
        "Tick **Right** where the answer is right: that, too, is learned from."
    )
    digest = upload.digest
    key = f"correct-{digest}-{teaching.start}-{teaching.turns.setdefault(digest, 0)}"
    # Streamlit forgets the changes of a table that is not drawn, or drawn otherwise: the next one
    # begins with them.
    if key not in st.session_state:
        teaching.bases[digest] = teaching.tables[digest]
    base = teaching.bases[digest]
    known = [row.action for row in base if row.action is not None]
    names = dict.fromkeys([*recognizer.classes, *teaching.names, *known, NONE_OF_THESE])
    most_s = max((s.end_s for s in segments), default=0.0)
    st.data_editor(
        _frame(base),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        column_config={
            START: st.column_config.NumberColumn(min_value=0.0, max_value=most_s, step=0.01),
            END: st.column_config.NumberColumn(min_value=0.0, max_value=most_s, step=0.01),
            ACTION: st.column_config.SelectboxColumn(options=list(names), width="medium"),
            RIGHT: st.column_config.CheckboxColumn(default=False),
        },
    )
    teaching.tables[digest] = edited(base, st.session_state[key])


def _ask_for_name(teaching: Teaching, upload: Upload, recognizer: Recognizer) -> None:
    box = "correct-name"

    def add() -> None:
        name = " ".join(st.session_state[box].split())
        if name and name.isprintable() and name not in (*recognizer.classes, NONE_OF_THESE):
            teaching.names.append(name)
            teaching.turns[upload.digest] += 1
        st.session_state[box] = ""

    def confirm() -> None:
        rows = teaching.tables[upload.digest]
        teaching.tables[upload.digest] = [
            row._replace(right=True) if row.kind is None else row for row in rows
        ]
        teaching.turns[upload.digest] += 1

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "An action that the model does not know", key=box, max_chars=100, on_change=add,
            placeholder="Its name; then choose it in the table",
        )  # fmt: skip
        st.button("All others are right", on_click=confirm, icon=":material/done_all:")


def _offer_training(teaching: Teaching, upload: Upload, *, enabled: bool) -> None:
    settings = Settings.read()
    if settings.training and can_train():
        offer(
            teaching,
            "Train on my corrections",
            lambda: teaching.train(upload, _digest(teaching.start), settings.limits),
            enabled=enabled,
        )


def _show_result(teaching: Teaching) -> None:
    if not ended_well(teaching):
        return
    # Names of files are too wide for a narrow screen.
    table = tables(teaching)
    st.markdown(
        table.replace(f"| {teaching.start.name} ", "| old ").replace(f"| {MODEL} ", "| new ")
    )
    show_notes(teaching)
    offer_model(teaching, back_to=teaching.start)


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            START: pd.Series([r.start_s for r in rows], dtype=float),
            END: pd.Series([r.end_s for r in rows], dtype=float),
            ACTION: pd.Series([r.action or NONE_OF_THESE for r in rows], dtype=str),
            RIGHT: pd.Series([r.right for r in rows], dtype=bool),
        }
    )


def _digest(path: Path) -> str:
    facts = path.stat()
    return _digest_once(path, facts.st_mtime_ns, facts.st_size)


@functools.lru_cache(8)
def _digest_once(path: Path, _changed_ns: int, _size: int) -> str:
    return digest_of(path)
