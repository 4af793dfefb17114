"""Reads what a model file or an export says of itself, without the libraries that run it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from action_recognition.errors import ActionRecognitionError, ModelFileError
from action_recognition.exports.export import ExportError
from action_recognition.exports.metadata import CLIP, KEY, metadata
from action_recognition.files import read_regular
from action_recognition.models.model_file import FORMAT, load_model
from action_recognition.models.plain_hdf5 import PlainHDF5
from action_recognition.models.protobuf import fields
from action_recognition.models.record_check import check_plain

_METADATA, _NAME, _VALUE = 14, 1, 2  # of ModelProto, of StringStringEntryProto
_LARGEST = 2**29  # bytes of a file
_LONGEST = 2**22  # bytes of a description
_LARGEST_XML = 2**25
_MOST_MEMBERS = 10_000
_MEMBER = b"PK\x01\x02"  # before the entry of each in a ZIP's directory


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
        check_plain(described, "its description")
    except (ValueError, RecursionError, ModelFileError):
        described = None
    if not isinstance(described, dict):
        raise ExportError(f"{path.name}: it was not exported by this project")
    return {"format": found, "bytes": size, **described}


def _read_onnx(path: Path) -> tuple[str, str]:
    for number, entry in fields(read_regular(path, _LARGEST)):
        if number == _METADATA:
            pair = dict(fields(entry))
            if pair.get(_NAME) == KEY.encode():
                return "ONNX", pair[_VALUE].decode()
    return "ONNX", ""


def _read_openvino(path: Path) -> tuple[str, str]:
    content = read_regular(path, _LARGEST_XML)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:  # what it stands for can be endless
        return "OpenVINO", ""
    found = ElementTree.fromstring(content).find(f"rt_info/{KEY}")
    return "OpenVINO", "" if found is None else found.get("value", "")


def _read_zip(name: str, member: str) -> Reader:
    def read(path: Path) -> tuple[str, str]:
        content = read_regular(path, _LARGEST)
        if content.count(_MEMBER) > _MOST_MEMBERS:
            return name, ""
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = [e for e in archive.infolist() if e.filename.endswith(member)]
            packed = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unfold without a bound
            if len(inside) != 1 or inside[0].compress_type not in packed:
                return name, ""
            with archive.open(inside[0]) as file:
                return name, file.read(_LONGEST + 1).decode()

    return read


def _read_h5(path: Path) -> tuple[str, str | dict[str, Any]]:
    with suppress(ActionRecognitionError):  # what is wrong with it, the next line says
        file = PlainHDF5(read_regular(path, _LARGEST))
        if file.attribute("format") != FORMAT and file.attribute("model_config") is not None:
            return "Keras", str(file.attribute(KEY) or "")
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
