"""A damaged, foreign or hostile model file gives one ModelFileError that names what is wrong."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from action_recognition.clips import Preprocessing
from action_recognition.errors import ModelFileError
from action_recognition.models.model_file import Model, load_model
from action_recognition.models.open_set import OpenSetRule
from tiny_network import build_tiny_model, same, weights

pytestmark = pytest.mark.slow  # the whole file: some seconds

SEAL_BYTES = 512
SEAL = b"action-recognition model, sha256 of all after byte 512: "
RULE = {"energy": 0.5, "odds": 0.0, "threshold": -1.0, "slope": 2.0}


@pytest.fixture
def tiny_model(tiny_preprocessing: Preprocessing) -> Model:
    """With every part that a file can hold."""
    return replace(build_tiny_model(tiny_preprocessing), open_set=OpenSetRule(**RULE))


def refuse(path: Path, message: str) -> None:
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert str(caught.value).startswith(f"{path.name}: ")
    assert "\n" not in str(caught.value)


def edit(path: Path, change: Callable[[h5py.File], None]) -> None:
    """Changes the HDF5 file by hand, and seals it again, so that the parts are looked at."""
    with h5py.File(path, "r+") as file:
        change(file)
    seal_again(path, path.read_bytes()[SEAL_BYTES:])


def seal_again(path: Path, content: bytes) -> None:
    seal = SEAL + hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(seal.ljust(SEAL_BYTES, b"\0") + content)


def put(key: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[key]
        file[key] = value

    return change


def put_json(key: str, **values: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        described = json.loads(file[f"description/{key}"][()]) | values
        put(f"description/{key}", json.dumps(described))(file)

    return change


def put_attribute(key: str, value: object) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(key, value)


def drop_attribute(key: str) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__delitem__(key)


def drop(key: str) -> Callable[[h5py.File], None]:
    return lambda file: file.__delitem__(key)


def elsewhere(file: h5py.File) -> None:
    del file["weights/dense.bias"]
    file["weights"].create_dataset(
        "dense.bias", shape=(3,), dtype="f2", external=[("/etc/hostname", 0, 6)]
    )


def unwritten(file: h5py.File) -> None:
    del file["weights/dense.bias"]
    file["weights"].create_dataset("dense.bias", shape=(3,), dtype="f2", chunks=(1,))


ZEROS = np.zeros((3, 24), np.float16)
CHANGES = {
    "format": (put_attribute("format", "other"), "'format' is 'other'"),
    "no format": (drop_attribute("format"), "'format' is None"),
    "odd format": (put_attribute("format", np.arange(3)), "damaged|not a model of this project"),
    "version": (
        put_attribute("format_version", 99),
        "format version 99, .* reads version 10; train the model anew",
    ),
    "older version": (put_attribute("format_version", 7), "it has format version 7, but this"),
    "no version": (drop_attribute("format_version"), "it has format version None"),
    "wrong classes": (
        put("description/classes", '["a", "b", "c", "d"]'),
        "4 class names are given",
    ),
    "classes no list": (put("description/classes", "{}"), "description/classes is not a JSON list"),
    "classes no JSON": (put("description/classes", "["), "description/classes is not JSON"),
    "number for a text": (put("description/metrics", 7), "description/metrics is missing or not a"),
    "not UTF-8": (put("description/training", b"\xff\xfe"), "description/training is not"),
    "deep JSON": (put("description/metrics", "[" * 10**6), "damaged|not JSON"),
    "architecture": (put_json("architecture", colour=1), "Architecture: fields"),
    "architecture types": (put_json("architecture", layers=7), "damaged"),
    "architecture numbers": (put_json("architecture", window=4.0), r"Architecture: window=4\.0"),
    "architecture text": (put_json("architecture", lstm="many"), "damaged|Architecture: lstm"),
    "preprocessing": (put_json("preprocessing", size=3), "Preprocessing: size=3"),
    "temperature": (put_json("inference", temperature=-1), r"temperature is -1\.0"),
    "temperature text": (put_json("inference", temperature="hot"), "damaged"),
    "rule short": (put_json("inference", open_set={"threshold": 1}), "damaged"),
    "rule long": (put_json("inference", open_set=RULE | {"mood": 1}), "damaged"),
    "rule text": (put_json("inference", open_set=RULE | {"odds": "even"}), "damaged"),
    "rule": (put_json("inference", open_set=RULE | {"slope": -1}), r"slope=-1\.0 makes no sense"),
    "usual scores": (
        put_json("inference", open_set=RULE | {"usual": [1, 2]}),
        "scores of 2 classes",
    ),
    "usual no list": (put_json("inference", open_set=RULE | {"usual": 5}), "damaged"),
    "usual texts": (put_json("inference", open_set=RULE | {"usual": ["a", 1, 2]}), "damaged"),
    "usual NaN": (put_json("inference", open_set=RULE | {"usual": [np.nan, 1, 2]}), "usual=nan"),
    "rule NaN": (put_json("inference", open_set=RULE | {"threshold": np.nan}), "threshold=nan"),
    "weight missing": (drop("weights/dense.weight"), r"the weight dense\.weight is missing"),
    "weight shape": (put("weights/dense.weight", ZEROS.T), r"dense\.weight has shape \(24, 3\)"),
    "weight type": (put("weights/dense.weight", ZEROS.astype("S1")), r"dense\.weight has type"),
    "weight complex": (put("weights/dense.weight", ZEROS.astype("c8")), r"dense\.weight has type"),
    "weight NaN": (put("weights/dense.weight", ZEROS * np.nan), r"dense\.weight holds values"),
    "weight elsewhere": (elsewhere, r"dense\.bias does not lie in the file"),
    "weight unwritten": (unwritten, r"dense\.bias does not lie in the file"),
    "no weights": (drop("weights"), "the weight .* is missing"),
    "no description": (drop("description"), "description/classes is missing"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_wrong_part_is_named(tiny_model_path: Path, name: str) -> None:
    change, message = CHANGES[name]
    edit(tiny_model_path, change)
    refuse(tiny_model_path, message)


@pytest.mark.parametrize(
    "key", ["classes", "architecture", "preprocessing", "inference", "metrics", "training"]
)
def test_missing_description_is_named(tiny_model_path: Path, key: str) -> None:
    edit(tiny_model_path, drop(f"description/{key}"))
    refuse(tiny_model_path, f"description/{key} is missing")


@pytest.mark.slow
def test_every_missing_weight_is_named(tiny_model: Model, tiny_model_path: Path) -> None:
    data = tiny_model_path.read_bytes()
    for key in tiny_model.network.state_dict():
        tiny_model_path.write_bytes(data)
        edit(tiny_model_path, drop(f"weights/{key}"))
        refuse(tiny_model_path, f"the weight {key} is missing")


def test_extra_weight_is_named(tiny_model_path: Path) -> None:
    edit(tiny_model_path, lambda file: file.create_dataset("weights/back.door", data=1.0))
    refuse(tiny_model_path, r"does not have: back\.door")


def test_file_without_seal_is_refused(tiny_model_path: Path) -> None:
    tiny_model_path.write_bytes(tiny_model_path.read_bytes()[SEAL_BYTES:])
    refuse(tiny_model_path, "it is an HDF5 file, but not a model of this project")


def test_file_that_is_sealed_again_is_read(tiny_model_path: Path) -> None:
    edit(tiny_model_path, lambda file: None)
    assert load_model(tiny_model_path).classes == ("Jumping", "Reading", "Swimming")


def test_any_change_by_hand_breaks_the_seal(tiny_model_path: Path) -> None:
    with h5py.File(tiny_model_path, "r+") as file:
        file.attrs["note"] = "changed"
    refuse(tiny_model_path, "truncated, damaged or changed by hand")


@pytest.mark.parametrize(
    "sizes",
    [
        {"classes": 10**9},
        {"classes": 60_000, "gru": 60_000},
        {"lstm": 10**6},
        {"lstm": 60_000},
        {"features": 10**12},
        {"hidden": 65_000, "features": 65_000},
        {"layers": [[8, 10**9, 3, 3, 1]]},
        {"layers": [[65_000, 65_000, 7, 16, 1]] * 100},
        {"layers": [[8, 16, 3, 3, 1]] * 10**5},
    ],
)
@pytest.mark.timeout(60)
def test_hostile_sizes_cost_no_memory_and_no_time(tiny_model_path: Path, sizes: dict) -> None:
    """Guards: the network was built as large as the file claimed before its weights were read."""
    edit(tiny_model_path, put_json("architecture", **sizes))
    refuse(tiny_model_path, "Architecture: |more parameters than|the weight .*")


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_truncated(tiny_model_path: Path, share: float) -> None:
    data = tiny_model_path.read_bytes()
    tiny_model_path.write_bytes(data[: int(share * len(data))])
    refuse(tiny_model_path, "it is truncated, damaged or changed|it is not a model file")
    seal_again(tiny_model_path, data[SEAL_BYTES : int(share * len(data))])
    refuse(tiny_model_path, "it cannot be read|damaged|missing")  # though the seal says it is well


def test_changed_bytes_never_load_as_something_else(tiny_model_path: Path) -> None:
    """Guards: libhdf5 loops without end over some damaged metadata; damage is met before it."""
    data = tiny_model_path.read_bytes()
    whole = load_model(tiny_model_path)
    rng = random.Random(3)
    messages: list[str] = []
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(rng.choice([1, 1, 1, 5])):
            position = rng.randrange(rng.choice([600, 6000, len(data)]))
            changed[position] ^= 1 << rng.randrange(8)
        tiny_model_path.write_bytes(changed)
        try:
            loaded = load_model(tiny_model_path)
        except ModelFileError as error:
            messages.append(str(error))
        else:  # a byte that stands for nothing, in the padding of the seal
            assert same(weights(whole.network), weights(loaded.network))
    assert len(messages) > 100
    assert all(m.startswith("tiny.h5: ") for m in messages)


@pytest.mark.parametrize(
    "data", [b"", b"x", b"This is text.\n" * 50, bytes(5000), b"PK\x03\x04" + bytes(600)]
)
def test_no_hdf5_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.h5").write_bytes(data)
    refuse(tmp_path / "m.h5", "it is not a model file, or its beginning is damaged")


def test_hdf5_file_of_another_program(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "keras.h5", "w") as file:
        file.attrs["keras_version"] = "3.0"
        file.attrs["model_config"] = "{}"
        file["model_weights/dense/kernel:0"] = np.zeros((3, 3))
    refuse(tmp_path / "keras.h5", "it is an HDF5 file, but not a model of this project")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    refuse(tmp_path / "none.h5", "there is no such model file")
    (tmp_path / "folder.h5").mkdir()
    refuse(tmp_path / "folder.h5", "it cannot be read")
