"""A process of several is lost: the group goes on, or ends with one sentence."""

from __future__ import annotations

import shlex
import threading
from pathlib import Path

import pytest

from action_recognition.cli import main
from several_processes import (
    STEP,
    check_same,
    devices,
    free_port,
    torchrun,
)

pytestmark = pytest.mark.slow  # it starts processes, which load PyTorch


@pytest.fixture(scope="module")
def whole(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a training that nothing has stopped, by one process."""
    output = tmp_path_factory.mktemp("whole") / "m.h5"
    assert main([*words, "--output", str(output)]) == 0
    return output


def test_torchrun_starts_it_again_and_it_ends_as_if_nothing_had_been(
    words: list[str], whole: Path, tmp_path: Path
) -> None:
    """The writer is killed in the second epoch; nobody has said --resume."""
    output = tmp_path / "m.h5"
    killed = f"0 {STEP} 4"
    done = torchrun(2, [*words, "--output", str(output)], restarts=1, KILLED=killed)
    assert done.returncode == 0, done.stderr
    epochs = [x.split()[1] for x in done.stdout.splitlines() if x.startswith("epoch ")]
    assert epochs == ["1", "2", "3"]  # none again
    check_same(output, whole)


def test_without_another_start_it_says_how_to_go_on_and_one_process_does(
    words: list[str], whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "m.h5"
    command = [*words, "--output", str(output), "--devices", "2", "--accumulate", "2"]
    done = devices(command, KILLED=f"1 {STEP} 7")  # two parts a step, two steps an epoch
    assert done.returncode == 2
    again = shlex.join(["action-recognition", *command, "--resume"])
    said = f"action-recognition: process 1 was lost (SIGKILL); go on with: {again}"
    assert [x for x in done.stderr.splitlines() if " note: " not in x] == [said]
    assert not output.exists()
    assert main([*words, "--output", str(output), "--resume"]) == 0
    check_same(output, whole)


def test_two_machines_and_an_error_that_is_said_once(words: list[str], tmp_path: Path) -> None:
    """Both are this one."""
    command = [*words, "--output", str(tmp_path / "m.h5"), "--nodes", "2", "--data", "nowhere"]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    done = {}

    def run(rank: int) -> None:
        done[rank] = devices(command, NODE_RANK=str(rank), **place)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done[rank].returncode for rank in (0, 1)] == [2, 2]
    said = "action-recognition: nowhere: there is no such folder of clips\n"
    assert done[0].stderr + done[1].stderr == said
