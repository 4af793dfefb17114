"""Gives damaged files to the product and counts what it says.

    python tests/corpus/fuzz.py --count 3000 --seed 1 videos isolated models manifests

Each file is read in a worker process, which is ended after `LIMIT_S` seconds. What is no answer and
no sentence - a crash, a hang, another exception, more than `LIMIT_MB` of memory - is kept in the
folder --keep, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

LIMIT_S, LIMIT_MB = 60.0, 1500
KINDS = {  # name: module, its function, how its files end
    "videos": ("video_mutants", "check", ""),
    "isolated": ("video_mutants", "check_isolated", ""),
    "models": ("model_mutants", "check", ".h5"),
    "manifests": ("manifest_mutants", "check", ".csv"),
}


@dataclass
class Report:
    """What became of the files of one kind; `faults` are the names of those that were wrong."""

    kind: str
    accepted: int = 0
    refused: int = 0
    crashes: int = 0
    hangs: int = 0
    exceptions: int = 0
    too_large: int = 0
    peak_mb: int = 0
    longest_s: float = 0.0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    sentences: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        total = self.accepted + self.refused + len(self.faults)
        return (
            f"{self.kind}: {total} files, {self.accepted} accepted, {self.refused} refused by "
            f"{len(self.sentences)} sentences, {self.crashes} crashes, {self.hangs} hangs, "
            f"{self.exceptions} other exceptions, {self.too_large} over {LIMIT_MB} MB; "
            f"peak {self.peak_mb} MB, longest {self.longest_s:.1f} s, in all {self.seconds:.0f} s"
        )


def fuzz(kind: str, seed: int, count: int, keep: Path | None = None) -> Report:
    """Gives `count` files of a kind to the product."""
    module, function, ending = KINDS[kind]
    report, began = Report(kind), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        worker: Worker | None = None
        for number, (change, data) in enumerate(
            importlib.import_module(module).mutants(seed, count)
        ):
            name = f"{number}-{re.sub(r'[^a-zA-Z0-9_.+]', '_', change)}{ending}"
            path = Path(folder, name)
            path.write_bytes(data)
            worker = worker or Worker(module, function)
            fault = _ask(worker, path, report)
            if fault:
                report.faults.append(f"{name}: {fault}")
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / name).write_bytes(data)
                worker.end()
                worker = None
            path.unlink(missing_ok=True)
        if worker is not None:
            worker.end()
    report.seconds = time.monotonic() - began
    return report


def _ask(worker: Worker, path: Path, report: Report) -> str:
    """What is wrong; empty where the file was accepted, or refused by a sentence."""
    began = time.monotonic()
    worker.connection.send(str(path))
    try:
        if not worker.connection.poll(LIMIT_S):
            report.hangs += 1
            return f"no answer in {LIMIT_S:.0f} s"
        outcome, told, peak_mb = worker.connection.recv()
    except (EOFError, ConnectionError):
        worker.process.join(10)
        report.crashes += 1
        return f"the process ended with {worker.process.exitcode}"
    report.longest_s = max(report.longest_s, time.monotonic() - began)
    report.peak_mb = max(report.peak_mb, peak_mb)
    if outcome == "exception":
        report.exceptions += 1
        return str(told)
    if peak_mb > LIMIT_MB:
        report.too_large += 1
        return f"{peak_mb} MB of memory"
    report.accepted += told == "accepted"
    report.refused += told != "accepted"
    if told != "accepted":
        said = told.removeprefix(f"{path.name}: ")
        report.sentences[re.sub(r"[\d.]+", "N", said)] += 1
    return ""


class Worker:
    """A process that reads files."""

    def __init__(self, module: str, function: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_work, args=(theirs, module, function), daemon=True
        )
        self.process.start()
        theirs.close()
        if not self.connection.poll(120):
            raise RuntimeError("the worker does not start")
        self.connection.recv()

    def end(self) -> None:
        """Ends it, whatever it does."""
        self.process.kill()
        self.process.join(10)
        self.connection.close()


def _work(connection: Connection, module: str, function: str) -> None:
    check: Callable[[Path], str] = getattr(importlib.import_module(module), function)
    connection.send("ready")
    for path in _received(connection):
        _forget_peak()
        try:
            answer = ("told", check(Path(path)), _peak_mb())
        except BaseException as error:
            answer = ("exception", f"{type(error).__name__}: {error}"[:2000], _peak_mb())
        connection.send(answer)


def _received(connection: Connection) -> Iterator[Any]:
    while True:
        try:
            yield connection.recv()
        except EOFError:
            return


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_mb() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.split("VmHWM:")[1].split()[0]) // 1000


def main() -> int:
    """Runs it; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="default: all")
    parser.add_argument("--count", type=int, default=1000, help="files of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the files that went wrong")
    options = parser.parse_args()
    wrong = 0
    for kind in options.kinds or KINDS:
        report = fuzz(kind, options.seed, options.count, options.keep)
        print(report, flush=True)
        for sentence, times in report.sentences.most_common(8):
            print(f"  {times:5} {sentence}")
        for fault in report.faults:
            print(f"  WRONG {fault}")
        wrong += len(report.faults)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    sys.exit(main())
