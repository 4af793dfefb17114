"""The floors of the house: what each room may import, read from the imports themselves."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import action_recognition

ROOT = Path(action_recognition.__path__[0])
FLOORS = (
    ("errors", "actions", "files", "prefetch", "web"),
    ("video",),
    ("clips",),
    ("models", "datasets"),
    ("recognition",),
    ("evaluation", "exports", "editing", "search", "serving"),
    ("training", "batch"),
    ("dashboard", "cli"),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS, 1) for room in rooms}
# Lower rooms that a room must not import all the same: who only recognises needs nothing of them.
NEVER = {"models": {"video", "datasets"}, "dashboard": {"training", "serving"}}
DOORS = {ROOT / "__init__.py", ROOT / "__main__.py"}  # `import` and `python -m`, of no room
MODULES = sorted(p for p in ROOT.rglob("*.py") if p not in DOORS)


def room_of(module: str) -> str:
    """`action_recognition.models.hybridnet` -> `models`."""
    return module.split(".")[1]


def imports(path: Path) -> Iterator[str]:
    """Modules of this project that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.startswith("action_recognition."))


def arrows() -> dict[tuple[str, str], list[str]]:
    """(room, room that it imports) -> the files that do so."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in MODULES:
        module = ".".join(("action_recognition", *path.relative_to(ROOT).with_suffix("").parts))
        for name in imports(path):
            if room_of(name) in FLOOR_OF and room_of(name) != room_of(module):
                found.setdefault((room_of(module), room_of(name)), []).append(module)
    return found


def test_every_module_lies_in_a_room() -> None:
    assert {room_of(f"_.{p.relative_to(ROOT).with_suffix('').parts[0]}") for p in MODULES} == set(
        FLOOR_OF
    )


def test_rooms_import_only_what_lies_below() -> None:
    wrong = [
        f"{' and '.join(files)}: {upper} (floor {FLOOR_OF[upper]}) must not import "
        f"{lower} (floor {FLOOR_OF[lower]})"
        for (upper, lower), files in arrows().items()
        if FLOOR_OF[lower] >= FLOOR_OF[upper] or lower in NEVER.get(upper, ())
    ]
    assert not wrong, "\n".join(wrong)


def test_the_house_is_no_more_tangled_than_planned() -> None:
    assert len(FLOOR_OF) <= 19
    assert len(FLOORS) <= 8
    assert len(arrows()) <= 86


def test_nothing_that_is_read_can_run_code() -> None:
    banned = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml"}
    safe = {"torch": ("weights_only", True), "np": ("allow_pickle", False)}
    loads = []
    for node in (node for path in MODULES for node in ast.walk(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            assert str(module).partition(".")[0] not in banned, module
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "np.load"):
            name, wanted = safe[ast.unparse(node.func).partition(".")[0]]
            given = [k.value for k in node.keywords if k.arg == name]
            assert [ast.literal_eval(value) for value in given] == [wanted], ast.unparse(node)
            loads.append(node)
    assert len(loads) == 2  # of a checkpoint, and of the weights that Kinetics-600 has


@pytest.mark.parametrize("room", sorted(r for r in FLOOR_OF if (ROOT / r).is_dir()))
def test_modules_of_a_room_do_not_import_in_circles(room: str) -> None:
    graph: dict[str, set[str]] = {}
    for path in sorted((ROOT / room).rglob("*.py")):
        module = ".".join(("action_recognition", *path.relative_to(ROOT).with_suffix("").parts))
        graph[module] = {n for name in imports(path) for n in (name, name.rpartition(".")[0])}
    graph = {module: found & set(graph) - {module} for module, found in graph.items()}
    while free := [module for module, found in graph.items() if not found]:
        graph = {m: found - set(free) for m, found in graph.items() if m not in free}
    assert not graph, f"import each other: {sorted(graph)}"


def test_no_two_files_of_tests_have_one_name() -> None:
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, "pytest imports them by their name alone, and cannot tell them apart"


@pytest.mark.slow
def test_programs_outside_the_package_import_what_is_in_it() -> None:
    """No other test runs the benchmarks: what is moved would be missed by nobody."""
    top = Path(__file__).parents[1]
    programs = [
        p for folder in ("benchmarks", "examples", "docs") for p in (top / folder).rglob("*.py")
    ]
    assert len(programs) > 25
    missing = [
        f"{program.relative_to(top)}: {name}"
        for program in programs
        for name in imports(program)
        if not is_there(name)
    ]
    assert not missing


def is_there(name: str) -> bool:
    """Whether it is a module, or an object of one."""
    module, _, last = name.rpartition(".")
    with suppress(ModuleNotFoundError):
        if hasattr(importlib.import_module(module), last):
            return True
        return importlib.util.find_spec(name) is not None
    return False
