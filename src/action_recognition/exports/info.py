"""Reads what a model file or an export says of itself, without the libraries that run it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import h5py

from action_recognition.errors import ActionRecognitionError
from action_recognition.exports.export import ExportError
from action_recognition.exports.metadata import CLIP, KEY, metadata
from action_recognition.models.model_file import FORMAT, load_model
from action_recognition.models.protobuf import fields

_METADATA, _NAME, _VALUE = 14, 1, 2  # of ModelProto, of StringStringEntryProto
_LARGEST = 2**30  # bytes of a file
_LONGEST = 2**24  # bytes of a description


def read_info(path: str | Path) -> dict[str, Any]:
    """What a file says of itself: see `metadata`, with `format` and `bytes`.

    Parameters:
        path: a model file (.h5), or an export: .onnx, .xml of OpenVINO, .keras, .h5 of Keras, .pt2.

    Raises:
        ExportError: the file is not there, is none of them, or does not say.
        ModelFileError: it is a damaged model file.
    """
    path = Path(path)
    if not path.is_file():
        raise ExportError(f"{path.name}: there is no such file")
    size = path.stat().st_size
    if size > _LARGEST:
        raise ExportError(f"{path.name}: it has {size} bytes, too many for a model")
    try:
        found, text = _READERS[path.suffix](path)
    except KeyError:
        raise ExportError(f"{path.name}: it is neither a model nor an export of one") from None
    except ActionRecognitionError:
        raise
    except Exception as error:  # of four formats' readers
        raise ExportError(f"{path.name}: it cannot be read ({_line(error)})") from None
    if isinstance(text, dict):
        return {"format": found, "bytes": size, **text}
    try:
        described = json.loads(text) if len(text) <= _LONGEST else None
    except ValueError:
        described = None
    if not isinstance(described, dict):
        raise ExportError(f"{path.name}: it was not exported by this project")
    return {"format": found, "bytes": size, **described}


def _read_onnx(path: Path) -> tuple[str, str]:
    for number, entry in fields(path.read_bytes()):
        if number == _METADATA:
            pair = dict(fields(entry))
            if pair.get(_NAME) == KEY.encode():
                return "ONNX", pair[_VALUE].decode()
    return "ONNX", ""


def _read_openvino(path: Path) -> tuple[str, str]:
    found = ElementTree.parse(path).find(f"rt_info/{KEY}")
    return "OpenVINO", "" if found is None else found.get("value", "")


def _read_zip(name: str, member: str) -> Reader:
    def read(path: Path) -> tuple[str, str]:
        with zipfile.ZipFile(path) as archive:
            inside = [e for e in archive.infolist() if e.filename.endswith(member)]
            if len(inside) != 1 or inside[0].file_size > _LONGEST:
                return name, ""
            return name, archive.read(inside[0]).decode()

    return read


def _read_h5(path: Path) -> tuple[str, str | dict[str, Any]]:
    try:
        with h5py.File(path, locking=False) as file:
            if file.attrs.get("format") != FORMAT and "model_config" in file.attrs:
                return "Keras", str(file.attrs.get(KEY, ""))
    except OSError:
        pass  # what is wrong with it, the next line says
    model = load_model(path)
    facts = {"parameters": model.parameters, "metrics": dict(model.metrics)}
    return FORMAT, metadata(model, CLIP) | facts


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


Reader = Callable[[Path], tuple[str, str | dict[str, Any]]]
_READERS: dict[str, Reader] = {
    ".onnx": _read_onnx,
    ".xml": _read_openvino,
    ".keras": _read_zip("Keras", f"{KEY}.json"),
    ".h5": _read_h5,
    ".pt2": _read_zip("torch.export", f"/{KEY}"),
}
