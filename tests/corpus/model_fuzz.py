"""Uses damaged and hostile files as the product does, and counts what happens.

    PYTHONPATH=src:tests python tests/corpus/model_fuzz.py --count 2000 --seed 0

Each file must be accepted or refused with a sentence, within 10 seconds of
the processor and 1.5 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

_BAR_MB = 1500
_AT_ONCE = 20  # files of one worker


def main() -> int:
    """Runs; 1 where a file crashed, hung or took too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=["model", "manifest"], default="model")
    parser.add_argument("--seconds", type=float, default=10.0, help="for a file")
    options = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    if options.kind == "model":
        import model_mutants as made
    else:
        import manifest_mutants as made
    counts: Counter[str] = Counter()
    kinds: Counter[tuple[str, str]] = Counter()
    peak = 0.0
    files = made.mutants(options.seed, options.count)
    suffix = {"model": ".h5", "manifest": ".csv"}[options.kind]
    with tempfile.TemporaryDirectory() as folder:
        number = 0
        while batch := list(islice(files, _AT_ONCE)):
            while batch:
                for name, state, said, used_mb in _work(made, batch, Path(folder), suffix, options):
                    peak = max(peak, used_mb)
                    counts[state] += 1
                    kinds[name, state] += 1
                    if state in ("crash", "hang") or used_mb > _BAR_MB:
                        print(
                            f"file {number} ({name}): {state}, {used_mb:.0f} MB\n{said}", flush=True
                        )
                    batch, number = batch[1:], number + 1
    print(json.dumps({"files": number, **counts, "peak_mb": round(peak)}))
    print(json.dumps({f"{name}: {state}": n for (name, state), n in sorted(kinds.items())}))
    return int(bool(counts["crash"] or counts["hang"] or peak > _BAR_MB))


def _work(
    made: Any, batch: list[tuple[str, bytes]], folder: Path, suffix: str, options: Any
) -> Iterator[tuple[str, str, str, float]]:
    """Name, state, what was said and peak memory of the files, up to the first that ends it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _child(made, batch, folder / f"f{suffix}", writing)
    os.close(writing)
    with os.fdopen(reading) as results:
        for name, _ in batch:
            ready = _waited(results, child, options.seconds)
            line = results.readline() if ready else ""
            if not line:
                os.kill(child, signal.SIGKILL)
                _, status = os.waitpid(child, 0)
                yield name, "crash" if ready else "hang", f"the process ended: {status}", 0.0
                return
            state, said, used_mb = json.loads(line)
            yield name, state, said, used_mb
    os.waitpid(child, 0)


def _waited(results: Any, child: int, seconds: float) -> bool:
    """Whether there is a result before the worker has computed, or slept, for too long."""
    begin, end = _computed_s(child), time.monotonic() + 12 * seconds
    while not select.select([results], [], [], 0.2)[0]:
        if _computed_s(child) - begin > seconds or time.monotonic() > end:
            return False
    return True


def _computed_s(process: int) -> float:
    """Seconds of the processor; a busy machine makes them no longer."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _child(made: Any, batch: list[tuple[str, bytes]], path: Path, writing: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))  # the machine is not to suffer
    for _, content in batch:
        path.write_bytes(content)
        try:
            said = made.check(path)
            state = "accepted" if said == "accepted" else "refused"
        except BaseException:
            state, said = "crash", traceback.format_exc()
        used_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        os.write(writing, (json.dumps([state, said[-3000:], used_mb]) + "\n").encode())
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
