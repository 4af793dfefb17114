"""The model file: one HDF5 file with everything needed to use a trained network.

`docs/model-file.md` describes the layout. It contains no code, and nothing is looked up
elsewhere: a file from a stranger can be wrong, but it cannot run anything.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from action_recognition.clips import Preprocessing
from action_recognition.errors import ActionRecognitionError, ModelFileError
from action_recognition.models.architecture import Architecture
from action_recognition.models.model_parts import (
    check_names,
    read_descriptions,
    read_graphs,
    read_weights,
)
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.plain_hdf5 import PlainHDF5
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
FORMAT_VERSION = 10
_READABLE = (8, 9, FORMAT_VERSION)  # files of version 8 have no graphs, up to 9 no usual scores

_LARGEST = np.finfo(np.float16).max

SHIPPED, KINETICS = "shipped", "kinetics600"
SHIPPED_MODELS = {SHIPPED: "ucf101-hmdb51.h5", KINETICS: "kinetics600.h5"}


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
        check_names(names)
        if len(set(names)) != len(names):
            twice = next(name for name, count in Counter(names).items() if count > 1)
            raise ModelFileError(
                f"classes must differ from each other, but {twice!r} is there twice"
            )
        if not self.classes or len(names) != self.architecture.classes:
            raise ModelFileError(
                f"{len(names)} class names are given for a network "
                f"of {self.architecture.classes} classes"
            )
        for temperature in (self.temperature, self.window_temperature):
            if temperature is not None and not 0.01 <= temperature <= 100:
                raise ModelFileError(f"temperature is {temperature}, must be from 0.01 to 100")
        for rule in (self.open_set, self.window_open_set):
            if rule is not None and len(rule.usual) not in (0, len(self.classes)):
                raise ModelFileError(
                    f"its rule for none has usual scores of {len(rule.usual)} classes, "
                    f"but it knows {len(self.classes)}"
                )

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
        return _read(PlainHDF5(read_sealed(path)))
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
    with h5py.File(content, "w", userblock_size=SEAL_BYTES, libver="earliest") as file:
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


def _read(file: PlainHDF5) -> Model:
    found = file.attribute("format")
    if found != FORMAT:
        raise ModelFileError(
            "it is an HDF5 file, but not a model of this project "
            f"(its attribute 'format' is {_short(found)}, not {FORMAT!r})"
        )
    version = file.attribute("format_version")
    if version not in _READABLE:
        raise ModelFileError(
            f"it has format version {_short(version)}, but this release reads version "
            f"{FORMAT_VERSION}; train the model anew"
        )
    described = read_descriptions(file)
    preprocessing = Preprocessing.from_dict(described["preprocessing"])
    architecture = Architecture.from_dict(described["architecture"])
    weights = read_weights(file, architecture)
    inference = described["inference"]
    rules = {
        name: None if inference[name] is None else OpenSetRule.from_dict(inference[name])
        for name in ("open_set", "window_open_set")
    }
    window_temperature = inference["window_temperature"]
    return Model(
        network=StoredNetwork(architecture, weights, read_graphs(file)),
        classes=tuple(described["classes"]),
        preprocessing=preprocessing,
        temperature=float(inference["temperature"]),
        **rules,
        window_temperature=None if window_temperature is None else float(window_temperature),
        background=tuple(inference["background"]),
        metrics=described["metrics"],
        training=described["training"],
    )


def _short(value: str | int | None) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


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
