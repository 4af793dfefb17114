"""OpenVINO, kept from reporting to its makers.

Imported plainly, it writes an identification into the home folder and sends a note over the network
each time, without asking. Where the package that does so cannot be imported, it does without.
"""

from __future__ import annotations

import sys

_TELEMETRY = "openvino_telemetry"
_modules: dict[str, object] = sys.modules  # type: ignore[assignment]
_modules.setdefault(_TELEMETRY, None)  # which is how Python says that it cannot be imported

import openvino as ov  # noqa: E402

if _modules[_TELEMETRY] is None:  # who wants it otherwise in the same program can have it
    del _modules[_TELEMETRY]

__all__ = ["ov"]
