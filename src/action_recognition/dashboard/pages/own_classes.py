"""The page Your classes: clips of actions that a visitor names, a check of them, and a training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.error_boxes import shown
from action_recognition.dashboard.formatting import plain
from action_recognition.dashboard.held import HOLDINGS, visit_name
from action_recognition.dashboard.limits import REFUSED, BusyError
from action_recognition.dashboard.model_choice import current
from action_recognition.dashboard.own_classes import (
    OwnClasses,
    Source,
    class_name,
    moments_of,
    sources_of,
)
from action_recognition.dashboard.pages.correct import TEACHINGS
from action_recognition.dashboard.pages.training import (
    ended_well,
    offer,
    offer_model,
    show_notes,
    show_progress,
)
from action_recognition.dashboard.progress import turn
from action_recognition.dashboard.session import Session, Upload
from action_recognition.dashboard.settings import Settings
from action_recognition.dashboard.strangers import for_one_clip
from action_recognition.dashboard.teaching import Teaching
from action_recognition.dashboard.training_process import installed, others_train
from action_recognition.errors import UsageError, VideoError
from action_recognition.video import FILE_EXTENSIONS

_OWN = "action_recognition_own_classes"
_TURN = "action_recognition_own_classes_turn"  # an uploader is emptied by drawing another one
_MEASURED = re.compile(r"[\d,]+ videos? of ")
_NOT_FIGURES = ("written: ", "action-recognition: ")
_FILES, _FOLDER = "Files", "A folder"


def own_classes_page() -> None:
    """Draws the page."""
    st.title("Your classes")
    st.markdown(
        "Teach a model actions of your own: some clips for each, of a few seconds, from different "
        "recordings. Twenty clips for a class are a good start."
    )
    if not Settings.read().training:
        st.info("The operator of this server has not allowed training (`--training on`).")
        return
    if not installed("lightning", "torch", "sklearn"):
        st.info("Training needs the extra `train`: `pip install 'action-recognition[train]'`.")
        return
    session, own = Session.current(), _own()
    if not own.running:
        with shown():
            _ask_for_clips(session)
    _show_refused()
    if session.clips or own.running:
        _show_classes(session, own)
    if own.running:
        title = "Learning your classes …" if own.trains else "Looking at the clips …"
        show_progress(own, title)
    elif own.exit_code is not None:
        _show_result(own)


def _own() -> OwnClasses:
    # Gone with the visit, and its folder with it.
    if _OWN not in st.session_state:
        st.session_state[_OWN] = OwnClasses(current())
    own: OwnClasses = st.session_state[_OWN]
    if not own.owns(current()):
        own.before = current()
    return own


def _ask_for_clips(session: Session) -> None:
    st.subheader("Add clips")
    number = st.session_state.setdefault(_TURN, 0)
    name = st.text_input(
        "Class", max_chars=100, placeholder="What the clips show, for example Juggling",
    )  # fmt: skip
    way = st.segmented_control("Upload", [_FILES, _FOLDER], default=_FILES, required=True)
    many: Literal[True, "directory"] = True if way == _FILES else "directory"
    files = st.file_uploader(
        "Clips of this class" if way == _FILES else "A folder of clips",
        type=list(FILE_EXTENSIONS),
        accept_multiple_files=many,
        key=f"own-clips-{way}-{number}",
        help="Without a name for the class, each folder is a class and is called after it. With "
        "one, clips of one folder inside count as one recording.",
    )
    with shown():
        REFUSED.check(visit_name())
    if files:
        label = class_name(name) if name.strip() or way == _FILES else None
        uploads = [Upload.of(file.name, file.getvalue()) for file in files]
        _add(session, *sources_of(uploads, label))
    moments = _moments(session)
    if moments and st.button(
        f"Add the moments that you have put right ({len(moments)})", icon=":material/add:"
    ):
        _add(session, moments)


def _moments(session: Session) -> list[Source]:
    """What was corrected, in the tab Correct, of the video that the visit has open."""
    teachings: dict[Path, Teaching] = st.session_state.get(TEACHINGS, {})
    upload = session.kept
    if upload is None:
        return []
    rows = [row for t in teachings.values() for row in t.tables.get(upload.digest, [])]
    known = {(clip.label, clip.digest) for clip in session.clips}
    return [s for s in moments_of(upload, rows) if (s.label, s.digest) not in known]


def _add(session: Session, sources: Sequence[Source], left_out: Sequence[str] = ()) -> None:
    refused = list(left_out)
    with turn(), st.empty():
        for number, source in enumerate(sources):
            st.progress(number / len(sources), f"Reading clip {number + 1} of {len(sources)} …")
            if any(c.digest == source.digest and c.label == source.label for c in session.clips):
                continue
            try:
                clip = source.made(for_one_clip())
            except (VideoError, UsageError) as error:
                refused.append(str(error))
                continue
            if not HOLDINGS.reserve(len(clip.data), Settings.read().held_mb * 10**6):
                raise BusyError
            session.clips.append(clip)
            HOLDINGS.arrived(len(clip.data))
    st.session_state[f"{_TURN}-refused"] = refused
    st.session_state[_TURN] += 1
    st.rerun()


def _show_refused() -> None:
    for line in st.session_state.get(f"{_TURN}-refused", []):
        st.warning(plain(line))


def _show_classes(session: Session, own: OwnClasses) -> None:
    st.subheader("Classes")
    labels = sorted({clip.label for clip in session.clips})
    of = {label: [c for c in session.clips if c.label == label] for label in labels}
    st.dataframe(
        pd.DataFrame(
            {
                "Class": labels,
                "Clips": [len(clips) for clips in of.values()],
                "Recordings": [len({c.group or c.digest for c in clips}) for clips in of.values()],
            }
        ),
        hide_index=True,
    )
    if own.running:
        offer(own, "Train", lambda: None, enabled=False)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Remove a class", labels, index=None, placeholder="Which one")
        if st.button("Remove", icon=":material/delete:", disabled=label is None):
            session.clips[:] = [clip for clip in session.clips if clip.label != label]
            st.rerun()
    enough = len(labels) > 1
    if not enough:
        st.caption("A model tells classes apart: it takes two at least.")
    with st.container(horizontal=True):
        offer(own, "Train", lambda: own.train(session.clips), enabled=enough)
        if st.button(
            "Check the clips", icon=":material/fact_check:", disabled=others_train(own),
            help="What is too few, shown twice, or cannot be held back to measure the model.",
        ):  # fmt: skip
            own.check(session.clips)
            st.rerun()


def _show_result(own: OwnClasses) -> None:
    if not own.trains:
        st.subheader("What the check has found")
        if own.exit_code:
            error_boxes.show(UsageError(own.lines[-1].removeprefix("action-recognition: ")))
        else:
            st.code("\n".join(own.lines), language=None, wrap_lines=True)
        return
    st.subheader("The new model")
    if not ended_well(own):
        return
    st.markdown(_figures(own.lines) or "Not measured: no class has clips to hold back.")
    show_notes(own)
    offer_model(own, back_to=own.before)


def _figures(lines: Sequence[str]) -> str:
    """What the command has printed of the clips that were held back, as Markdown."""
    first = next((k for k, line in enumerate(lines) if _MEASURED.match(line)), len(lines))
    return "\n".join(line for line in lines[first:] if not line.startswith(_NOT_FIGURES))
