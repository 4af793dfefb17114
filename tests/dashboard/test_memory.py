"""The memory of the server does not grow with the number of visits."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("streamlit")

MADE_AS_STREAMLIT_DOES = """
from action_recognition.dashboard.memory import CLOSED_VISITS
from action_recognition.dashboard.server import middleware

middleware()
from streamlit.runtime.memory_session_storage import MemorySessionStorage

storage = MemorySessionStorage(ttl_seconds=120)
assert storage._cache.maxsize == CLOSED_VISITS, storage._cache.maxsize
assert storage._cache.ttl == 120
"""


def test_few_closed_visits_are_kept() -> None:
    # In a process of its own: it changes Streamlit.
    subprocess.run([sys.executable, "-c", MADE_AS_STREAMLIT_DOES], check=True)
