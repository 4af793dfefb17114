"""Parameters, multiply-accumulate operations, file size and lines of code.

    python benchmarks/model_size.py                 # the shipped model
    python benchmarks/model_size.py kinetics600     # or a file

Prints two Markdown tables. Operations are those for one more frame of a film, state given. Lines of
code are those of the rooms that hold the network, recognition and training, without blank lines,
comments and docstrings.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import warnings
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

import action_recognition
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import find_model, load_model
from action_recognition.models.stored_network import restored
from measuring import print_table

ROOMS = ("models", "recognition", "training")
_LAYOUT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip


def main() -> None:
    path = find_model(sys.argv[1] if len(sys.argv) > 1 else None)
    model = load_model(path)
    macs = count_macs(restored(model.network), model.preprocessing.size)
    print_table(
        ["model", "million parameters", "MMAC a frame", "file MB"],
        [[path.name, f"{model.parameters / 1e6:.2f}", f"{macs / 1e6:.1f}",
          f"{path.stat().st_size / 1e6:.1f}"]],
    )  # fmt: skip
    root = Path(action_recognition.__path__[0])
    files = {room: sorted((root / room).glob("*.py")) for room in ROOMS}
    print_table(
        ["room", "files", "lines of code"],
        [[f"`{room}`", len(of), sum(count_lines(p) for p in of)] for room, of in files.items()],
    )


def count_macs(network: HybridNet, size: int) -> int:
    """Multiplications with an addition that one more frame takes."""
    frame = torch.rand(1, 1, 3, size, size)
    warnings.filterwarnings("ignore", "TF32")  # that the next line switches something unused
    # Without oneDNN, whose LSTM the counter does not know.
    with torch.inference_mode(), torch.backends.mkldnn.flags(enabled=False):
        state = network(frame).state
        with FlopCounterMode(display=False) as counter:
            network(frame, state)
    return int(counter.get_total_flops()) // 2


def count_lines(path: Path) -> int:
    """Lines with code on them."""
    text = path.read_text(encoding="utf-8")
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _LAYOUT:
            used.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            used.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(used)


if __name__ == "__main__":
    main()
