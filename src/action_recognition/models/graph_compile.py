"""Compiles a graph for this processor; what was compiled before is read from the cache.

Compiling takes half a second, reading what was compiled a tenth of it. A file in the cache is known
by what went into it, the processor and the version of OpenVINO, and sealed by a checksum.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.cache import cache_folder, write_cached
from action_recognition.errors import ModelFileError
from action_recognition.models.openvino_quiet import ov

# The answers of a processor with bfloat16 must be those of one without.
_SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
_KEPT = 8  # files in the cache, some 12 MB each
_SEAL_BYTES = 32

# What OpenVINO raises of a graph that makes no sense to it; the last, of a name that is no text.
REFUSALS = (RuntimeError, IndexError, TypeError, ValueError)


def compile_graph(graph: bytes, weights: Mapping[str, NDArray[Any]]) -> ov.CompiledModel:
    """Compiles a graph with its weights.

    Parameters:
        graph: the bytes of an ONNX model, some of whose inputs are weights.
        weights: by name; those that the graph does not name are left out.

    Raises:
        ModelFileError: the graph cannot be read or run, or does not fit its weights.
    """
    core = ov.Core()
    path = cache_folder() / "graphs" / f"{_key(core, graph, weights)}.blob"
    try:
        content = path.read_bytes()
        if content[:_SEAL_BYTES] == hashlib.sha256(content[_SEAL_BYTES:]).digest():
            return core.import_model(content[_SEAL_BYTES:], "CPU")
    except (OSError, RuntimeError):
        pass  # there is none yet, or it is not to be had
    try:
        model = core.read_model(graph)
    except REFUSALS as error:
        raise ModelFileError(f"its graph cannot be read ({first_line(error)})") from None
    try:
        _fill(model, weights)
        compiled = core.compile_model(model, "CPU", _SETTINGS)
    except REFUSALS as error:
        raise ModelFileError(f"its graph cannot be run ({first_line(error)})") from None
    blob = compiled.export_model().getvalue()
    write_cached(path, hashlib.sha256(blob).digest() + blob)
    _forget_old(path.parent)
    return compiled


def _fill(model: ov.Model, weights: Mapping[str, NDArray[Any]]) -> None:
    """Puts the weights in the place of the graph's inputs of the same names."""
    for node in list(model.get_parameters()):
        name = node.get_friendly_name()
        if name not in weights:
            continue
        values = np.asarray(weights[name], node.get_element_type().to_dtype())
        if tuple(node.get_partial_shape().to_shape()) != values.shape:
            raise ModelFileError(f"its graph does not fit its weight {name}")
        node.output(0).replace(ov.opset13.constant(values).output(0))
        model.remove_parameter(node)


def _key(core: ov.Core, graph: bytes, weights: Mapping[str, NDArray[Any]]) -> str:
    sha = hashlib.sha256(graph)
    processor = core.get_property("CPU", "FULL_DEVICE_NAME")
    sha.update(repr((ov.get_version(), processor, sorted(_SETTINGS.items()))).encode())
    for name, values in sorted(weights.items()):
        sha.update(repr((name, values.dtype.str, values.shape)).encode())
        sha.update(np.ascontiguousarray(values).data)
    return sha.hexdigest()


def _forget_old(folder: os.PathLike[str]) -> None:
    """Deletes all but the newest files: models change, and nobody cleans up."""
    try:
        with os.scandir(folder) as found:
            blobs = [(e.stat().st_mtime, e.path) for e in found if e.name.endswith(".blob")]
        for _, path in sorted(blobs)[:-_KEPT]:
            os.unlink(path)  # noqa: PTH108
    except OSError:
        pass


def first_line(error: Exception) -> str:
    """Of what OpenVINO says, the line that is no place in its source."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and os.sep not in line), "unknown reason")
