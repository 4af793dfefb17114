"""Says the answer to those who cannot see the page: a live region, read out when it changes."""

from __future__ import annotations

import streamlit as st

from action_recognition.dashboard.formatting import one_line
from action_recognition.recognition.formats import as_utf8

_component = st.components.v2.component(
    "action_recognition_announcer",
    html='<p role="status" aria-live="polite"></p>',
    css="p {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);}",
    js="""
    export default ({ parentElement, data }) => {
        const said = parentElement.querySelector('p');
        if (said.textContent !== data) said.textContent = data;
    }
    """,
)


def announce(text: str) -> None:
    """Draws the region; called at each run of a page, at the same place, for it must be there."""
    _component(key="announcer", data=as_utf8(one_line(text)))
