"""The page about the model: what it knows, how good it is, how it is built and was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from action_recognition.dashboard.chosen import loaded
from action_recognition.dashboard.colours import HUE, text_colour
from action_recognition.dashboard.drawing import as_dot
from action_recognition.dashboard.knowledge import Knowledge, measured
from action_recognition.dashboard.wording import file_name
from action_recognition.modelfile import Model

_CELL = 36  # pixels


def model_page() -> None:
    """Draws it for the model that this visitor uses."""
    key, recognizer = loaded()
    show_model_page(recognizer.model, Path(key[0]).name)


def show_model_page(model: Model, file: str) -> None:
    """Draws it; `file` is the name of the model file."""
    st.title("Model", anchor=False)
    st.markdown(f"{file_name(file)} · {Knowledge.of(model.classes).sentence()}")
    dark = st.context.theme.type == "dark"
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How good it is", anchor=False)
        _show_figures(model.metrics)
    with right:
        if measured(model.metrics):
            _show_confusion(model.metrics, model.classes, dark=dark)
        st.subheader("How it is built", anchor=False)
        count = sum(p.numel() for p in model.network.parameters()) / 1e6
        st.markdown(f"{count:.2f} million parameters. Each part with the shape that it gives:")
        st.graphviz_chart(as_dot(model.network, model.preprocessing, dark=dark), width="content")
    st.subheader("How it was trained", anchor=False)
    with st.expander("Record in the model file"):
        st.json(dict(model.training))


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
    columns = dict.fromkeys(("Value", "From", "To", "precision", "recall", "f1"), share)
    st.dataframe(pd.DataFrame(overall), hide_index=True, column_config=columns)
    st.caption("From and to: 95 % bootstrap interval over groups of clips of one origin.")
    st.dataframe(pd.DataFrame(metrics["per_class"]), hide_index=True, column_config=columns)


def _show_confusion(metrics: Mapping[str, Any], classes: Sequence[str], *, dark: bool) -> None:
    st.subheader("What it confuses", anchor=False)
    st.markdown("Rows are the truth, columns the answers, numbers of videos.")
    st.altair_chart(confusion_chart(metrics["confusion"], classes, dark=dark), width="stretch")


def confusion_chart(
    counts: Sequence[Sequence[int]], classes: Sequence[str], *, dark: bool
) -> alt.LayerChart:
    """Each cell its number, and the fuller the more of its row."""
    text = text_colour(dark=dark)
    cells = [
        {"truth": truth, "answer": answer, "videos": n, "share": n / max(1, sum(row))}
        for truth, row in zip(classes, counts, strict=True)
        for answer, n in zip(classes, row, strict=True)
    ]
    names = list(classes)
    label: dict[str, Any] = {
        "labelColor": text,
        "titleColor": text,
        "labelLimit": 1000,
        "labelOverlap": False,
    }
    base = alt.Chart(pd.DataFrame(cells)).encode(
        x=alt.X("answer:N", sort=names, axis=alt.Axis(labelAngle=-45, orient="top", **label)),
        y=alt.Y("truth:N", sort=names, axis=alt.Axis(**label)),
        tooltip=["truth:N", "answer:N", "videos:Q"],
    )
    squares = base.mark_rect(color=HUE).encode(
        opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None)
    )
    numbers = base.mark_text(color=text, fontSize=13).encode(
        text="videos:Q", opacity=alt.condition("datum.videos > 0", alt.value(1), alt.value(0.25))
    )
    return (
        alt.layer(squares, numbers)
        .properties(height=_CELL * len(names) + 90)
        .configure_view(strokeWidth=0)
    )
