"""The page Model: what it knows, how good it is, how it is built and was trained, its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from action_recognition.actions import ACTIONS
from action_recognition.dashboard import failures
from action_recognition.dashboard.chosen import check, choices, choose, current, loaded
from action_recognition.dashboard.drawing import as_dot
from action_recognition.dashboard.examples import class_clips
from action_recognition.dashboard.knowledge import Knowledge, measured
from action_recognition.dashboard.limits import limits
from action_recognition.dashboard.model_charts import confusion_chart, reliability_chart
from action_recognition.dashboard.settings import Settings
from action_recognition.dashboard.thumbnail import middle_of
from action_recognition.dashboard.wording import file_name, plain
from action_recognition.errors import ModelFileError, VideoError
from action_recognition.models.model_file import Model

_HEADINGS = {
    "class": "Class",
    "dataset": "Data set",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "videos": "Videos",
}
_FILE = "model-file"  # the key of the choice
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
        "Model file",
        files,
        key=_FILE,
        format_func=lambda path: path.name,
        help="The files of the operator's folder of models. Your choice counts for all pages, "
        "and for you alone.",
    )
    if asked == current():
        return
    try:
        check(asked)
    except ModelFileError as error:
        failures.show(error)
        st.caption(f"{file_name(current().name)} stays in use.")
    else:
        choose(asked)


def show_model_page(model: Model, file: str, examples: Path) -> None:
    """Draws it; `file` is the name of the model file, `examples` a folder of clips by class."""
    st.markdown(f"{file_name(file)} · {Knowledge.of(model.classes).sentence()}")
    dark = st.context.theme.type == "dark"
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("What it knows", anchor=False)
        _show_classes(model, examples)
    with right:
        st.subheader("Its limits", anchor=False)
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in limits(model)))
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How good it is", anchor=False)
        _show_figures(model.metrics)
        _show_reliability(model.metrics, dark=dark)
    with right:
        if measured(model.metrics):
            _show_confusion(model.metrics, model.classes, dark=dark)
        st.subheader("How it is built", anchor=False)
        count = sum(p.numel() for p in model.network.parameters()) / 1e6
        st.markdown(f"{count:.2f} million parameters. Each part with the shape that it gives:")
        if model.background:
            st.caption(
                f"{len(model.background)} of the last part's outputs stand for background classes: "
                "examples of anything else, never an answer."
            )
        st.graphviz_chart(as_dot(model.network, model.preprocessing, dark=dark), width="content")
    st.subheader("How it was trained", anchor=False)
    with st.expander("Record in the model file"):
        st.json(dict(model.training))


def _show_classes(model: Model, examples: Path) -> None:
    """The project's actions and the model's further classes, each with where it comes from."""
    rows = [
        {
            "Action": a.name,
            "Known": "yes" if a.name in model.classes else "not yet",
            "Source": f"{a.dataset} {a.original_class}",
        }
        for a in ACTIONS
    ]
    measured_on = {r["class"]: r["dataset"] for r in model.metrics.get("per_class") or []}
    rows += [
        {"Action": name, "Known": "stand-in", "Source": measured_on.get(name, "")}
        for name in Knowledge.of(model.classes).stand_ins
    ]
    clips = class_clips(examples, [row["Action"] for row in rows])
    pictures = {name: _picture(str(p), p.stat().st_mtime_ns) for name, p in clips.items()}
    table = pd.DataFrame(rows)
    if any(pictures.values()):
        table.insert(0, "Picture", [pictures.get(row["Action"]) for row in rows])
        column = {"Picture": st.column_config.ImageColumn(width=90)}
        st.dataframe(table, hide_index=True, column_config=column, row_height=_ROW_HEIGHT)
    else:
        height = 35 * (len(rows) + 1) + 3  # all rows, and the border
        st.dataframe(table, hide_index=True, height=height)
        st.caption(
            "Pictures stand here where clips of the data sets are at hand: in `data/clips`, or in "
            "the folder that the operator names with `--examples`."
        )


@st.cache_data(show_spinner=False, max_entries=100)
def _picture(path: str, changed_ns: int) -> str | None:
    """The middle of a clip; the time of change makes a replaced file another one."""
    try:
        return middle_of(Path(path))
    except VideoError:
        return None


def _show_figures(metrics: Mapping[str, Any]) -> None:
    said = measured(metrics)
    if not said:
        st.markdown("The file does not say: it was not measured.")
        return
    st.markdown(said)
    overall = [
        {"Figure": name, "Value": f["value"], "From": f["low"], "To": f["high"]}
        for name, f in metrics["overall"].items()
    ]
    share = st.column_config.NumberColumn(format="%.3f")
    columns = dict.fromkeys(("Value", "From", "To", "Precision", "Recall", "F1"), share)
    st.dataframe(pd.DataFrame(overall), hide_index=True, column_config=columns)
    st.caption("From and to: 95 % bootstrap interval over groups of clips of one origin.")
    per_class = pd.DataFrame(metrics["per_class"]).rename(columns=_HEADINGS)
    st.dataframe(per_class, hide_index=True, column_config=columns)


def _show_reliability(metrics: Mapping[str, Any], *, dark: bool) -> None:
    error, bins = metrics.get("calibration_error"), metrics.get("reliability")
    if error is None:
        return
    st.subheader("How far its probabilities can be trusted", anchor=False)
    st.markdown(
        f"Expected calibration error {error:.3f}: so far, on average, the probability of an answer "
        "lies from how often such answers are right."
    )
    if bins is None:
        st.caption("The record of this file has no bins to draw; `evaluate` of today writes them.")
        return
    st.altair_chart(reliability_chart(bins, dark=dark), width="stretch")
    said = "On the dashed line probabilities mean what they say. Numbers: videos."
    chance = bins.get("error by chance")
    if chance:
        said += f" Chance alone would show an error of {chance[0]:.3f} on so many videos."
    st.caption(said)


def _show_confusion(metrics: Mapping[str, Any], classes: Sequence[str], *, dark: bool) -> None:
    st.subheader("What it confuses", anchor=False)
    st.markdown("Rows are the truth, columns the answers, numbers of videos.")
    st.altair_chart(confusion_chart(metrics["confusion"], classes, dark=dark), width="stretch")
