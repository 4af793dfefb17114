"""The memory of the server does not grow with its visits, or by more than an upload."""

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

import copy
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

file = UploadedFile(UploadedFileRec("id", "film.mp4", "video/mp4", b"film"), FileURLs())
copied = copy.deepcopy(file)
assert copied is not file
assert copied == file
assert copied.getvalue() is file.getvalue()
assert (copied.name, copied.type, copied.size) == ("film.mp4", "video/mp4", 4)
"""


def test_few_closed_visits_are_kept_and_uploads_are_not_copied() -> None:
    # In a process of its own: it changes Streamlit.
    subprocess.run([sys.executable, "-c", MADE_AS_STREAMLIT_DOES], check=True)


def test_freed_memory_is_given_back_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    from action_recognition.dashboard.memory import give_back

    give_back()
    monkeypatch.setattr(sys, "platform", "darwin")
    give_back()
