"""What makes the network quick, and what each way costs in accuracy, on the same clips.

    python benchmarks/inference_speed.py                          # generated clips
    python benchmarks/inference_speed.py --data ../shared/clips   # real ones
    python benchmarks/inference_speed.py --compile                # torch.compile too (minutes)

ONNX Runtime and OpenVINO take part where they are installed (`pip install onnx onnxruntime
openvino`); the project does not need them. Videos of five clips go through the network, decoded
before. The ways take turns, and the processor's time is counted, so that other programs disturb
little. Prints a Markdown table: median ms a clip, how many times as quick as plain float32, and
against that the largest change of a probability and the share of videos with the same answer.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.models.probabilities import video_probabilities
from action_recognition.clips import Preprocessing, read_clips, to_input
from action_recognition.inference import Inference, TorchParts
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, find_model, load_model
from action_recognition.video import Video
from predict_speed import write_clip

Clips = NDArray[np.uint8]  # (N, T, H, W, 3)
Way = Callable[[Clips], NDArray[np.float64]]  # clips -> logits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder with a folder of videos for each class")
    parser.add_argument("--videos", type=int, default=60, help="how many of them (default 60)")
    parser.add_argument("--model", help="model file (default: the shipped one)")
    parser.add_argument("--compile", action="store_true", help="torch.compile as well")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    model = load_model(find_model(options.model))
    videos = read(options.data, options.videos, model)
    ways = find_ways(model, videos[:: max(1, len(videos) // 8)], compiled=options.compile)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in ways}
    for way in ways.values():
        way(videos[0])  # the first run prepares
    for clips in videos:
        for name, way in ways.items():
            started = time.process_time()
            logits = way(clips)[:, : len(model.classes)]
            taken[name].append(1000 * (time.process_time() - started) / len(clips))
            found[name].append(video_probabilities(logits, model.temperature))
    exact = np.stack(next(iter(found.values())))
    base = statistics.median(next(iter(taken.values())))
    print(f"{len(videos)} videos, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| way | ms a clip | times as quick | largest change | same answer |")
    print("|---|---:|---:|---:|---:|")
    for name in ways:
        shares, median = np.stack(found[name]), statistics.median(taken[name])
        same = (shares.argmax(1) == exact.argmax(1)).mean()
        print(
            f"| {name} | {median:.0f} | {base / median:.1f} "
            f"| {abs(shares - exact).max():.4f} | {same:.1%} |"
        )


def read(data: str | None, count: int, model: Model) -> list[Clips]:
    with tempfile.TemporaryDirectory() as folder:
        if data is None:
            paths = [Path(write_clip(Path(folder) / "generated.avi"))]
        else:
            every = sorted(p for p in Path(data).glob("*/*") if p.is_file())
            paths = every[:: max(1, len(every) // count)][:count]
        clips = []
        for path in paths:
            with Video(path) as video:
                clips.append(read_clips(video, model.preprocessing, count=model.clips).frames)
        return clips if data is not None else clips * 10


def find_ways(model: Model, few: list[Clips], *, compiled: bool) -> dict[str, Way]:
    """Name -> way; int8 takes its scales from a few of the videos."""
    network, settings = model.network, model.preprocessing

    def quick(dtype: torch.dtype) -> Way:
        parts = TorchParts(network, dtype=dtype)
        inference = Inference(parts, settings, streams=network.architecture.streams)
        return lambda clips: inference.clips(clips)[0]

    bfloat16 = partial(run, network, settings, dtype=torch.bfloat16)
    ways: dict[str, Way] = {
        "float32": partial(run, network, settings, dtype=None),
        "bfloat16 autocast": bfloat16,
        "folded, fused, in small parts, float32": quick(torch.float32),
        "folded, fused, in small parts, bfloat16": quick(torch.bfloat16),
    }
    whole_video = ways["folded, fused, in small parts, bfloat16"]
    ways["the same, one clip at a time"] = lambda clips: np.concatenate(
        [whole_video(clips[k : k + 1]) for k in range(len(clips))]
    )
    if compiled:
        whole = torch.compile(network)
        ways["torch.compile, bfloat16"] = partial(run, whole, settings, dtype=torch.bfloat16)
    if find_spec("onnxruntime") and find_spec("onnx"):
        ways["ONNX Runtime, float32"] = onnx_runtime(network, settings)
        ways["ONNX Runtime, int8"] = onnx_runtime(network, settings, few)
    if find_spec("openvino"):
        for precision in ("f32", "bf16"):
            name = {"f32": "float32", "bf16": "bfloat16"}[precision]
            ways[f"OpenVINO, {name}"] = openvino(network, settings, precision)
    return ways


def run(
    network: Callable[[torch.Tensor], torch.Tensor],
    settings: Preprocessing,
    clips: Clips,
    *,
    dtype: torch.dtype | None,
) -> NDArray[np.float64]:
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=dtype is not None)
    with torch.inference_mode(), autocast:
        return network(to_input(clips, settings)).double().numpy()


def example(settings: Preprocessing) -> torch.Tensor:
    return torch.zeros(1, 3, settings.frames, settings.size, settings.size)


def onnx_runtime(
    network: HybridNet, settings: Preprocessing, few: list[Clips] | None = None
) -> Way:
    """In float32, or, with clips to take the scales from, in int8 (weights per channel)."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "network.onnx")
        torch.onnx.export(
            network, (example(settings),), path, dynamo=False, input_names=["clips"]
        )  # fmt: skip
        if few is not None:
            path = quantized(path, [to_input(clips[:1], settings).numpy() for clips in few])
        asked = onnxruntime.SessionOptions()
        asked.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(path, asked, providers=["CPUExecutionProvider"])

    def way(clips: Clips) -> NDArray[np.float64]:
        x = to_input(clips, settings).contiguous().numpy()
        # One by one: its LSTM takes no other number of clips than that of the export.
        rows = [session.run(None, {"clips": x[k : k + 1]})[0] for k in range(len(x))]
        return np.concatenate(rows).astype(np.float64)

    return way


def quantized(path: str, inputs: list[NDArray[np.float32]]) -> str:
    """The int8 file of an ONNX file; scales by the extremes over some inputs."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Inputs(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(inputs)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            x = next(self.left, None)
            return None if x is None else {"clips": np.ascontiguousarray(x)}

    prepared, small = f"{path}.prepared.onnx", f"{path}.int8.onnx"
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    quantization.quantize_static(
        prepared, small, Inputs(), per_channel=True, op_types_to_quantize=["Conv", "Add", "Clip"]
    )
    return small


def openvino(network: HybridNet, settings: Preprocessing, precision: str) -> Way:
    import openvino

    shape = [-1, *example(settings).shape[1:]]
    with torch.no_grad():
        converted = openvino.convert_model(network, example_input=example(settings), input=shape)
    asked = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": precision,
        "ENABLE_CPU_PINNING": False,
    }
    request = openvino.Core().compile_model(converted, "CPU", asked).create_infer_request()

    def way(clips: Clips) -> NDArray[np.float64]:
        x = to_input(clips, settings).contiguous().numpy()
        return np.asarray(request.infer([x])[0], dtype=np.float64)

    return way


if __name__ == "__main__":
    main()
