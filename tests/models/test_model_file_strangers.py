"""Model files of strangers, with a right seal: each is refused with a sentence, at no cost."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from action_recognition.errors import ModelFileError
from action_recognition.models import graph_check, graph_session
from action_recognition.models.graph_session import GraphSession
from action_recognition.models.model_file import SHIPPED_MODELS, find_model, load_model
from action_recognition.models.stored_network import stored

sys.path.insert(0, str(Path(__file__).parents[1] / "corpus"))
import model_mutants as made
from model_mutants import BIAS, STRUCTURES, edited, put, sealed

pytestmark = pytest.mark.timeout(60)


def refused(content: bytes, folder: Path) -> str:
    path = folder / "m.h5"
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelFileError, match=r"^m\.h5: [^\n]+$") as caught:
        load_model(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    return str(caught.value).removeprefix("m.h5: ")


ELSEWHERE = "weights/dense.bias does not lie in the file as plain numbers"
SAID = {
    "soft link": "weights/dense.bias is a link, which no model file has",
    "external link": "weights holds what no model file has",
    "loop": "leads back to itself",
    "external storage": ELSEWHERE,
    "virtual": ELSEWHERE,
    "bomb": "description/metrics does not lie in the file as plain numbers",
    "bomb of a weight": ELSEWHERE,
    "shuffled": ELSEWHERE,
    "unknown filter": ELSEWHERE,
    "huge, unwritten": ELSEWHERE,
    "references": "weights/dense.bias has type reference",
    "region references": "weights/dense.bias has type reference",
    "committed type": "holds what no model file has|neither a group nor an array",
    "big-endian": "weights/dense.bias has type float",
    "float128": "weights/dense.bias has type float",
    "complex": "weights/dense.bias has type compound",
    "bool": "weights/dense.bias has type enumeration",
    "empty": r"dense\.bias has shape \(0,\)",
    "null": "dense.bias has no shape|does not lie",
    "many texts": "description/classes is missing or not a text",
    "huge text": "description/training is too long",
    "long attribute": "'format' is None",
    "text attribute": r"'format' is 'x+\.\.\.",
}


@pytest.mark.parametrize("name", SAID)
def test_structures(name: str, tmp_path: Path) -> None:
    said = refused(edited(STRUCTURES[name]), tmp_path)
    assert re.search(SAID[name], said), said


def described(key: str, change: Callable[[Any], Any] | str) -> bytes:
    """The small model with another description."""
    if isinstance(change, str):
        return edited(put(f"description/{key}", data=change))
    content = json.loads(made.PlainHDF5(made.tiny()).text(f"description/{key}") or b"")
    return edited(put(f"description/{key}", data=json.dumps(change(content))))


DESCRIPTIONS: dict[str, tuple[str, Any, str]] = {
    "deep": ("metrics", '{"a":' * 10**5, "description/metrics is not JSON"),
    "rather deep": ("training", lambda t: t | {"a": json.loads("[" * 50 + "]" * 50)}, "deeply"),
    "digits": ("metrics", '{"a": ' + "9" * 10**5 + "}", "description/metrics is not JSON"),
    "a large number": ("metrics", lambda m: m | {"a": 10**400}, "number that is too large"),
    "half a character": ("training", lambda t: t | {"note": "\ud800"}, "a text that is not one"),
    "an escape": ("training", lambda t: t | {"note": "\x1b[2J"}, "a text that is not one"),
    "a number for a class": ("classes", lambda c: [1, *c[1:]], "a class is called 1,"),
    "an empty class": ("classes", lambda c: [" ", *c[1:]], "a class is called ' ',"),
    "a new line in a class": ("classes", lambda c: ["a\nb", *c[1:]], r"a class is called 'a\\nb'"),
    "a long class": ("classes", lambda c: ["x" * 10**6, *c[1:]], "a class is called 'xxx"),
    "half a character in a class": (
        "classes",
        lambda c: ["\ud800", *c[1:]],
        r"a text that is not one: '\\ud800'",
    ),
    "the same class": ("classes", lambda c: [c[0], *c[:-1]], "'Jumping' is there twice"),
    "many classes": ("architecture", lambda a: a | {"classes": 10**9}, "Architecture: classes="),
    "no background": ("inference", lambda i: i | {"background": 7}, "background is missing"),
    "a temperature": ("inference", lambda i: i | {"temperature": "x"}, "damaged"),
    "a rule": ("inference", lambda i: i | {"open_set": i["open_set"] | {"slope": 1e9}}, "slope="),
    "an infinite rule": (
        "inference",
        lambda i: i | {"open_set": i["open_set"] | {"threshold": float("inf")}},
        "threshold=inf",
    ),
    "an aspect": ("preprocessing", lambda p: p | {"max_aspect": 10**400}, "too large"),
    "figures": ("metrics", lambda m: m | {"overall": [1]}, r"metrics\.overall is not"),
    "a figure": ("metrics", lambda m: m | {"overall": {"a": {"value": 1}}}, r"overall\.a is not"),
    "rows": ("metrics", lambda m: m | {"per_class": [{"class": 1}]}, r"metrics\.per_class is"),
    "confusion": ("metrics", lambda m: m | {"confusion": [[1], [2]]}, r"metrics\.confusion is"),
    "bins": ("metrics", lambda m: m | {"reliability": {"videos": [1]}}, r"metrics\.reliability"),
    "refused": ("metrics", lambda m: m | {"open_set": {"refused": "x"}}, r"open_set\.refused"),
    "others": ("metrics", lambda m: m | {"other_sources": "x"}, r"metrics\.other_sources"),
    "clips": (
        "training",
        lambda t: t | {"clips": {"train": {"a": "x"}}},
        r"training\.clips\.train",
    ),
    "sources": ("training", lambda t: t | {"sources": {"a": 7}}, r"training\.sources\.a"),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_descriptions(name: str, tmp_path: Path) -> None:
    key, change, expected = DESCRIPTIONS[name]
    said = refused(described(key, change), tmp_path)
    assert re.search(expected, said), said


def test_what_a_text_may_hold(tmp_path: Path) -> None:
    """Names of any script, and HTML, which is shown as it is."""
    names = ["<b>नृत्य</b>", "跳舞 & *x*", "Rock'n'Roll"]
    path = tmp_path / "m.h5"
    path.write_bytes(described("classes", lambda _: names))
    assert load_model(path).classes == tuple(names)
    assert made.check(path) == "accepted"


# -- files that are none -----------------------------------------------------------------------


@pytest.fixture
def odd_files(tmp_path: Path) -> Iterator[Path]:
    """A folder with a pipe, a socket, a folder and a file with a hole of 20 GB."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    with (tmp_path / "huge").open("wb") as file:
        file.write(made.tiny()[:512])
        file.truncate(20 * 2**30)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        yield tmp_path


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pipe", "it is not a regular file"),
        ("socket", "it is not a regular file"),
        ("zero", "it is not a regular file"),
        ("folder", "it is a folder"),
        ("huge", "it is larger than 512 MB"),
    ],
)
def test_what_is_no_file_is_not_read(odd_files: Path, name: str, why: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        load_model(odd_files / name)
    assert str(caught.value) == f"{name}: it cannot be read ({why})"


def test_a_file_that_becomes_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it was looked at, and before it is opened."""
    os.mkfifo(tmp_path / "pipe")
    facts = Path(__file__).stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: facts)
    with pytest.raises(ModelFileError, match="it is not a regular file"):
        load_model(tmp_path / "pipe")


def test_libhdf5_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that its plugins, filters and links to other files cannot be reached."""
    (tmp_path / "m.h5").write_bytes(made.tiny())
    monkeypatch.setattr(h5py, "File", pytest.fail)
    assert load_model(tmp_path / "m.h5").classes


# -- graphs ------------------------------------------------------------------------------------


def graph_of(*nodes: onnx.NodeProto) -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph(list(nodes), "g", [x], [y]),
        opset_imports=[helper.make_opsetid("", 18)], ir_version=10,
    )  # fmt: skip
    graph = model.SerializeToString()
    graph_check.check_graph(graph)
    return graph


def large(operation: str, *inputs: str) -> bytes:
    """60000 x 60000 numbers, made of sizes that each are possible."""
    return graph_of(
        helper.make_node("Constant", [], ["shape"], value_ints=[60_000, 60_000]),
        helper.make_node(operation, list(inputs), ["z"]),
        helper.make_node("Add", ["z", "x"], ["y"]),
    )


@pytest.mark.parametrize(
    "graph", [large("Expand", "x", "shape"), large("ConstantOfShape", "shape")]
)
def test_a_graph_that_wants_all_memory(graph: bytes) -> None:
    with pytest.raises(ModelFileError, match=r"^its graph cannot be (read|run) \([^\n]+\)$"):
        GraphSession(graph, {}, ["x"], ["y"]).run({"x": np.ones(1, np.float32)})


def test_a_graph_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_session, "_SECONDS", 0.3)
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=[1500, 1500]),
        helper.make_node("Expand", ["x", "shape"], ["y0"]),
        *(helper.make_node("MatMul", [f"y{k}", f"y{k}"], [f"y{k + 1}"]) for k in range(30)),
        helper.make_node("Identity", ["y30"], ["y"]),
    ]
    session = GraphSession(graph_of(*nodes), {}, ["x"], ["y"])
    begin, others = time.process_time(), threading.active_count()
    with pytest.raises(ModelFileError, match=r"^its graph cannot be run \([^\n]+\)$"):
        session.run({"x": np.ones(1, np.float32)})
    assert time.process_time() - begin < 20
    assert threading.active_count() <= others + 1


def test_a_graph_that_takes_long_to_open() -> None:
    """Guards: what is constant was worked out, whatever it took, while a graph was opened."""
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=[4096, 4096]),
        helper.make_node("ConstantOfShape", ["shape"], ["z0"]),
        *(helper.make_node("MatMul", [f"z{k}", f"z{k}"], [f"z{k + 1}"]) for k in range(30)),
        helper.make_node("ReduceMax", ["z30"], ["z"]),
        helper.make_node("Add", ["z", "x"], ["y"]),
    ]
    begin = time.process_time()
    GraphSession(graph_of(*nodes), {}, ["x"], ["y"])
    assert time.process_time() - begin < 20  # else some 200


def test_a_graph_with_names_that_are_not_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Guards: ONNX Runtime printed to the terminal, and tried again."""
    graph = graph_of(helper.make_node("Identity", ["x"], ["y"])).replace(b"\n\x01x", b"\n\x01\xff")
    with pytest.raises(ModelFileError, match=r"^its graph [^\n]+$"):
        GraphSession(graph, {}, ["x"], ["y"])
    assert capsys.readouterr() == ("", "")


def test_graphs_of_the_package_run_without_bounds() -> None:
    for name in SHIPPED_MODELS:
        graphs = stored(load_model(find_model(name)).network).graphs
        assert graphs is not None
        assert all(map(graph_check.is_shipped, graphs))


# -- at random ---------------------------------------------------------------------------------


def test_damage_behind_a_right_seal(tmp_path: Path) -> None:
    """More of it: `python tests/corpus/fuzz.py models`."""
    path, said = tmp_path / "m.h5", set()
    for _, content in made.mutants(seed=5, count=60):
        path.write_bytes(content)
        try:
            load_model(path)
        except ModelFileError as error:
            said.add(str(error))
    assert len(said) > 10
    assert all(line.startswith("m.h5: ") and "\n" not in line for line in said)


def test_seal_is_right(tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_bytes(sealed(made.tiny()))
    assert made.check(tmp_path / "m.h5") == "accepted"
    assert BIAS in made.PlainHDF5(made.tiny()).values
