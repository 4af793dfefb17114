"""One process and four train the same model and report the same figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.models.model_file import load_model
from several_processes import (
    check_same,
    check_same_figures,
    devices,
    figures,
    torchrun,
)

pytestmark = pytest.mark.slow  # it starts processes, which load PyTorch


@pytest.fixture(scope="module")
def alone(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("alone") / "m.h5"
    assert main([*words, "--output", str(output)]) == 0
    return output


@pytest.fixture(scope="module")
def four(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The model of four processes, and what they have printed."""
    folder = tmp_path_factory.mktemp("four")
    output = folder / "m.h5"
    done = torchrun(4, [*words, "--output", str(output)], NETWORKS=str(folder))
    assert done.returncode == 0, done.stderr
    return output, done.stdout


def test_the_figures_are_those_of_one_process(alone: Path, four: tuple[Path, str]) -> None:
    """Those of each epoch up to rounding, and those on the test split."""
    output, _ = four
    one, several = figures(alone), figures(output)
    assert [row.keys() for row in several] == [row.keys() for row in one]
    for row, expected in zip(several, one, strict=True):
        assert row == pytest.approx(expected, abs=2e-4)
    check_same_figures(output, alone)
    model, expected_model = load_model(output), load_model(alone)
    assert model.training["processes"] == 4
    for name in ("data", "clips", "settings", "strength", "best_epoch"):
        assert model.training[name] == expected_model.training[name]


def test_the_weights_are_those_of_one_process(alone: Path, four: tuple[Path, str]) -> None:
    check_same(alone, four[0])


def test_all_processes_end_with_the_same_network(four: tuple[Path, str]) -> None:
    digests = {p.name: p.read_text() for p in four[0].parent.glob("network-*")}
    assert sorted(digests) == [f"network-{rank}" for rank in range(4)]
    assert len(set(digests.values())) == 1


def test_only_the_writer_prints_and_writes(four: tuple[Path, str]) -> None:
    output, printed = four
    lines = printed.splitlines()
    assert [x.split()[1] for x in lines if x.startswith("epoch ")] == ["1", "2", "3"]
    assert lines[-1] == f"written: {output}"
    assert sum("split `test`" in line for line in lines) == 1
    names = {p.name for p in output.with_suffix(".training").iterdir()}
    assert names == {
        "best.ckpt", "figures", "last.ckpt", "settings.json", "strength.json", "tuned.json",
    }  # fmt: skip


def test_two_processes_evaluate_as_one_does(
    alone: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(alone), "--data", words[2], "--json", "--device", "cpu"]
    capsys.readouterr()
    assert main(command) == 0
    expected = json.loads(capsys.readouterr().out)
    done = devices([*command, "--devices", "2"])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    found.pop("seconds_per_video")
    expected.pop("seconds_per_video")
    assert found == expected
