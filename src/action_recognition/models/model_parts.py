"""The parts of a model file, each checked before it is used: a stranger's can hold anything."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import ModelFileError
from action_recognition.models.architecture import Architecture, weight_shapes
from action_recognition.models.graph_check import MAX_GRAPH_BYTES, check_graph, is_shipped
from action_recognition.models.graph_names import Graphs
from action_recognition.models.hdf5_values import NotPlainError
from action_recognition.models.plain_hdf5 import PlainHDF5
from action_recognition.models.record_check import (
    check_metrics,
    check_plain,
    check_training,
    is_half,
)

DESCRIPTIONS = ("classes", "architecture", "preprocessing", "inference", "metrics", "training")

# What these bounds allow, loading keeps in some hundred megabytes.
_MAX_TEXT_BYTES = 4 * 2**20
_MAX_PARAMETERS = 100_000_000
_MAX_NAME = 500  # characters


def read_descriptions(file: PlainHDF5) -> dict[str, Any]:
    """The descriptions by name, those that are shown with the types that they must have.

    Raises:
        ModelFileError: one is missing, or is not what it must be.
    """
    found = {key: _parse(key, _read_text(file, key)) for key in DESCRIPTIONS}
    for key, value in found.items():
        check_plain(value, f"description/{key}")
    check_names(found["classes"])
    background = found["inference"].get("background")
    if not isinstance(background, list):
        raise ModelFileError("description/inference: background is missing or not a list")
    check_names(background)
    check_metrics(found["metrics"], len(found["classes"]))
    check_training(found["training"])
    return found


def check_names(names: Iterable[object]) -> None:
    """Checks that names of classes can be shown.

    Raises:
        ModelFileError: one is not a text, is empty, is too long, or has control characters.
    """
    for name in names:
        good = isinstance(name, str) and 0 < len(name) <= _MAX_NAME and bool(name.strip())
        # Cc: control, Zl and Zp: new lines
        kinds = {unicodedata.category(c) for c in str(name)}
        if not good or kinds & {"Cc", "Zl", "Zp"} or any(map(is_half, str(name))):
            raise ModelFileError(
                f"a class is called {ascii(name)[:60]}, which is not a name of 1 to {_MAX_NAME} "
                "printable characters"
            )


def read_weights(file: PlainHDF5, architecture: Architecture) -> dict[str, NDArray[Any]]:
    """The weights that an architecture has, by name.

    Raises:
        ModelFileError: one is missing, is not as the architecture needs it, or is one too many.
    """
    shapes = weight_shapes(architecture)
    if sum(map(math.prod, shapes.values())) > _MAX_PARAMETERS:
        raise ModelFileError("its architecture has more parameters than this release loads")
    weights = {key: _read_weight(file, key, shape) for key, shape in shapes.items()}
    expected = {f"weights/{key}" for key in weights}
    expected |= {f"description/{key}" for key in DESCRIPTIONS}
    expected |= {"graphs", *(f"graphs/{key}" for key in Graphs._fields)}
    for name in sorted(file.values.keys() - expected):
        if name.startswith("weights/"):
            name = name.removeprefix("weights/")
            raise ModelFileError(f"it holds a weight that its architecture does not have: {name}")
        raise ModelFileError(f"it holds an entry that model files do not have: {name}")
    return weights


def read_graphs(file: PlainHDF5) -> Graphs | None:
    """The graphs; None: there are none.

    Raises:
        ModelFileError: one is missing, or is not such as this project exports.
    """
    if not any(name.partition("/")[0] == "graphs" for name in file.values):
        return None
    found = {}
    for key in Graphs._fields:
        values = None
        with suppress(NotPlainError):
            values = file.array(f"graphs/{key}")
        if values is None or values.ndim != 1 or values.dtype != np.uint8:
            raise ModelFileError(f"its graph {key} is missing or does not lie in it as plain bytes")
        if values.nbytes > MAX_GRAPH_BYTES:
            raise ModelFileError(f"its graph {key} is too long")
        found[key] = values.tobytes()
        if not is_shipped(found[key]):  # checking takes as long as a fourth of opening
            check_graph(found[key])
    return Graphs(**found)


def _read_text(file: PlainHDF5, key: str) -> str:
    raw = file.text(f"description/{key}")
    if raw is None:
        raise ModelFileError(f"description/{key} is missing or not a text")
    if len(raw) > _MAX_TEXT_BYTES:
        raise ModelFileError(f"description/{key} is too long")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ModelFileError(f"description/{key} is not UTF-8 text") from None


def _parse(key: str, text: str) -> Any:
    wanted = list if key == "classes" else dict
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ModelFileError(f"description/{key} is not JSON") from None
    if not isinstance(value, wanted):
        raise ModelFileError(f"description/{key} is not a JSON {wanted.__name__}")
    return value


def _read_weight(file: PlainHDF5, key: str, shape: tuple[int, ...]) -> NDArray[Any]:
    values = file.array(f"weights/{key}")
    if values is None:
        raise ModelFileError(f"the weight {key} is missing")
    if values.shape != shape:
        raise ModelFileError(
            f"the weight {key} has shape {values.shape}, but its architecture needs {shape}"
        )
    if values.dtype.kind != "f":
        raise ModelFileError(f"the weight {key} has type {values.dtype}, not a number")
    if not math.isfinite(float(np.abs(values).max(initial=0.0))):
        raise ModelFileError(f"the weight {key} holds values that are not finite")
    return values.copy()
