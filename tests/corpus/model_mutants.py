"""Model files that a stranger could send: damaged and hostile ones, most of them with a right seal.

`mutants` makes them, `check` uses one as the product does.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from action_recognition import Recognizer
from action_recognition.clips import Preprocessing
from action_recognition.dashboard.charts.model import confusion_chart, reliability_chart
from action_recognition.dashboard.model_limits import limits
from action_recognition.dashboard.model_summary import (
    ModelSummary,
    class_table,
    layers,
    measurements,
)
from action_recognition.errors import ActionRecognitionError
from action_recognition.exports.info import read_info
from action_recognition.models import stored_network
from action_recognition.models.model_file import Model, find_model, load_model, save_model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.plain_hdf5 import PlainHDF5
from action_recognition.models.sealed_file import SEAL_BYTES
from tiny_network import build_tiny_model

_SEAL = b"action-recognition model, sha256 of all after byte 512: "
_GZIP = {"chunks": (2**20,), "compression": "gzip", "fillvalue": 0}
# What stands in the place of a value in a description.
_HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 10**9, 2**53, 10**30, 10**400, -1e308, 1e308, float("nan"), float("inf"),
    "", "x", "\0", "a\nb", "\x1b[2J", "\ud800", "<script>alert(1)</script>", "[a](b) `c` $d$",
    "x" * 10**5, [], [[]], {}, {"": {}}, {"value": "x"}, [None], [1, "2"], ["a"] * 70_000,
)  # fmt: skip


def mutants(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Files of all kinds, in turn.

    Returns:
        the name of the change, and the bytes of the whole file.
    """
    kinds = (_bits, _numbers, _described, _structure, _bits, _described, _graph, _cut)
    for k in range(count):
        rng = random.Random(seed * 1_000_003 + k)
        yield kinds[k % len(kinds)](rng)


def check(path: Path) -> str:
    """Loads, opens, runs and shows a model; "accepted", or the sentence that refuses it."""
    try:
        model = load_model(path)
        runtime = Recognizer(model, device="cpu").runtime
        side = model.preprocessing.size
        runtime.run(np.zeros((1, 2, side, side, 3), np.uint8))
        json.dumps(read_info(path)).encode()
    except ActionRecognitionError as error:
        if "\n" in str(error):
            raise ValueError(f"no sentence: {error}") from error
        return str(error)
    shown = [ModelSummary.of(model.classes).sentence(), layers(model.architecture), *limits(model)]
    shown += [name for name, _ in measurements(model)]
    "".join(shown).encode()
    class_table(model, model.classes)
    for _, figures in measurements(model):
        if figures.get("confusion") and len(model.classes) <= 25:
            confusion_chart(figures["confusion"], model.classes, dark=False).to_dict()
        if figures.get("reliability"):
            reliability_chart(figures["reliability"], dark=False).to_dict()
    return "accepted"


def sealed(content: bytes) -> bytes:
    """A file with the seal that belongs to its content, which begins with 512 other bytes."""
    seal = _SEAL + hashlib.sha256(content[SEAL_BYTES:]).hexdigest().encode()
    return seal.ljust(SEAL_BYTES, b"\0") + content[SEAL_BYTES:]


@cache
def tiny() -> bytes:
    """A small model with every part but graphs."""
    rule = OpenSetRule(0.5, 0.0, threshold=-1.0, slope=2.0)
    model = replace(build_tiny_model(Preprocessing(size=32)), open_set=rule, metrics=_metrics())
    sources = {"Jumping": ["UCF101"]}
    training = {"clips": {"train": {"Jumping": 3}}, "sources": sources, "note": "tiny"}
    return _bytes_of(replace(model, training=training))


def edited(change: Callable[[h5py.File], None]) -> bytes:
    """The small model after a change with h5py."""
    content = io.BytesIO(tiny())
    with h5py.File(content, "r+") as file:
        change(file)
    return sealed(content.getvalue())


def put(key: str, **how: Any) -> Callable[[h5py.File], None]:
    """Puts another data set in the place of one; the parameters are those of h5py."""

    def change(file: h5py.File) -> None:
        del file[key]
        file.create_dataset(key, **how)

    return change


def _link(link: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["weights/dense.bias"]
        file["weights/dense.bias"] = link

    return change


def _loop(file: h5py.File) -> None:
    file["weights/again"] = file["weights"]


def _committed(file: h5py.File) -> None:
    file["type"] = np.dtype("<f2")
    put("weights/dense.bias", shape=(3,), dtype=file["type"])(file)


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), np.float16)
    layout[:] = h5py.VirtualSource("/etc/hostname.h5", "x", (3,))
    del file["weights/dense.bias"]
    file["weights"].create_virtual_dataset("dense.bias", layout)


def _attribute(name: str, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(name, value)


BIAS = "weights/dense.bias"
STRUCTURES: dict[str, Callable[[h5py.File], None]] = {
    "soft link": _link(h5py.SoftLink("/weights/dense.bias")),
    "external link": _link(h5py.ExternalLink("/etc/hostname.h5", "x")),
    "loop": _loop,
    "external storage": put(BIAS, shape=(3,), dtype="f2", external=[("/etc/hostname", 0, 6)]),
    "virtual": _virtual,
    "bomb": put("description/metrics", shape=(2**31,), dtype="u1", **_GZIP),
    "bomb of a weight": put(BIAS, data=np.zeros(2**21, np.float16), **_GZIP),
    "shuffled": put(BIAS, data=np.zeros(3, np.float16), chunks=(3,), shuffle=True),
    "unknown filter": put(BIAS, shape=(3,), dtype="f2", chunks=(3,), fletcher32=True),
    "huge, unwritten": put(BIAS, shape=(10**13,), dtype="f2", chunks=(2**20,)),
    "references": put(BIAS, shape=(3,), dtype=h5py.ref_dtype),
    "region references": put(BIAS, shape=(3,), dtype=h5py.regionref_dtype),
    "committed type": _committed,
    "big-endian": put(BIAS, data=np.zeros(3, ">f2")),
    "float128": put(BIAS, data=np.zeros(3, np.longdouble)),
    "complex": put(BIAS, data=np.zeros(3, np.complex64)),
    "bool": put(BIAS, data=np.zeros(3, bool)),
    "empty": put(BIAS, data=np.zeros(0, np.float16)),
    "null": put(BIAS, data=h5py.Empty("f2")),
    "many texts": put("description/classes", data=["a"] * 10**5),
    "huge text": put("description/training", data='"' + "x" * 2**23 + '"'),
    "long attribute": _attribute("format", np.zeros(8000)),
    "text attribute": _attribute("format", "x" * 60_000),
    "extra group": lambda file: file.create_group("weights/more").create_group("x").__len__(),
    "many entries": lambda file: [file.create_group(f"g{k}") for k in range(300)].clear(),
}


def _structure(rng: random.Random) -> tuple[str, bytes]:
    name = rng.choice(list(STRUCTURES))
    data = edited(STRUCTURES[name])
    if rng.random() < 0.5:
        return name, data
    return f"{name}, bits", _flipped(rng, data)


def _bits(rng: random.Random) -> tuple[str, bytes]:
    return "bits", _flipped(rng, tiny())


def _flipped(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        changed[_place(rng, data)] ^= 1 << rng.randrange(8)
    return sealed(bytes(changed))


def _numbers(rng: random.Random) -> tuple[str, bytes]:
    """A word in the metadata becomes an extreme one, or one that is another place of the file."""
    changed = bytearray(tiny())
    for _ in range(rng.choice([1, 1, 3])):
        place = _place(rng, changed) // 8 * 8
        value = rng.choice([0, 1, 2**16, 2**31, 2**32 - 1, 2**63, 2**64 - 1, rng.randrange(9999)])
        changed[place : place + 8] = struct.pack("<Q", value)
    return "numbers", sealed(bytes(changed[: len(tiny())]))


def _place(rng: random.Random, data: bytes | bytearray) -> int:
    """A byte after the seal, mostly where the structure of the file is told."""
    marks = [b"SNOD", b"TREE", b"HEAP", b"GCOL", b"\x89HDF"]
    found = bytes(data).find(rng.choice(marks), rng.randrange(SEAL_BYTES, len(data)))
    if found < 0 or rng.random() < 0.2:
        found = rng.randrange(SEAL_BYTES, len(data))
    return min(len(data) - 8, max(SEAL_BYTES, found + rng.randrange(-300, 400)))


def _described(rng: random.Random) -> tuple[str, bytes]:
    """Something in a description becomes something else."""
    key = rng.choice(["classes", "architecture", "preprocessing", "inference", "metrics"] * 2)
    if rng.random() < 0.1:
        key = "training"
    content = json.loads(PlainHDF5(tiny()).text(f"description/{key}") or b"")
    places = list(_places(content))
    holder, at = rng.choice(places)
    if rng.random() < 0.15 and isinstance(holder, dict):
        holder[rng.choice(["", "x", "\ud800"])] = holder.pop(at)
    else:
        holder[at] = rng.choice(_HOSTILE)
    text = json.dumps(content)
    if rng.random() < 0.1:
        raw = ['{"a":' * 5000, "[" * 10**5, text + text, text[:-1], "9" * 10**5, text + " " * 2**22]
        text = rng.choice(raw)
    return f"description/{key}", edited(put(f"description/{key}", data=text))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _graph(rng: random.Random) -> tuple[str, bytes]:
    """The graph of a shipped model, changed in place."""
    data = find_model("shipped").read_bytes()
    graph = PlainHDF5(data).array("graphs/network")
    assert graph is not None
    changed, start = bytearray(data), data.index(graph.tobytes())
    for _ in range(rng.choice([1, 1, 2, 20])):
        changed[start + rng.randrange(len(graph))] = rng.choice([0, 1, 8, 127, 255, *b"ACR_v1"])
    return "graph", sealed(bytes(changed))


def _cut(rng: random.Random) -> tuple[str, bytes]:
    data = tiny()[: rng.randrange(len(tiny()))]
    return ("cut, sealed", sealed(data)) if rng.random() < 0.7 else ("cut", data)


def _bytes_of(model: Model) -> bytes:
    export = stored_network._export
    stored_network._export = lambda architecture, size: None  # which takes half a minute
    try:
        with tempfile.TemporaryDirectory() as folder:
            save_model(model, Path(folder) / "m.h5")
            return (Path(folder) / "m.h5").read_bytes()
    finally:
        stored_network._export = export


def _metrics() -> dict[str, Any]:
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    row = {"class": "Jumping", "dataset": "UCF101", "precision": 0.5, "recall": 0.5, "f1": 0.5}
    figures = {
        "videos": 9,
        "overall": {"accuracy": figure, "macro-F1": figure},
        "per_class": [row | {"videos": 9}],
        "confusion": [[5, 4, 0], [0, 0, 0], [0, 0, 0]],
        "calibration_error": 0.1,
        "reliability": {
            "confidence": [0.5], "accuracy": [0.6], "videos": [9], "error by chance": [0.1, 0.2]
        },
        "open_set": {"refused": 0.5},
    }  # fmt: skip
    return figures | {"other_sources": figures}
