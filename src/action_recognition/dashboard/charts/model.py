"""Charts of the page Model: what the model confuses, and what its probabilities are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from action_recognition.dashboard.charts.colours import HUE, text_colour

_CELL = 36  # pixels


def confusion_chart(
    counts: Sequence[Sequence[int]], classes: Sequence[str], *, dark: bool
) -> alt.LayerChart:
    """Each cell its number, and the fuller the more of its row; classes without videos have none.

    Parameters:
        counts: (classes, classes) videos, row: true class, column: answer.
    """
    text = text_colour(dark=dark)
    measured = [(t, row) for t, row in zip(classes, counts, strict=True) if sum(row)]
    cells = [
        {"truth": truth, "answer": answer, "videos": n, "share": n / sum(row)}
        for truth, row in measured
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
        x=alt.X("answer:N", sort=names, axis=alt.Axis(labelAngle=-60, orient="top", **label)),
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
        .properties(height=_CELL * len(measured) + 110)
        .configure_view(strokeWidth=0)
    )


def reliability_data(reliability: Mapping[str, Sequence[float | None]]) -> pd.DataFrame:
    """One row a bin that has videos: its borders, its mean probability, share right, videos."""
    bins = len(reliability["videos"])
    columns = ["low", "high", "confidence", "accuracy", "videos"]
    places = range(bins)
    rows = zip(places, *(reliability[n] for n in ("confidence", "accuracy", "videos")), strict=True)
    return pd.DataFrame(
        [(k / bins, (k + 1) / bins, c, a, n) for k, c, a, n in rows if n], columns=columns
    )


def reliability_chart(
    reliability: Mapping[str, Sequence[float | None]], *, dark: bool
) -> alt.LayerChart:
    """Bars of how often answers of a certainty were right; on the dashed line they should end."""
    text = text_colour(dark=dark)
    axis = alt.Axis(
        labelColor=text, titleColor=text, format="%", grid=False, values=[0, 0.2, 0.4, 0.6, 0.8, 1]
    )
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(reliability_data(reliability)).encode(
        tooltip=[
            alt.Tooltip("confidence:Q", title="Mean probability", format=".1%"),
            alt.Tooltip("accuracy:Q", title="Were right", format=".1%"),
            alt.Tooltip("videos:Q", title="Videos"),
        ]
    )
    bars = base.mark_rect(color=HUE, opacity=0.75).encode(
        x=alt.X("low:Q", title="Probability of the answer", scale=scale, axis=axis),
        x2="high:Q",
        y=alt.Y("accuracy:Q", title="Were right", scale=alt.Scale(domain=[0, 1.08]), axis=axis),
        y2=alt.datum(0),
    )
    numbers = (
        base.mark_text(color=text, dy=-8, fontSize=13)
        .encode(x=alt.X("middle:Q", scale=scale), y="accuracy:Q", text="videos:Q")
        .transform_calculate(middle="(datum.low + datum.high) / 2")
    )
    line = (
        alt.Chart(pd.DataFrame({"low": [0, 1], "accuracy": [0, 1]}))
        .mark_line(color=text, strokeDash=[5, 4])
        .encode(x="low:Q", y="accuracy:Q")
    )
    return alt.layer(bars, line, numbers).properties(height=320).configure_view(strokeWidth=0)
