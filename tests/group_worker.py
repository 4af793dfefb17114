"""A command as one of several processes, without the graphs, which take half a minute to export.

`KILLED` in the environment, as `RANK module:function NTH`, is a process that is killed at that call
of a function, unless the group was restarted. `NETWORKS` is a folder to which each process writes
a digest of the network that it has trained.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import torch

from action_recognition.cli import main
from action_recognition.models import stored_network
from action_recognition.models.stored_network import restored


def kill_at(where: str, nth: int) -> None:
    module, _, name = where.partition(":")
    *outer, last = name.split(".")
    owner: Any = import_module(module)
    for part in outer:
        owner = getattr(owner, part)
    real, calls = getattr(owner, last), count(1)

    def counted(*values: Any, **options: Any) -> Any:
        if next(calls) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*values, **options)

    setattr(owner, last, counted)


def note_network(folder: Path) -> None:
    module: Any = import_module("action_recognition.training.train")
    real = module.train

    def noted(*values: Any, **options: Any) -> Any:
        model = real(*values, **options)
        sha = hashlib.sha256()
        for name, weight in restored(model.network).state_dict().items():
            sha.update(name.encode() + weight.numpy().tobytes())
        (folder / f"network-{os.environ['RANK']}").write_text(sha.hexdigest())
        return model

    module.train = noted


if __name__ == "__main__":
    torch.set_num_threads(1)
    stored_network._export = lambda architecture, size: None
    first = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
    if "KILLED" in os.environ and first:
        rank, where, nth = os.environ["KILLED"].split()
        if rank == os.environ["RANK"]:
            kill_at(where, int(nth))
    if "NETWORKS" in os.environ:
        note_network(Path(os.environ["NETWORKS"]))
    sys.exit(main(sys.argv[1:]))
