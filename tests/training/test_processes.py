"""What one of several processes does, and how a group ends; here without starting one."""

from __future__ import annotations

import signal
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.plugins.layer_sync import TorchSyncBatchNorm
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from action_recognition.errors import UsageError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.training import launch, tuning
from action_recognition.training.launch import ERROR, LOST, Failure, failure
from action_recognition.training.processes import ALONE, Processes, _merged, is_loss, join
from action_recognition.training.tuning import Means, PartOfVideos
from noise_clips import SETTINGS, NoiseVideos
from tiny_network import TINY


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("items", [0, 1, 3, 8, 13])
def test_parts_are_merged_in_the_order_of_the_items(items: int, count: int) -> None:
    whole = list(range(items))
    parts = [list(Processes(rank, count).part(whole)) for rank in range(count)]
    assert _merged(parts) == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_writer_reports_on_all_items() -> None:
    seen: list[tuple[int, int]] = []
    report = Processes(0, 3).progress(7, lambda *done: seen.append(done))
    for done in range(1, 4):  # its part
        report(done)
    assert seen == [(3, 7), (6, 7), (7, 7)]


def test_a_single_process_has_all_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert join("cpu") == ALONE
    assert ALONE.writer
    assert ALONE.each([1, 2, 3], lambda x: x * x) == [1, 4, 9]
    assert ALONE.from_writer(lambda: 5) == 5
    assert ALONE.first_to_say()
    started = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "x", "MASTER_PORT": "1"}
    again = {"TORCHELASTIC_RESTART_COUNT": "2", "TORCHELASTIC_MAX_RESTARTS": "3"}
    for name, value in (started | again).items():
        monkeypatch.setenv(name, value)
    assert join("cpu") == Processes(restarted=True, restarts_left=1)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_validation_videos_are_shared_out_each_once(count: int) -> None:
    videos = NoiseVideos(4)
    parts = [PartOfVideos(videos, Processes(rank, count)) for rank in range(count)]
    assert len({len(part) for part in parts}) == 1  # or the others would wait
    found = [[part[k] for k in range(len(part))] for part in parts]
    targets = _merged([[target for _, target in part if target >= 0] for part in found])
    assert targets == [target for _, target in videos.videos]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ({1: -signal.SIGKILL}, Failure(False, "process 1 was lost (SIGKILL)")),
        ({0: -signal.SIGTERM, 1: -signal.SIGKILL}, Failure(False, "process 1 was lost (SIGKILL)")),
        ({0: LOST, 3: -signal.SIGSEGV}, Failure(False, "process 3 was lost (SIGSEGV)")),
        ({0: ERROR, 1: LOST}, Failure(True)),
        ({0: LOST, 1: 1}, Failure(False, "process 1 has failed (exit code 1)")),
        ({0: LOST}, Failure(False, "a process on another machine was lost")),
    ],
)
def test_exit_codes_say_why_a_group_has_ended(codes: dict[int, int], expected: Failure) -> None:
    assert failure(codes) == expected


@pytest.mark.parametrize(
    "said",
    [
        "[../gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:4242",
        "[../gloo/transport/tcp/unbound_buffer.cc:78] Timed out waiting 600000ms for recv",
        "Broken pipe",
    ],
)
def test_the_loss_of_another_process_is_known_by_its_words(said: str) -> None:
    assert is_loss(RuntimeError(said))
    assert not is_loss(ValueError(said))
    assert not is_loss(RuntimeError("shapes (3, 4) and (5, 6) do not fit"))


@pytest.mark.parametrize(
    "env", [{}, {"MASTER_ADDR": "10.0.0.1"}, {"MASTER_ADDR": "10.0.0.1", "NODE_RANK": "2"}]
)
def test_several_machines_need_to_know_of_each_other(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MASTER_ADDR", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="start the same command on each of the 2 machines"):
        launch.start(["train"], 1, 2)


class Normed(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv3d(3, 4, 1), nn.BatchNorm3d(4))


def test_batch_norm_is_computed_over_all_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By construction: it runs on GPUs alone. The networks of the package have no batch norm."""
    options: dict[str, object] = {}
    monkeypatch.setattr(tuning.L, "Trainer", lambda **given: options.update(given))
    monkeypatch.setattr(tuning, "pick_device", lambda _: torch.device("cuda"))
    tuning._trainer(SETTINGS, tmp_path, Means("cuda", Processes(1, 4, 2)), validate=True)
    assert (options["devices"], options["num_nodes"], options["accelerator"]) == (2, 2, "gpu")
    assert options["sync_batchnorm"]
    converted = TorchSyncBatchNorm().apply(Normed())  # what Lightning does then
    assert isinstance(converted.layers[1], nn.SyncBatchNorm)
    assert not [m for m in HybridNet(TINY).modules() if isinstance(m, _BatchNorm)]
