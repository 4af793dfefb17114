"""A network as a model file holds it: no more than numbers, until PyTorch is asked for."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from action_recognition.errors import ModelFileError, UsageError
from action_recognition.models.architecture import Architecture
from action_recognition.models.graph_names import Graphs
from action_recognition.models.runtime import Runtime

if TYPE_CHECKING:
    from action_recognition.models.hybridnet import HybridNet


@dataclass(frozen=True)
class StoredNetwork:
    """A network that was read from a file.

    Parameters:
        architecture: its settings.
        weights: by their names in the network.
        graphs: its portable graphs; None: the file has none.
    """

    architecture: Architecture
    weights: Mapping[str, NDArray[Any]]
    graphs: Graphs | None = None

    def restored(self) -> HybridNet:
        """The network itself, on the CPU, in eval mode.

        Raises:
            ModelFileError: PyTorch is not installed.
        """
        try:
            import torch

            from action_recognition.models.hybridnet import HybridNet
        except ModuleNotFoundError as error:
            raise ModelFileError(
                "the network itself needs PyTorch: pip install 'action-recognition[train]' "
                f"({error.name} is not installed)"
            ) from None
        with torch.device("meta"):
            network = HybridNet(self.architecture)
        types = {name: values.dtype for name, values in network.state_dict().items()}
        network.load_state_dict(
            {name: torch.from_numpy(w).to(types[name]) for name, w in self.weights.items()},
            assign=True,
        )
        return network.eval()


def restored(network: HybridNet | StoredNetwork) -> HybridNet:
    """The network of PyTorch, see `StoredNetwork.restored`."""
    return network.restored() if isinstance(network, StoredNetwork) else network


def stored(network: HybridNet | StoredNetwork) -> StoredNetwork:
    """A network as a file would hold it, but with its weights as they are."""
    if isinstance(network, StoredNetwork):
        return network
    weights = {name: w.detach().cpu().numpy() for name, w in network.state_dict().items()}
    return StoredNetwork(network.architecture, weights)


def with_graphs(network: HybridNet | StoredNetwork, size: int) -> StoredNetwork:
    """A network with its graphs, which take half a minute to export where it has none yet.

    Parameters:
        size: side of its frames, in pixels.
    """
    found = stored(network)
    if found.graphs is not None:
        return found
    return replace(found, graphs=_export(found.architecture, size))


def serve_each_other(one: Architecture, other: Architecture) -> bool:
    """Whether the graphs of one serve the other: they are the same but for the classes."""
    return replace(one, classes=other.classes) == other


def _export(architecture: Architecture, size: int) -> Graphs | None:
    architecture = replace(architecture, classes=2)  # any will do
    from action_recognition.models.graph_export import export_graph
    from action_recognition.models.graph_heat_export import export_heat_graph

    return Graphs(export_graph(architecture, size), export_heat_graph(architecture, size))


def open_runtime(network: HybridNet | StoredNetwork, *, device: str = "auto") -> Runtime:
    """What runs a network: its graph on the CPU; PyTorch on a GPU, and where there is no graph.

    Parameters:
        device: "cpu", "cuda" or "auto" (a GPU if there is one and PyTorch is installed).

    Raises:
        ModelFileError: there is neither a graph nor PyTorch, or the graph cannot be run.
        UsageError: there is no such device.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device={device!r}, must be one of auto, cpu, cuda")
    if isinstance(network, StoredNetwork):
        on_gpu = device == "cuda" or (device == "auto" and _may_have_gpu())
        if network.graphs is not None and not on_gpu:
            from action_recognition.models.graph_runtime import GraphRuntime

            return GraphRuntime(network.graphs, network.weights, network.architecture)
        network = network.restored()
    from action_recognition.models.torch_runtime import TorchRuntime

    return TorchRuntime(network, device=device)


def _may_have_gpu() -> bool:
    """Whether it is worth asking PyTorch, which takes seconds to load."""
    driver = Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None
    return driver and importlib.util.find_spec("torch") is not None
