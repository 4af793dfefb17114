"""The model file: one HDF5 file with everything needed to use a trained network.

`docs/model-file.md` describes the layout. It contains no code, and nothing is looked up
elsewhere: a file from a stranger can be wrong, but it cannot run anything.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from action_recognition.clips import Preprocessing
from action_recognition.errors import ActionRecognitionError, ModelFileError
from action_recognition.models.architecture import Architecture, weight_shapes
from action_recognition.models.graph_check import check_graph
from action_recognition.models.graph_names import Graphs
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.sealed_file import SEAL_BYTES, read_sealed, write_sealed
from action_recognition.models.stored_network import (
    StoredNetwork,
    serve_each_other,
    stored,
    with_graphs,
)

if TYPE_CHECKING:
    from action_recognition.models.hybridnet import HybridNet

FORMAT = "action-recognition model"
FORMAT_VERSION = 9
_READABLE = (8, FORMAT_VERSION)  # files of version 8 have no graphs

# A description of this size is no description. Bounds what a damaged file can make us read.
_MAX_TEXT_BYTES = 16 * 2**20
_MAX_PARAMETERS = 500_000_000
_LARGEST = np.finfo(np.float16).max
_MAX_GRAPH_BYTES = 16 * 2**20

SHIPPED, KINETICS = "shipped", "kinetics600"
SHIPPED_MODELS = {SHIPPED: "ucf101-hmdb51.h5", KINETICS: "kinetics600.h5"}

_DESCRIPTIONS = ("classes", "architecture", "preprocessing", "inference", "metrics", "training")


@dataclass(frozen=True)
class Model:
    """A trained network with everything that belongs to it.

    Parameters:
        network: the network as it was stored, or one of PyTorch, on the CPU, in eval mode.
        classes: class names in the order of the logits.
        preprocessing: how a video becomes the network's input.
        temperature: divisor of a video's logits that calibrates the probabilities; greater than 0.
        open_set: the rule for "none of these"; None: every video is classified as a known action.
        window_temperature, window_open_set: the same for a single window, that is, a moment of a
            timeline or of live video; None: as for a whole video.
        background: names of the background classes, learned as examples of other actions; their
            logits follow those of `classes`, and only the open-set rule reads them.
        metrics: metrics on the test split, as measured by `evaluate`; empty if not measured.
        training: record of the training: data, seed, versions, settings, notes.
    """

    network: HybridNet | StoredNetwork
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: float = 1.0
    open_set: OpenSetRule | None = None
    window_temperature: float | None = None
    window_open_set: OpenSetRule | None = None
    background: tuple[str, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = (*self.classes, *self.background)
        if len(set(names)) != len(names):
            raise ModelFileError(f"classes must differ from each other, but are {names}")
        if not self.classes or len(names) != self.architecture.classes:
            raise ModelFileError(
                f"{len(names)} class names are given for a network "
                f"of {self.architecture.classes} classes"
            )
        for temperature in (self.temperature, self.window_temperature):
            if temperature is not None and not 0.01 <= temperature <= 100:
                raise ModelFileError(f"temperature is {temperature}, must be from 0.01 to 100")

    @property
    def architecture(self) -> Architecture:
        """The settings of the network."""
        return self.network.architecture

    @property
    def parameters(self) -> int:
        """The number of weights that were learned."""
        weights = stored(self.network).weights
        return sum(w.size for name, w in weights.items() if name != "typical")


def find_model(name: str | Path | None) -> Path:
    """The model file for "shipped" or None, for "kinetics600", or for the path of a file."""
    if name is None or str(name) in SHIPPED_MODELS:
        folder = resources.files("action_recognition") / "weights"
        return Path(str(folder / SHIPPED_MODELS[str(name or SHIPPED)]))
    return Path(name)


def save_model(model: Model, path: str | Path) -> None:
    """Writes a model file. An interruption at any point leaves an existing file intact.

    Weights are stored as float16: this halves the size, and predictions agree to three digits.

    Raises:
        ModelFileError: the file cannot be written, is read-only or held by another program, or a
            weight is not a finite float16 number.
    """
    path = Path(path)
    try:
        write_sealed(path, _to_hdf5(model))
    except ModelFileError as error:
        raise ModelFileError(f"{path.name}: {error}") from None
    except OSError as error:
        reason = error.strerror or error
        raise ModelFileError(f"{path.name}: the model cannot be written ({reason})") from None


def load_model(path: str | Path) -> Model:
    """Reads a model file, also one that another program has open or locked.

    Raises:
        ModelFileError: the file does not exist, is not a model file of a known version, is
            damaged, or has a missing or invalid entry; the message names the entry.
    """
    path = Path(path)
    if not path.exists():
        raise ModelFileError(f"{path.name}: there is no such model file")
    try:
        # HDF5 opens in memory what was read once: the bytes that the seal proves are those that are
        # used, and no lock is asked for, which others may have or the file system may not know.
        with h5py.File.in_memory(read_sealed(path)) as file:
            return _read(file)
    except ActionRecognitionError as error:
        raise ModelFileError(f"{path.name}: {error}") from None
    except (
        OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, OverflowError
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: the model file is damaged ({error})") from None


def network_with_graphs(model: Model) -> StoredNetwork:
    """The network with its graphs: its own, or those of a shipped model, or exported."""
    network, size = stored(model.network), model.preprocessing.size
    for name in SHIPPED_MODELS if network.graphs is None else ():
        shipped = load_model(find_model(name))
        if size == shipped.preprocessing.size and serve_each_other(
            shipped.architecture, network.architecture
        ):
            return replace(network, graphs=stored(shipped.network).graphs)
    return with_graphs(network, size)


def _to_hdf5(model: Model) -> bytes:
    network = network_with_graphs(model)
    weights = {name: _to_float16(name, w) for name, w in network.weights.items()}
    inference: dict[str, Any] = {
        "temperature": model.temperature,
        "open_set": None if model.open_set is None else model.open_set.to_dict(),
        "window_temperature": model.window_temperature,
        "window_open_set": (
            None if model.window_open_set is None else model.window_open_set.to_dict()
        ),
        "background": list(model.background),
    }
    texts = {
        "classes": json.dumps(list(model.classes)),
        "architecture": json.dumps(model.architecture.to_dict()),
        "preprocessing": json.dumps(model.preprocessing.to_dict()),
        "inference": json.dumps(inference),
        "metrics": json.dumps(dict(model.metrics)),
        "training": json.dumps(dict(model.training)),
    }
    content = io.BytesIO()
    with h5py.File(content, "w", userblock_size=SEAL_BYTES) as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        for key, text in texts.items():
            file.create_dataset(f"description/{key}", data=text)
        for key, values in weights.items():
            file.create_dataset(f"weights/{key}", data=values)
        if network.graphs is not None:
            for key, graph in network.graphs._asdict().items():
                file.create_dataset(f"graphs/{key}", data=np.frombuffer(graph, np.uint8))
    return content.getvalue()


def _read(file: h5py.File) -> Model:
    found = file.attrs.get("format")
    if found != FORMAT:
        raise ModelFileError(
            "it is an HDF5 file, but not a model of this project "
            f"(its attribute 'format' is {found!r}, not {FORMAT!r})"
        )
    version = file.attrs.get("format_version")
    if version not in _READABLE:
        raise ModelFileError(
            f"it has format version {version}, but this release reads version {FORMAT_VERSION}; "
            "train the model anew"
        )
    described = {key: _parse(key, _read_text(file, key)) for key in _DESCRIPTIONS}
    preprocessing = Preprocessing.from_dict(described["preprocessing"])
    architecture = Architecture.from_dict(described["architecture"])
    shapes = weight_shapes(architecture)
    if sum(map(math.prod, shapes.values())) > _MAX_PARAMETERS:
        raise ModelFileError("its architecture has more parameters than this release loads")
    weights = {key: _read_weight(file, key, shape) for key, shape in shapes.items()}
    extra = sorted(set(_leaves(file["weights"])) - set(weights))
    if extra:
        raise ModelFileError(f"it holds a weight that its architecture does not have: {extra[0]}")
    inference = described["inference"]
    rules = {
        name: None if inference[name] is None else OpenSetRule.from_dict(inference[name])
        for name in ("open_set", "window_open_set")
    }
    window_temperature = inference["window_temperature"]
    return Model(
        network=StoredNetwork(architecture, weights, _read_graphs(file)),
        classes=tuple(str(c) for c in described["classes"]),
        preprocessing=preprocessing,
        temperature=float(inference["temperature"]),
        **rules,
        window_temperature=None if window_temperature is None else float(window_temperature),
        background=tuple(str(c) for c in inference["background"]),
        metrics=described["metrics"],
        training=described["training"],
    )


def _to_float16(name: str, weight: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with np.errstate(over="ignore"):
        rounded = weight.astype(np.float16)
    if not np.isfinite(rounded).all():
        worst = weight[~np.isfinite(rounded)][0]
        raise ModelFileError(
            f"weight {name} has values that are not finite float16 numbers ({worst:g}; the largest "
            f"is {_LARGEST:g}): its training has diverged; try a lower learning rate"
        )
    return rounded


def _read_text(file: h5py.File, key: str) -> str:
    node = file.get(f"description/{key}")
    if not isinstance(node, h5py.Dataset) or node.shape != () or node.dtype.kind != "O":
        raise ModelFileError(f"description/{key} is missing or not a text")
    raw = node[()]
    if len(raw) > _MAX_TEXT_BYTES:
        raise ModelFileError(f"description/{key} is too long")
    try:
        return bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise ModelFileError(f"description/{key} is not UTF-8 text") from None


def _parse(key: str, text: str) -> Any:
    wanted = list if key == "classes" else dict
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        raise ModelFileError(f"description/{key} is not JSON") from None
    if not isinstance(value, wanted):
        raise ModelFileError(f"description/{key} is not a JSON {wanted.__name__}")
    return value


def _read_weight(file: h5py.File, key: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    node = file.get(f"weights/{key}")
    if not isinstance(node, h5py.Dataset):
        raise ModelFileError(f"the weight {key} is missing")
    if node.shape != shape:
        raise ModelFileError(
            f"the weight {key} has shape {node.shape}, but its architecture needs {shape}"
        )
    if node.dtype.kind not in "fi":
        raise ModelFileError(f"the weight {key} has type {node.dtype}, not a number")
    if node.external or node.is_virtual or node.id.get_storage_size() != node.nbytes:
        raise ModelFileError(f"the weight {key} does not lie in the file as plain numbers")
    values = np.asarray(node[()])
    if values.dtype.kind == "f" and not math.isfinite(float(np.abs(values).max(initial=0.0))):
        raise ModelFileError(f"the weight {key} holds values that are not finite")
    return values


def _read_graphs(file: h5py.File) -> Graphs | None:
    if "graphs" not in file:
        return None
    found = {}
    for key in Graphs._fields:
        node = file.get(f"graphs/{key}")
        plain = isinstance(node, h5py.Dataset) and node.ndim == 1 and node.dtype == np.uint8
        if not plain or node.external or node.is_virtual or node.nbytes > _MAX_GRAPH_BYTES:
            raise ModelFileError(f"its graph {key} is missing or does not lie in it as plain bytes")
        found[key] = node[()].tobytes()
        check_graph(found[key])
    return Graphs(**found)


def _leaves(group: h5py.Group) -> list[str]:
    names: list[str] = []
    group.visititems(lambda n, o: names.append(n) if isinstance(o, h5py.Dataset) else None)
    return names
