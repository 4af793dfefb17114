"""The page Model: what it knows, how good it is, how it is built and was trained, its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from action_recognition.actions import ACTIONS
from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.charts.model import confusion_chart, reliability_chart
from action_recognition.dashboard.charts.network import as_dot
from action_recognition.dashboard.examples import class_clips
from action_recognition.dashboard.formatting import file_name, plain
from action_recognition.dashboard.media.thumbnails import middle_of
from action_recognition.dashboard.model_choice import check, choices, choose, current, label, loaded
from action_recognition.dashboard.model_limits import limits
from action_recognition.dashboard.model_summary import (
    ModelSummary,
    class_table,
    layers,
    measured,
    measurements,
    rows_per_class,
    source_name,
)
from action_recognition.dashboard.settings import Settings
from action_recognition.errors import ModelFileError, VideoError
from action_recognition.models.model_file import Model

_HEADINGS = {
    "class": "Class",
    "dataset": "Videos from",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "videos": "Videos",
}
_FILE = "model-file"  # the key of the choice
_MANY = 25  # classes; a longer list is searched
_FEW = 10  # rows of it that are shown at once
_ROW_HEIGHT = 64  # pixels, with a thumbnail


def model_page() -> None:
    """Draws it for the model that this visitor uses, and lets them choose another."""
    st.title("Model", anchor=False)
    _choose()
    key, recognizer = loaded()
    show_model_page(recognizer.model, Path(key[0]).name, Settings.read().examples)


def _choose() -> None:
    files = choices()
    if len(files) < 2:
        return
    if st.session_state.get(_FILE) not in files:  # forgotten while another page was open
        st.session_state[_FILE] = current() if current() in files else files[0]
    asked = st.selectbox(
        "Model in use",
        files,
        key=_FILE,
        format_func=label,
        help="Your choice applies to all pages, and only to you.",
    )
    if asked == current():
        return
    try:
        check(asked)
    except ModelFileError as error:
        error_boxes.show(error)
        st.caption(f"{file_name(current().name)} stays in use.")
    else:
        choose(asked)


def show_model_page(model: Model, file: str, examples: Path) -> None:
    """Draws it; `file` is the name of the model file, `examples` a folder of clips by class."""
    st.markdown(f"{file_name(file)} · {ModelSummary.of(model.classes).sentence()}")
    dark = st.context.theme.type == "dark"
    st.subheader("What it knows", anchor=False)
    _show_classes(model, examples)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How good it is", anchor=False)
        found = measurements(model)
        if not found:
            st.markdown("The file does not say: it was not measured.")
        for name, metrics in found:
            _show_figures(metrics, name)
        for name, metrics in found[:1]:
            _show_reliability(metrics, name, dark=dark)
    with right:
        st.subheader("Its limits", anchor=False)
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in limits(model)))
        if found and len(model.classes) <= _MANY:  # no screen has room for more
            st.subheader("What it confuses", anchor=False)
            for name, metrics in found:
                _show_confusion(metrics, model.classes, name, dark=dark)
        st.subheader("How it is built", anchor=False)
        count = model.parameters / 1e6
        st.markdown(f"{count:.2f} million parameters. Each layer with the shape of its output:")
        if model.background:
            st.caption(
                f"{len(model.background)} of the last layer's outputs are background "
                "classes: examples of other actions, never an answer."
            )
        st.graphviz_chart(
            as_dot(model.architecture, model.preprocessing, dark=dark),
            width="content",
            alt=f"The layers from first to last: {layers(model.architecture)}",
        )
    st.subheader("How it was trained", anchor=False)
    with st.expander("Record in the model file"):
        st.json(dict(model.training))


def _show_classes(model: Model, examples: Path) -> None:
    """The project's actions and the model's further classes, each with where it comes from."""
    summary = ModelSummary.of(model.classes)
    origins = {a.name: f"{a.dataset} {a.original_class}" for a in ACTIONS}
    names = [*(origins if summary.known else ()), *summary.others]
    if len(names) > _MANY:
        asked = st.text_input("Find an action", placeholder="part of its name").strip().lower()
        names = [name for name in names if asked in name.lower()]
        st.caption(f"{len(names)} of {summary.total} actions")
    table = class_table(model, names)
    if summary.known:
        table.insert(1, "Original class", [origins.get(name, "") for name in names])
    if summary.known and summary.missing:
        known = ["yes" if name in model.classes else "not yet" for name in names]
        table.insert(1, "Known", known)
    clips = class_clips(examples, names)
    pictures = {name: _picture(str(p), p.stat().st_mtime_ns) for name, p in clips.items()}
    if any(pictures.values()):
        table.insert(0, "Picture", [pictures.get(name) for name in names])
        column = {"Picture": st.column_config.ImageColumn(width=90)}
        st.dataframe(table, hide_index=True, column_config=column, row_height=_ROW_HEIGHT)
        return
    st.dataframe(table, hide_index=True, height=_height(table))
    if summary.known:
        st.caption(
            "If clips of the data sets are available, in `data/clips` or in the folder that the "
            "operator sets with `--examples`, example frames are shown here."
        )


def _height(table: pd.DataFrame) -> int:
    """In pixels, of all rows and the border, or of as many as fit."""
    return 35 * ((len(table) if len(table) <= _MANY else _FEW) + 1) + 3


@st.cache_data(show_spinner=False, max_entries=100)
def _picture(path: str, changed_ns: int) -> str | None:
    """The middle of a clip; the time of change makes a replaced file another one."""
    try:
        return middle_of(Path(path))
    except VideoError:
        return None


def _show_figures(metrics: Mapping[str, Any], name: str) -> None:
    st.markdown(plain(measured(metrics, name)))
    overall = [
        {"Figure": figure, "Value": f["value"], "From": f["low"], "To": f["high"]}
        for figure, f in metrics["overall"].items()
    ]
    share = st.column_config.NumberColumn(format="%.3f")
    columns = dict.fromkeys(("Value", "From", "To", "Precision", "Recall", "F1"), share)
    st.dataframe(pd.DataFrame(overall), hide_index=True, column_config=columns)
    st.caption("From and to: 95 % bootstrap interval over groups of clips of one origin.")
    rows = [{**row, "dataset": source_name(row.get("dataset"))} for row in rows_per_class(metrics)]
    per_class = pd.DataFrame(rows, columns=list(_HEADINGS)).rename(columns=_HEADINGS)
    st.dataframe(per_class, hide_index=True, column_config=columns, height=_height(per_class))


def _show_reliability(metrics: Mapping[str, Any], name: str, *, dark: bool) -> None:
    error, bins = metrics.get("calibration_error"), metrics.get("reliability")
    if error is None:
        return
    st.subheader("How far its probabilities can be trusted", anchor=False)
    origin = f" on test videos from {plain(name)}" if name else ""
    st.markdown(
        f"Expected calibration error{origin}: {error:.3f}. "
        "This is how far, on average, the probability of an answer is from how often such answers "
        "are right."
    )
    if not bins:
        return
    st.altair_chart(
        reliability_chart(bins, dark=dark),
        width="stretch",
        alt=f"Accuracy over probability; the mean distance from the diagonal is {error:.3f}",
    )
    said = "On the dashed line, probabilities match accuracy. The numbers are videos."
    chance = bins.get("error by chance")
    if chance:
        said += f" Chance alone would give an error of {chance[0]:.3f} on this many videos."
    st.caption(said)


def _show_confusion(
    metrics: Mapping[str, Any], classes: Sequence[str], name: str, *, dark: bool
) -> None:
    if not metrics.get("confusion"):
        return
    origin = f" from {plain(name)}" if name else ""
    st.markdown(f"Test videos{origin}: rows are the truth, columns the answers.")
    st.altair_chart(
        confusion_chart(metrics["confusion"], classes, dark=dark),
        width="stretch",
        alt="What each action was taken for; the figures of each class are in the table above",
    )
