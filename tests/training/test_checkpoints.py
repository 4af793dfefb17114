"""A tuning goes on from the files of its folder, wherever that is now."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from action_recognition.errors import UsageError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.training import tuning
from action_recognition.training.run_folder import BEST, LAST, TUNED
from action_recognition.training.tuning import Means, tune
from noise_clips import CLASSES, NoiseClips, NoiseVideos, network_of, weights
from tiny_network import same

pytestmark = pytest.mark.slow  # they train

# Validation is noise, so that to learn more makes it worse: the best epoch comes early.
WORSE = {"epochs": 6, "patience": 5, "memory": 0.0, "learning_rate": 0.02, "ema": 0.9}


def run(network: HybridNet, folder: Path, *, resume: bool = False, **changes: Any) -> Any:
    return tune(
        network, NoiseClips(**changes), NoiseVideos(4), known=CLASSES, run_folder=folder,
        checkpoint=folder / LAST if resume else None, means=Means("cpu"),
    )  # fmt: skip


def interrupted(folder: Path, epoch: int, **changes: Any) -> None:
    """A run that is interrupted at the end of an epoch, which is lost."""

    def interrupt(self: Any, trainer: Any, module: Any) -> None:
        if trainer.current_epoch == epoch:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning.EpochLines, "on_train_epoch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(network_of(), folder, **changes)


def moved(a: Path, tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return a.rename(tmp_path / "elsewhere" / a.name)


def renamed(a: Path, _: Path) -> Path:
    return a.rename(a.with_name("another name"))


def copied(a: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(a, tmp_path / "copy"))


def through_a_link(a: Path, tmp_path: Path) -> Path:
    (tmp_path / "link").symlink_to(moved(a, tmp_path), target_is_directory=True)
    return tmp_path / "link"


@pytest.mark.parametrize("change", [moved, renamed, copied, through_a_link])
@pytest.mark.parametrize("options", [WORSE, {"epochs": 6}], ids=["patience", "last"])
def test_in_another_place_it_goes_on_to_the_same_weights(
    options: dict[str, Any], change: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    whole = network_of()
    expected = run(whole, tmp_path / "whole", **options)
    interrupted(tmp_path / "a", 4, **options)
    place = change(tmp_path / "a", tmp_path)
    before = {p: p.read_bytes() for p in (tmp_path / "a").rglob("*.ckpt")}
    parts = network_of()
    record = run(parts, place, resume=True, **options)
    assert same(weights(parts), weights(whole))
    for figure in ("best_epoch", "epochs_run", "val_loss"):
        assert record[figure] == expected[figure], figure
    assert (len(before) == 2) == (change is copied)
    assert before == {p: p.read_bytes() for p in before}  # a copy leaves the original alone
    assert (tmp_path / "a").exists() == (change is copied)


def test_a_checkpoint_names_no_place(tmp_path: Path) -> None:
    run(network_of(), tmp_path / "run", **WORSE)
    for name in (LAST, BEST):
        with zipfile.ZipFile(tmp_path / "run" / name) as file:
            content = b"".join(file.read(part) for part in file.namelist())
        assert b"best.ckpt" in content
        assert os.fsencode(tmp_path) not in content
        assert os.fsencode(tmp_path.name) not in content


@pytest.mark.parametrize(
    "options",
    [{"epochs": 3}, {"epochs": 3, "ema": 0.9}, {**WORSE, "epochs": 30, "patience": 2}],
    ids=["all", "averaged", "stopped early"],
)
def test_a_finished_tuning_is_not_tuned_again(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = network_of()
    record = run(first, tmp_path / "a", **options)
    place = moved(tmp_path / "a", tmp_path)
    monkeypatch.setattr(tuning, "_trainer", lambda *_, **__: pytest.fail("it trains again"))
    second = network_of()
    assert run(second, place, resume=True, **options) == record
    assert same(weights(second), weights(first))
    assert all(p.requires_grad for p in second.parameters())
    assert not second.training


@pytest.mark.parametrize(
    "options",
    [{"epochs": 3, "ema": 0.9}, {**WORSE, "epochs": 30, "patience": 2}],
    ids=["all", "stopped early"],
)
def test_a_finished_tuning_without_its_record_gives_the_same(
    options: dict[str, Any], tmp_path: Path
) -> None:
    first, second = network_of(), network_of()
    record = run(first, tmp_path / "a", **options)
    (tmp_path / "a" / TUNED).unlink()  # killed in the moment between the two
    last = (tmp_path / "a" / LAST).read_bytes()
    again = run(second, moved(tmp_path / "a", tmp_path), resume=True, **options)
    assert again | {"tuning_seconds": 0} == record | {"tuning_seconds": 0}
    assert same(weights(second), weights(first))
    assert (tmp_path / "elsewhere" / "a" / LAST).read_bytes() == last  # no epoch more


def test_what_an_older_run_has_finished_is_not_that_of_a_new_one(tmp_path: Path) -> None:
    run(network_of(), tmp_path, epochs=2)
    interrupted(tmp_path, 1, epochs=3)
    assert not (tmp_path / TUNED).exists()
    assert run(network_of(), tmp_path, resume=True, epochs=3)["epochs_run"] == 3


@pytest.mark.parametrize("name", [LAST, BEST])
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "text"])
def test_a_checkpoint_that_cannot_be_read(name: str, damage: str, tmp_path: Path) -> None:
    interrupted(tmp_path, 2, **WORSE)
    path = tmp_path / name
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"empty": b"", "half": content[: len(content) // 2]}.get(damage, b"text"))
    reason = "missing" if damage == "missing" else "damaged"
    with pytest.raises(UsageError, match=rf"^cannot resume: .*{name}: it is {reason}; start anew"):
        run(network_of(), tmp_path, resume=True, **WORSE)


def test_a_full_disk_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: Lightning copies from another disk onto the old checkpoint."""
    real, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 3:  # after those of the first epoch, the best, and of the second
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run(network_of(), tmp_path, epochs=4)
    monkeypatch.undo()
    assert torch.load(tmp_path / LAST, weights_only=True)["epoch"] == 1
    assert not list(tmp_path.glob("*.tmp"))
    whole, parts = network_of(), network_of()
    run(whole, tmp_path / "whole", epochs=4)
    run(parts, tmp_path, resume=True, epochs=4)
    assert same(weights(parts), weights(whole))
