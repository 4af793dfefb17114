"""Samples in shards: the same clips as of loose files, and the order in which they are read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import torch

from action_recognition.clips import Preprocessing
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.shards.read import find_shards, read_shards
from action_recognition.datasets.shards.write import write_shards
from action_recognition.training.footage import Sample
from action_recognition.training.random_clips import _LANES, ClipOrder, RandomClips
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.training_data import gather
from action_recognition.video.part import FilePart
from training_runs import few

SETTINGS = TrainingSettings(frames=6, workers=0, seed=4)
SHARDS, CLIPS, LOOSE = 40, 25, 200


def many(shards: int = SHARDS) -> list[Sample]:
    """25 videos in each shard, then 200 loose ones of a background class."""
    inside = [
        Sample(FilePart(Path(f"{shard}.tar"), 512 * clip, 100, f"{clip}.mp4"), clip % 2)
        for shard in range(shards)
        for clip in range(CLIPS)
    ]
    return [*inside, *(Sample(Path(f"{k}.mp4"), 2) for k in range(LOOSE))]


def order(samples: list[Sample], epoch: int = 0, seed: int = 4) -> list[int]:
    sampler = ClipOrder(samples, 2, replace(SETTINGS, seed=seed))
    sampler.set_epoch(epoch)
    assert {of for _, of in sampler} == {epoch}
    return [index for index, _ in sampler]


def shards_of(indices: list[int]) -> list[int]:
    return [index // CLIPS for index in indices if index < SHARDS * CLIPS]


def test_an_epoch_has_each_clip_once_and_half_of_the_others() -> None:
    found = Counter(order(many()))
    assert max(found.values()) == 1
    assert len(found) == SHARDS * CLIPS + LOOSE // 2
    assert set(range(SHARDS * CLIPS)) <= set(found)


@pytest.mark.parametrize("shards", [1, 3, _LANES, SHARDS])
def test_few_shards_are_read_at_a_time_and_each_in_one_go(shards: int) -> None:
    indices = order(many(shards))
    first, last = {}, {}
    for place, shard in enumerate(index // CLIPS for index in indices if index < shards * CLIPS):
        first.setdefault(shard, place)
        last[shard] = place
    open_at = [sum(first[s] <= p <= last[s] for s in first) for p in range(shards * CLIPS)]
    assert max(open_at) <= 2 * _LANES  # one run of a lane can begin and end within a shard


def test_seed_and_epoch_alone_decide_the_order_of_shards_and_clips() -> None:
    samples = many()
    assert order(samples, 3) == order(samples, 3)
    orders = [order(samples, 0), order(samples, 1), order(samples, 0, seed=5)]
    firsts = [list(dict.fromkeys(shards_of(found))) for found in orders]
    assert firsts[0] != firsts[1] != firsts[2]
    of_one = [[k for k in found if k // CLIPS == 7] for found in orders]
    assert of_one[0] != of_one[1] != of_one[2]


@pytest.mark.parametrize("processes", [2, 4, 8])
def test_processes_that_take_turns_have_shards_of_their_own(processes: int) -> None:
    """So it is where the number of processes divides the batch and the number of lanes."""
    found = order(many())
    taken = [set(shards_of(found[rank::processes])) for rank in range(processes)]
    shared = sum(len(one) for one in taken) - SHARDS
    assert shared <= _LANES - 1  # those in which the run of a lane begins
    assert max(len(one) for one in taken) <= SHARDS / processes + _LANES


def test_the_others_are_dealt_out_over_the_epoch() -> None:
    loose = [index >= SHARDS * CLIPS for index in order(many())]
    quarters = [sum(part) for part in np.array_split(loose, 4)]
    assert min(quarters) > 10  # of 100
    longest = max(len(list(run)) for is_loose, run in groupby(loose) if is_loose)
    assert longest < 12


def test_loose_files_come_in_the_order_that_they_always_had() -> None:
    samples = many()[-LOOSE:]
    random = np.random.default_rng((4, 2))
    others = random.permutation(np.arange(LOOSE))[: LOOSE // 2]
    assert order(samples, 2) == random.permutation(others).tolist()


@pytest.mark.slow
def test_a_clip_is_the_same_from_a_shard_and_from_a_file(
    motion: Manifest, tmp_path: Path, tiny_preprocessing: Preprocessing
) -> None:
    loose = few(motion)
    write_shards(loose, tmp_path / "shards", shard_bytes=20 * 1024)
    sharded = Manifest(tuple(read_shards(find_shards(tmp_path / "shards"))))
    assert len(find_shards(tmp_path / "shards")) > 3
    data, other = gather(loose, made=2), gather(sharded, made=2)
    assert other.classes == data.classes
    content = {s.path.read_bytes(): s for s in data.samples if isinstance(s.path, Path)}
    for number, sample in enumerate(other.samples):
        assert isinstance(sample.path, FilePart)
        same = replace(content[sample.path.open().read()], target=sample.target, made=sample.made)
        shown = [list(other.samples), [same] * len(other.samples)]
        clips = [RandomClips(samples, tiny_preprocessing, SETTINGS)[number, 1] for samples in shown]
        assert torch.equal(clips[0][0], clips[1][0])
