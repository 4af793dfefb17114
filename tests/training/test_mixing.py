from __future__ import annotations

import pytest
import torch

from action_recognition.training.mixing import mix


@pytest.mark.parametrize("seed", range(20))
def test_share_is_what_is_left_of_the_first_clip(seed: int) -> None:
    torch.manual_seed(seed)
    # Each clip is one number, so the mixture shows how much of each is in it.
    values = torch.tensor([1.0, 10.0, 100.0])
    clips = values.view(3, 1, 1, 1, 1).expand(3, 3, 2, 40, 60)
    mixed, others, share = mix(clips, 1.0, cutmix=0.5)
    assert mixed.shape == clips.shape
    assert 0 <= share <= 1
    assert sorted(others.tolist()) == [0, 1, 2]
    means = mixed.mean((1, 2, 3, 4))
    assert means == pytest.approx(share * values + (1 - share) * values[others], rel=1e-4)
    assert clips[0, 0, 0, 0, 0] == 1  # the input is left as it was


def test_both_ways_occur_and_frames_are_changed_alike() -> None:
    torch.manual_seed(0)
    clips = torch.rand(2, 3, 4, 16, 16)
    pasted = 0
    for _ in range(200):
        mixed, others, _ = mix(clips, 1.0, cutmix=0.5)
        if others.tolist() == [0, 1]:
            continue
        same = (mixed == clips).all(1)  # (B, T, H, W)
        other = (mixed == clips[others]).all(1)
        if (same | other).all():
            pasted += 1
            assert all(torch.equal(same[0, 0], same[0, t]) for t in range(4))
    assert 25 < pasted < 75  # of about 100 that are mixed with another clip


def test_without_cutmix_clips_are_blended_only() -> None:
    torch.manual_seed(0)
    clips = torch.rand(4, 3, 2, 8, 8)
    for _ in range(20):
        mixed, others, share = mix(clips, 1.0)
        assert torch.allclose(mixed, share * clips + (1 - share) * clips[others])
