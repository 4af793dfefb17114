from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from action_recognition.errors import ModelFileError
from action_recognition.initialisation import initialise, load_imagenet
from action_recognition.layers import SpatialConv
from action_recognition.models.hybridnet import Architecture, HybridNet
from action_recognition.models.model_file import Model, load_model
from tiny_network import TINY

SMALL = Architecture(
    classes=2,
    stem=4,
    stages=((1, 6, 1, 1), (3, 8, 2, 2), (2, 10, 1, 2)),
    features=12,
    temporal_from=6,
    shared_blocks=2,
    lstm=5,
    gru=4,
)

Weights = dict[str, np.ndarray]


def random_weights(architecture: Architecture, seed: int = 0) -> Weights:
    """Weights of MobileNetV2's layout, in the order in which data meets them."""
    rng = np.random.default_rng(seed)
    shapes = [(architecture.stem, 3, 3, 3)]
    inputs = architecture.stem
    for expansion, channels, repeats, _ in architecture.stages:
        for _ in range(repeats):
            hidden = inputs * expansion
            if expansion > 1:
                shapes.append((hidden, inputs, 1, 1))
            shapes += [(hidden, 1, 3, 3), (channels, hidden, 1, 1)]
            inputs = channels
    shapes.append((architecture.features, inputs, 1, 1))
    weights: Weights = {}
    for k, shape in enumerate(shapes):
        scale = np.sqrt(2 / np.prod(shape[1:]))
        weights[f"conv{k}.weight"] = rng.normal(0, scale, shape).astype(np.float16)
        weights[f"conv{k}.bias"] = rng.normal(0.1, 0.2, shape[0]).astype(np.float16)
    return weights


def mobilenet_v2(picture: torch.Tensor, weights: Weights, stages) -> torch.Tensor:
    """MobileNetV2 of one picture (1, 3, H, W) -> features, written apart from the package."""
    position = 0

    def conv(x: torch.Tensor, stride: int = 1, active: bool = True) -> torch.Tensor:
        nonlocal position
        w = torch.from_numpy(weights[f"conv{position}.weight"]).float()
        b = torch.from_numpy(weights[f"conv{position}.bias"]).float()
        position += 1
        pads = []
        for side in (x.shape[3], x.shape[2]):
            total = max((-(-side // stride) - 1) * stride + w.shape[2] - side, 0)
            pads += [total // 2, total - total // 2]
        x = F.conv2d(F.pad(x, pads), w, b, stride, groups=x.shape[1] // w.shape[1])
        return x.clamp(0, 6) if active else x

    x = conv(picture, stride=2)
    for expansion, channels, repeats, first_stride in stages:
        for k in range(repeats):
            stride = first_stride if k == 0 else 1
            y = conv(x) if expansion > 1 else x
            y = conv(conv(y, stride), active=False)
            x = x + y if stride == 1 and x.shape[1] == channels else y
    return conv(x).mean((2, 3))


def still_clip_equals_picture(architecture: Architecture, weights: Weights, path: Path) -> None:
    network = HybridNet(architecture)
    load_imagenet(network, path)
    network.eval()
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    clip = picture[:, :, None].expand(-1, -1, 3, -1, -1)
    with torch.no_grad():
        seen, change = network.frame_features(clip).chunk(2, dim=2)
        expected = mobilenet_v2(picture, weights, architecture.stages)
        nothing = mobilenet_v2(torch.zeros_like(picture), weights, architecture.stages)
    assert expected.abs().max() > 0.1
    for frame in range(3):
        torch.testing.assert_close(seen[:, frame], expected, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(change[:, frame], nothing, atol=1e-3, rtol=1e-3)


def test_still_clip_gives_what_the_2d_network_gives(tmp_path: Path) -> None:
    weights = random_weights(SMALL)
    np.savez(tmp_path / "w.npz", **weights)
    still_clip_equals_picture(SMALL, weights, tmp_path / "w.npz")


def test_the_public_imagenet_weights(shared_dir: Path) -> None:
    path = shared_dir / "weights" / "mobilenet_v2_imagenet" / "mobilenet_v2_1.0_224.fp16.npz"
    if not path.exists():
        pytest.skip("needs the ImageNet weights in ../shared/weights")
    with np.load(path, allow_pickle=False) as file:
        weights = {key: file[key] for key in file.files}
    still_clip_equals_picture(Architecture(classes=2), weights, path)


def test_initialise_from_npz_says_so(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **random_weights(SMALL))
    line = initialise(HybridNet(SMALL), tmp_path / "w.npz")
    assert line == "ImageNet MobileNetV2 (w.npz)"


def wrong_files() -> dict[str, Weights]:
    good = random_weights(SMALL)
    key = "conv3.weight"
    return {
        "missing": {k: v for k, v in good.items() if k != key},
        "shape": good | {key: good[key][:, :, 0]},
        "bias": good | {"conv3.bias": good["conv3.bias"][:1]},  # would broadcast
        "nan": good | {key: good[key] * np.float16("nan")},
        "text": good | {key: np.array("text")},
        "object": good | {key: np.array([{}], dtype=object)},
    }


@pytest.mark.parametrize("name", wrong_files())
def test_wrong_weights_are_named_and_change_nothing(tmp_path: Path, name: str) -> None:
    """Guards: a wrong layer in the middle left a network of which half was replaced."""
    np.savez(tmp_path / "w.npz", **wrong_files()[name])
    network = HybridNet(SMALL)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with pytest.raises(ModelFileError, match=r"^w\.npz: "):
        load_imagenet(network, tmp_path / "w.npz")
    for key, values in network.state_dict().items():
        assert torch.equal(values, before[key]), key


@pytest.mark.parametrize("kind", ["empty", "text", "pickle", "npy", "cut", "flipped", "folder"])
def test_no_weights_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "w.npz"
    np.savez_compressed(path, **random_weights(SMALL))
    data = path.read_bytes()
    if kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        path.write_bytes(
            {
                "empty": b"",
                "text": b"no weights\n" * 9,
                "pickle": b"\x80\x04\x95\x05\0\0\0\0\0\0\0}\x94.",
                "cut": data[: len(data) // 2],
                "flipped": data[:100] + bytes(b ^ 255 for b in data[100:140]) + data[140:],
            }[kind]
        )
    with pytest.raises(ModelFileError, match=r"^w\.npz: "):
        load_imagenet(HybridNet(SMALL), path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"w\.npz: there is no such file"):
        initialise(HybridNet(SMALL), tmp_path / "w.npz")
    with pytest.raises(ModelFileError, match=r"m\.h5: there is no such model file"):
        initialise(HybridNet(SMALL), tmp_path / "m.h5")


def test_from_a_model_file_of_the_same_shape(tiny_model: Model, tiny_model_path: Path) -> None:
    network = HybridNet(TINY)
    line = initialise(network, tiny_model_path)
    stored = load_model(tiny_model_path).network.state_dict()
    tensors = f"{len(stored)} of {len(stored)} tensors"
    assert line == f"tiny.h5 ({tensors}), which started from unknown weights"
    for key, values in network.state_dict().items():
        assert torch.equal(values, stored[key]), key


def test_from_a_model_of_other_classes_all_but_the_dense_layer(tiny_model_path: Path) -> None:
    """Guards: a bias of equal length must not be taken without its weight."""
    network = HybridNet(replace(TINY, classes=5))
    dense = {k: v.clone() for k, v in network.dense.state_dict().items()}
    line = initialise(network, tiny_model_path)
    stored = load_model(tiny_model_path).network.state_dict()
    assert line.startswith(f"tiny.h5 ({len(stored) - 2} of {len(stored)} tensors), ")
    for key, values in network.state_dict().items():
        if key.startswith("dense."):
            assert torch.equal(values, dense[key.removeprefix("dense.")])
        else:
            assert torch.equal(values, stored[key]), key


def test_dense_bias_without_its_weight_is_left(tiny_model_path: Path) -> None:
    network = HybridNet(replace(TINY, gru=8))
    before = network.dense.bias.clone()
    initialise(network, tiny_model_path)
    assert torch.equal(network.dense.bias, before)


def test_model_of_another_trunk_is_refused(tiny_model_path: Path) -> None:
    other = replace(TINY, stem=10, stages=((1, 9, 1, 1), (3, 17, 1, 2)))
    with pytest.raises(ModelFileError, match=r"tiny\.h5: its trunk has another architecture"):
        initialise(HybridNet(other), tiny_model_path)


def test_layers_are_met_in_the_order_of_the_file() -> None:
    network = HybridNet(replace(SMALL, difference=False))
    shapes = [m.conv.weight.shape for m in network.modules() if isinstance(m, SpatialConv)]
    weights = random_weights(SMALL)
    assert shapes == [weights[f"conv{k}.weight"].shape for k in range(len(shapes))]
    assert len(weights) == 2 * len(shapes)
