"""What was compiled is read from the cache, and no cache is needed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from action_recognition.models import graph_compile
from action_recognition.models.graph_compile import compile_graph
from action_recognition.models.openvino_quiet import ov

WEIGHTS = {"w": np.arange(3, dtype=np.float16), "not asked for": np.zeros(9, np.float16)}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACTION_RECOGNITION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[ov.Model]:
    """What had to be compiled, and was not in the cache."""
    found: list[ov.Model] = []
    real = ov.Core.compile_model

    def compile_model(self: ov.Core, model: ov.Model, *rest: object) -> ov.CompiledModel:
        found.append(model)
        return real(self, model, *rest)

    monkeypatch.setattr(ov.Core, "compile_model", compile_model)
    return found


def graph_of(operation: str = "Add") -> bytes:
    """x and the weight w -> y."""
    x, y, w = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)
        for name, sizes in (("x", ["n", 3]), ("y", ["n", 3]), ("w", [3]))
    )
    node = helper.make_node(operation, ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", [x, w], [y])
    opset = helper.make_opsetid("", 18)
    made: bytes = helper.make_model(graph, opset_imports=[opset]).SerializeToString()
    onnx.checker.check_model(made)
    return made


def ask(found: ov.CompiledModel) -> list[float]:
    (answer,) = found(np.full((1, 3), 2, np.float32)).values()
    return answer[0].tolist()


def test_weights_take_the_place_of_inputs(cache: Path) -> None:
    found = compile_graph(graph_of(), WEIGHTS)
    assert [port.any_name for port in found.inputs] == ["x"]
    assert ask(found) == [2, 3, 4]


def test_the_second_time_it_comes_from_the_cache(cache: Path, compiled: list[ov.Model]) -> None:
    first = compile_graph(graph_of(), WEIGHTS)
    assert [p.suffix for p in cache.iterdir()] == [".blob"]
    again = compile_graph(graph_of(), dict(reversed(WEIGHTS.items())))
    assert len(compiled) == 1
    assert ask(again) == ask(first) == [2, 3, 4]
    assert [port.any_name for port in again.inputs] == ["x"]
    assert [port.any_name for port in again.outputs] == ["y"]


def test_another_graph_or_weight_is_another(cache: Path, compiled: list[ov.Model]) -> None:
    assert ask(compile_graph(graph_of(), WEIGHTS)) == [2, 3, 4]
    assert ask(compile_graph(graph_of("Mul"), WEIGHTS)) == [0, 2, 4]
    other = WEIGHTS | {"w": np.float16([0, 1, 3])}
    assert ask(compile_graph(graph_of(), other)) == [2, 3, 5]
    whole = {name: values.astype(np.float32) for name, values in WEIGHTS.items()}
    assert ask(compile_graph(graph_of(), whole)) == [2, 3, 4]
    assert len(compiled) == len(list(cache.iterdir())) == 4


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "of another seal"])
def test_a_damaged_file_is_made_anew(cache: Path, compiled: list[ov.Model], damage: str) -> None:
    """Its seal says so, before OpenVINO reads it."""
    compile_graph(graph_of(), WEIGHTS)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[:-9],
            "changed": whole[:-9] + bytes(9),
            "empty": b"",
            "of another seal": bytes(32) + whole[32:],
        }[damage]
    )
    assert ask(compile_graph(graph_of(), WEIGHTS)) == [2, 3, 4]
    assert len(compiled) == 2
    assert path.stat().st_size > len(whole) // 2
    assert ask(compile_graph(graph_of(), WEIGHTS)) == [2, 3, 4]
    assert len(compiled) == 2


def test_no_cache_is_needed(
    cache: Path, compiled: list[ov.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.write_text("a file where the folder would be")
    for count in (1, 2):
        assert ask(compile_graph(graph_of(), WEIGHTS)) == [2, 3, 4]
        assert len(compiled) == count
    assert cache.parent.read_text() == "a file where the folder would be"


def test_old_files_are_forgotten(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models change, and nobody cleans up."""
    monkeypatch.setattr(graph_compile, "_KEPT", 2)
    kept: list[Path] = []
    for k in range(4):
        compile_graph(graph_of(), {"w": np.full(3, k, np.float16)})
        (new,) = set(cache.iterdir()) - set(kept)
        os.utime(new, (1000 + k, 1000 + k))  # the clock of a file system can be coarse
        kept = [*kept[-1:], new]
    assert set(cache.iterdir()) == set(kept)
    (cache / "notes.txt").touch()
    compile_graph(graph_of("Mul"), WEIGHTS)
    assert (cache / "notes.txt").exists()
