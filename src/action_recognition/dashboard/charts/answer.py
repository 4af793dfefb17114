"""The answer as a chart: one bar a class, the most probable first."""

from __future__ import annotations

import altair as alt
import pandas as pd

from action_recognition.dashboard.charts.colours import HUE, text_colour
from action_recognition.dashboard.formatting import leaders, percent
from action_recognition.recognition.results import Prediction

MAX_BARS = 10
_BAR_HEIGHT = 30  # pixels, with the gap below it

_FAINT = 0.4  # of the bars that are not the answer


def chart_data(prediction: Prediction) -> pd.DataFrame:
    """One row a class, most probable first, at most `MAX_BARS` of them.

    Columns: action (str), probability (0..1), label (text of the probability), answer (bool:
    whether it is one of the actions that the answer names).
    """
    full = leaders(prediction)
    rows = [
        {"action": action, "probability": p, "label": percent(p), "answer": place < full}
        for place, (action, p) in enumerate(prediction.ranked[:MAX_BARS])
    ]
    return pd.DataFrame(rows)


def left_out(prediction: Prediction) -> str:
    """A sentence on the classes that have no bar; empty if there are none."""
    rest = prediction.ranked[MAX_BARS:]
    if not rest:
        return ""
    return f"{len(rest)} further classes share {percent(sum(p for _, p in rest))}."


def chart(prediction: Prediction, *, dark: bool) -> alt.LayerChart:
    """Horizontal bars: full names on their left, percentages at their ends.

    `dark` is True for a page with a dark background.
    """
    text = text_colour(dark=dark)
    data = chart_data(prediction)
    names = list(data["action"])
    base = alt.Chart(data).encode(
        y=alt.Y(
            "action:N",
            sort=names,
            title=None,
            axis=alt.Axis(
                labelLimit=1000,  # pixels: never cut a name off
                labelFontSize=14,
                labelColor=text,
                labelPadding=8,
                ticks=False,
                domain=False,
            ),
        ),
        # Up to 1 for the bars, and room behind a full bar for its percentage.
        x=alt.X("probability:Q", scale=alt.Scale(domain=[0, 1.25]), axis=None),
        tooltip=[
            alt.Tooltip("action:N", title="Action"),
            alt.Tooltip("label:N", title="Probability"),
        ],
    )
    bars = base.mark_bar(color=HUE, cornerRadiusEnd=3, height=_BAR_HEIGHT * 0.6).encode(
        opacity=alt.condition("datum.answer", alt.value(1.0), alt.value(_FAINT))
    )
    labels = base.mark_text(align="left", dx=6, fontSize=14, color=text).encode(text="label:N")
    return (
        alt.layer(bars, labels)
        .properties(height=_BAR_HEIGHT * len(data))
        .configure_view(strokeWidth=0)
    )
