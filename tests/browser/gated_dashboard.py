"""The dashboard with a network that waits for a file, so that a test can look at the waiting page.

The variable GATE names the file. Each prediction that begins is a line in a file beside it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from action_recognition.dashboard.app import main
from action_recognition.recognition.recognizer import Recognizer

_MAX_WAIT_S = 90.0  # a test that fails leaves no server behind that waits for ever


def _close_gate(gate: Path) -> None:
    predict = Recognizer.predict

    def gated(self: Recognizer, *arguments: Any, **settings: Any) -> Any:
        with gate.with_suffix(".begun").open("a") as begun:
            begun.write(f"{settings['name']}\n")
        deadline = time.monotonic() + _MAX_WAIT_S
        while not gate.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return predict(self, *arguments, **settings)

    Recognizer.predict = gated  # type: ignore[method-assign]


if __name__ == "__main__":  # Streamlit runs it anew at each interaction
    if Recognizer.predict.__name__ != "gated":
        _close_gate(Path(os.environ["GATE"]))
    main()
