"""Colours of the charts, on a light and on a dark page."""

from __future__ import annotations

# One hue for all charts, and strength for the difference: readable without seeing colours, on a
# white and on a black page.
HUE = "#2f86d1"

_TEXT_ON_LIGHT, _TEXT_ON_DARK = "#1b2530", "#e7edf3"  # as in .streamlit/config.toml


def text_colour(*, dark: bool) -> str:
    """Of text on a page with a dark or light background."""
    return _TEXT_ON_DARK if dark else _TEXT_ON_LIGHT
