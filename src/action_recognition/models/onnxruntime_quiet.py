"""ONNX Runtime, kept from reporting to its makers.

Imported plainly, version 1.32 writes an identification and a database into the home folder and
sends notes about the machine over the network, without asking. Who wants that sets
ORT_DISABLE_TELEMETRY=0.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as raised

__all__ = ["ort", "raised"]
