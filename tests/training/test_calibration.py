"""Temperature and open-set rule of a model, from answers whose truth is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.probabilities import softmax
from action_recognition.models.runtime import VideoAnswer
from action_recognition.training.answers import Answers
from action_recognition.training.calibration import KEPT, calibrate
from tiny_network import TINY

CLASSES = ("A", "B", "C")
Logits = NDArray[np.float64]
Pair = tuple[NDArray[np.floating], NDArray[np.floating]]  # logits and likeness


def model_of(*background: str) -> Model:
    network = HybridNet(replace(TINY, classes=3 + len(background))).eval()
    return Model(network, CLASSES, Preprocessing(), background=background)


def answers(
    count: int,
    seed: int,
    *,
    spread: float,
    others: float | None = None,
    likeness: float | None = None,
) -> Answers:
    """Videos of six moments: the classes are drawn by the probabilities of the logits.

    Parameters:
        spread: of the moments of a video around its mean.
        others: logit of a background class; None: there is none.
        likeness: of each class on average; None: the network keeps no other answers.
    """
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, 3))
    labels = [CLASSES[random.choice(3, p=p)] for p in softmax(logits)]
    if others is not None:
        logits = np.c_[logits, random.normal(others, 1, count)]
    noise = random.normal(0, spread, (count, 6, logits.shape[1]))
    noise -= noise.mean(1, keepdims=True)
    moments = logits[:, None] + noise
    alike = np.zeros((count, 6, 0))
    if likeness is not None:
        alike = random.normal(likeness, 0.3, moments.shape).clip(max=0)
    videos = [
        VideoAnswer(logits[k], alike[k].mean(0), np.zeros(24), moments[k], alike[k])
        for k in range(count)
    ]
    return Answers(videos, labels)


def scaled(found: Answers, factor: float) -> Answers:
    return found._replace(
        videos=[v._replace(logits=v.logits * factor, moments=v.moments * factor)
                for v in found.videos]
    )  # fmt: skip


@pytest.mark.parametrize("factor", [0.5, 1.0, 4.0])
def test_the_temperature_takes_back_what_is_too_certain_or_not_enough(factor: float) -> None:
    known = scaled(answers(3000, 0, spread=0), factor)
    model = calibrate(model_of(), known, None)
    assert model.temperature == pytest.approx(factor, rel=0.1)
    assert model.window_temperature == pytest.approx(factor, rel=0.1)


def test_a_single_window_is_less_certain_than_the_video() -> None:
    model = calibrate(model_of(), answers(1500, 0, spread=2), None)
    assert model.temperature == pytest.approx(1, rel=0.1)
    assert model.window_temperature is not None
    assert model.window_temperature > 1.3


def known_shares(rule: OpenSetRule, temperature: float, seen: Iterable[Pair]) -> Logits:
    return np.array([rule.known_probability(x / temperature, like, 3) for x, like in seen])


def whole(found: Answers) -> list[Pair]:
    return [(v.logits, v.likeness) for v in found.videos]


def single(found: Answers) -> list[Pair]:
    """Of each moment of each video."""
    return [p for v in found.videos for p in zip(v.moments, v.moments_likeness, strict=True)]


@pytest.mark.parametrize("likeness", [None, -1.0])
@pytest.mark.parametrize("kept", [0.8, KEPT, 1.0])
@pytest.mark.parametrize("background", [(), ("Other",)])
def test_the_share_of_known_videos_and_windows_that_is_kept(
    kept: float, background: tuple[str, ...], likeness: float | None
) -> None:
    others = -2.0 if background else None
    known = scaled(answers(200, 0, spread=1, others=others, likeness=likeness), 3.0)
    model = calibrate(model_of(*background), known, None, kept=kept)
    assert model.temperature > 2  # it divides the logits, but no likeness
    for rule, temperature, seen in (
        (model.open_set, model.temperature, whole(known)),
        (model.window_open_set, model.window_temperature, single(known)),
    ):
        assert rule is not None
        assert temperature is not None
        found = known_shares(rule, temperature, seen)
        assert kept <= np.mean(found >= 0.5) <= kept + 0.01
        assert np.abs(found - 0.5).min() < 1e-6  # one of them lies at the threshold
        assert (rule.odds > 0) == bool(background)
        assert (rule.likeness > 0) == (likeness is not None)


def test_by_default_95_of_100_are_kept() -> None:
    known = answers(200, 0, spread=0)
    by_default, given = (calibrate(model_of(), known, None, **k) for k in ({}, {"kept": 0.95}))
    assert by_default.open_set == given.open_set
    assert by_default.open_set != calibrate(model_of(), known, None, kept=0.9).open_set


def test_unknown_videos_set_the_slope() -> None:
    known = answers(200, 0, spread=0, others=-4)
    unknown = answers(100, 1, spread=0, others=8)
    plain = calibrate(model_of("Other"), known, None).open_set
    rule = calibrate(model_of("Other"), known, unknown).open_set
    assert plain is not None
    assert rule is not None
    assert (rule.energy, rule.odds, rule.threshold) == (plain.energy, plain.odds, plain.threshold)
    assert plain.slope == 2
    assert rule.slope != 2
    temperature = calibrate(model_of("Other"), known, unknown).temperature
    assert np.mean(known_shares(rule, temperature, whole(unknown)) < 0.5) > 0.95


def test_the_likeness_of_unknown_videos_sets_the_slope_of_both_rules() -> None:
    """Their logits are those of known videos: the likeness alone tells them apart."""
    known = answers(200, 0, spread=1, likeness=-0.5)
    near, far = (answers(100, 1, spread=1, likeness=x) for x in (-1.5, -9.0))
    models = [calibrate(model_of(), known, unknown) for unknown in (near, far)]
    for name in ("open_set", "window_open_set"):
        one, two = (getattr(model, name) for model in models)
        assert replace(one, slope=two.slope) == two
        assert one.slope < two.slope
    model = models[1]
    assert model.open_set is not None
    assert model.window_open_set is not None
    assert model.window_temperature is not None
    for rule, temperature, seen in (
        (model.open_set, model.temperature, whole(far)),
        (model.window_open_set, model.window_temperature, single(far)),
    ):
        assert known_shares(rule, temperature, seen).max() < 0.5


def test_videos_of_different_lengths_and_a_part_of_them() -> None:
    found = answers(40, 0, spread=1, likeness=-1)
    videos = [
        v._replace(moments=v.moments[: 1 + k % 6], moments_likeness=v.moments_likeness[: 1 + k % 6])
        for k, v in enumerate(found.videos)
    ]
    found = found._replace(videos=videos)
    some = found.part(np.arange(40) % 4 == 0)
    assert some.labels == list(found.labels)[::4]
    assert [id(v) for v in some.videos] == [id(v) for v in videos[::4]]
    assert {len(v.moments) for v in some.videos} == {1, 3, 5}
    assert calibrate(model_of(), some, None).window_open_set is not None
    assert found.part(np.zeros(40, bool)) == ([], [])


def test_one_video_is_enough() -> None:
    model = calibrate(model_of(), answers(1, 0, spread=1), None)
    assert 0.05 <= model.temperature <= 20
    assert model.open_set is not None


def test_the_rest_of_the_model_stays() -> None:
    before = replace(model_of("Other"), metrics={"a": 1}, training={"b": 2})
    after = calibrate(before, answers(20, 0, spread=1, others=0), None)
    assert after.network is before.network
    for name in ("classes", "background", "preprocessing", "metrics", "training"):
        assert getattr(after, name) == getattr(before, name)
