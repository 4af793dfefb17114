"""What the benchmarks share: the machine in a sentence, sides that take turns, Markdown tables."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version

import torch


def machine() -> str:
    """Cores, threads and what the processor can do, for the line above a table of times."""
    able = torch.cpu.get_capabilities()
    cores, threads = len(os.sched_getaffinity(0)), torch.get_num_threads()
    return (
        f"{able.get('cpu_name', 'processor')}, {cores} cores, {threads} threads; "
        f"AVX-512: {_yes(able.get('avx512_f'))}, bfloat16: {_yes(able.get('avx512_bf16'))}, "
        f"AMX: {_yes(able.get('amx_bf16'))}; PyTorch {torch.__version__}, "
        f"ONNX Runtime {version('onnxruntime')}"
    )


def _yes(able: object) -> str:
    return "yes" if able else "no"


def take_turns(
    sides: Mapping[str, Callable[[], object]], rounds: int, *, of: int = 1, pause_s: float = 0.0
) -> dict[str, list[float]]:
    """Seconds of each side in each round, divided by `of`.

    The sides take turns, so that a busy moment of the machine meets all of them. A round before,
    which allocates and fills the disk cache, does not count.
    """
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, work in sides.items():
            time.sleep(pause_s)
            started = time.perf_counter()
            work()
            if turn:
                taken[name].append((time.perf_counter() - started) / of)
    return taken


def print_times(
    taken: Mapping[str, Sequence[float]], what: str, unit: str, last: str, *, inverse: bool = False
) -> None:
    """Median, least and most of each side; `last`: the median against that of the first side.

    Parameters:
        unit: "s" or "ms".
        inverse: the first side's median against this one's, in percent.
    """
    scale, digits = (1000, 0) if unit == "ms" else (1, 2)
    base = statistics.median(next(iter(taken.values())))
    rows = []
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        share = f"{base / median:.0%}" if inverse else f"{median / base:.2f}"
        values = [f"{scale * s:.{digits}f}" for s in (median, min(seconds), max(seconds))]
        rows.append([name, *values, share])
    print_table([what, f"median {unit}", "min", "max", last], rows)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, texts: int = 1) -> None:
    """A Markdown table, row by row as they come; the first `texts` columns are to the left."""
    print(f"| {' | '.join(header)} |\n|{'---|' * texts}{'---:|' * (len(header) - texts)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)
    print(flush=True)


def mean_and_spread(values: Sequence[float], digits: int = 3) -> str:
    """The mean, and half the range where there are several."""
    mean = f"{statistics.mean(values):.{digits}f}"
    half = (max(values) - min(values)) / 2
    return mean if len(values) == 1 else f"{mean} ± {half:.{digits}f}"
