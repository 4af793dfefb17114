"""A video in, a ranked answer out: alone, among many, from several threads."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from action_recognition import Recognizer, VideoError
from action_recognition.clips import Preprocessing
from action_recognition.errors import ModelFileError, UsageError
from action_recognition.models.model_file import SHIPPED_MODELS, Model, load_model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.probabilities import softmax
from action_recognition.models.saliency import heat_maps
from tiny_network import build_tiny_model


@pytest.fixture
def recognizer(tiny_model_path: Path) -> Recognizer:
    return Recognizer.load(tiny_model_path, device="cpu")


def colours(index: int, time_s: float, width: int, height: int, *, first: int = 0) -> np.ndarray:
    """Another colour each second, on the right half only."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, width // 2 :, (int(time_s) + first) % 3] = 255
    return image


def test_answer_is_ranked_and_sums_to_one(make_video, recognizer) -> None:
    prediction = recognizer.predict(make_video("kitchen.mp4", seconds=3).path)
    values = [p for _, p in prediction.ranked]
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(1, abs=1e-6)
    assert all(0 <= p <= 1 for p in values)
    assert {a for a, _ in prediction.ranked} == {"Jumping", "Reading", "Swimming"}
    assert (prediction.action, prediction.probability) == prediction.ranked[0]
    assert prediction.known_probability == 1  # this model has no rule for it
    assert prediction.file == "kitchen.mp4"
    assert prediction.clips is None
    assert prediction.video.duration_s == pytest.approx(3)


@pytest.mark.parametrize(
    ("seconds", "shape", "spans"),
    [
        (0.04, (1, 1), [(0, 0)]),
        (0.2, (1, 2), [(0, 0.08)]),
        (3, (1, 30), [(0, 2.88)]),
        (8, (5, 4), [(0, 0.28), (1.88, 2.2), (3.8, 4.08), (5.68, 6.0), (7.6, 7.88)]),
    ],
)
def test_the_network_sees_the_frames_that_the_answer_names(
    make_video, recognizer, seconds: float, shape: tuple[int, int], spans: list
) -> None:
    """Of a video of up to 60 frames of the grid all, of a longer one five windows."""
    path = make_video(seconds=seconds, pattern=colours).path
    stages: list[str] = []
    prediction = recognizer.predict(path, keep_frames=True, on_stage=stages.append)
    frames = prediction.clips.frames
    assert stages == ["open", "decode", "network"]
    assert frames.shape == (*shape, 32, 32, 3)
    assert [list(map(float, span)) for span in prediction.clips_s] == [
        pytest.approx(span, abs=0.021) for span in spans
    ]
    logits = recognizer.runtime.answer(frames).logits
    expected = dict(zip(recognizer.classes, softmax(logits), strict=True))
    assert prediction.probabilities == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("pretrained", [0, 5])
def test_temperature_and_background_classes(
    make_video, tiny_preprocessing: Preprocessing, pretrained: int
) -> None:
    path = make_video(seconds=1).path
    rule = OpenSetRule(energy=1.0, odds=0.5, threshold=0.0, slope=0.1, likeness=2.0)
    model = replace(
        build_tiny_model(tiny_preprocessing, pretrained=pretrained),
        classes=("Jumping", "Reading"),
        background=("Swimming",),
        temperature=4.0,
        open_set=rule,
    )
    recognizer = Recognizer(model, device="cpu")
    prediction = recognizer.predict(path, keep_frames=True)
    answer = recognizer.runtime.answer(prediction.clips.frames)
    logits, likeness = answer.logits, answer.likeness
    assert prediction.probabilities == pytest.approx(
        dict(zip(("Jumping", "Reading"), softmax(logits[:2] / 4), strict=True)), abs=1e-5
    )
    known = rule.known_probability(logits / 4, likeness, 2)
    assert 0.01 < known < 0.99
    assert prediction.known_probability == pytest.approx(known, abs=1e-5)
    without = rule.known_probability(logits / 4, likeness[:0], 2)
    assert (abs(known - without) > 0.01) == bool(pretrained)
    for shift, action in ((-0.1, prediction.nearest_action), (0.1, None)):
        threshold = float(rule.score(logits / 4, likeness, 2)) + shift
        changed = replace(model, open_set=replace(rule, threshold=threshold))
        found = Recognizer(changed, device="cpu").predict(path)
        assert (found.action, found.nearest_action) == (action, prediction.nearest_action)


def test_same_video_same_answer(make_video, recognizer, tiny_model_path: Path) -> None:
    path = make_video(seconds=3, pattern=colours).path
    first = recognizer.predict(path).ranked
    assert recognizer.predict(path).ranked == first
    assert Recognizer(load_model(tiny_model_path), device="cpu").predict(path).ranked == first


def test_many_files_have_the_answers_of_each_and_bad_ones_their_errors(
    make_video, recognizer, tmp_path: Path
) -> None:
    paths = [
        make_video(f"{k}.mp4", seconds=2, pattern=partial(colours, first=k)).path for k in range(3)
    ]
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    found = list(recognizer.predict_many([paths[0], bad, *paths[1:]]))
    assert [source for source, _ in found] == [paths[0], bad, *paths[1:]]
    assert isinstance(found[1][1], VideoError)
    assert "bad.mp4" in str(found[1][1])
    for source, answer in (found[0], *found[2:]):
        expected = recognizer.predict(source)
        assert answer.ranked == expected.ranked
        assert answer.clips_s == expected.clips_s
        assert answer.file == source.name
        assert answer.timings.total_s > 0


def test_of_many_files_few_are_read_ahead(make_video, recognizer) -> None:
    path, asked = make_video(seconds=1).path, []

    def sources():
        for k in range(50):
            asked.append(k)
            yield path

    many = recognizer.predict_many(sources())
    next(many)
    many.close()  # the thread that reads ends, too
    assert len(asked) <= 5
    assert not [t for t in threading.enumerate() if t.name == "decoding" and t.is_alive()]


def test_threads_share_one_recognizer(make_video, recognizer) -> None:
    paths = [
        make_video(f"{k}.mp4", seconds=1, pattern=partial(colours, first=k)).path for k in range(3)
    ]
    expected = [recognizer.predict(path).ranked for path in paths]
    values = [[dict(ranked)[c] for c in recognizer.classes] for ranked in expected]
    assert np.ptp(values, axis=0).max() > 0.01  # videos differ, or this would show nothing
    wrong: list[object] = []

    def work(shift: int) -> None:
        for k in range(4):
            chosen = (k + shift) % 3
            try:
                ranked = recognizer.predict(paths[chosen]).ranked
            except Exception as error:
                wrong.append(error)
            else:
                if dict(ranked) != pytest.approx(dict(expected[chosen]), abs=1e-4):
                    wrong.append((chosen, ranked))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_file_object_equals_path(make_video, recognizer) -> None:
    path = make_video("a.mp4", pattern=colours).path
    prediction = recognizer.predict(io.BytesIO(path.read_bytes()), name="upload.mp4")
    assert prediction.ranked == recognizer.predict(path).ranked
    assert prediction.file == "upload.mp4"


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi", "webm"])
@pytest.mark.parametrize("seconds", [4, 9])
def test_truncated_video_gets_no_answer(make_video, recognizer, ending: str, seconds: int) -> None:
    """Guards: clips from the parts that are left of a cut file gave an answer in silence."""
    faststart = ending == "mp4"
    made = make_video(f"v.{ending}", seconds=seconds, audio=seconds, faststart=faststart)
    data = made.path.read_bytes()
    for percent in (10, 30, 50, 70, 90):
        made.path.write_bytes(data[: len(data) * percent // 100])
        with pytest.raises(VideoError, match=rf"v\.{ending}: .*truncated"):
            recognizer.predict(made.path)


def test_wrong_arguments(tiny_model: Model) -> None:
    with pytest.raises(UsageError, match="device='tpu', must be one of auto, cpu, cuda"):
        Recognizer(tiny_model, device="tpu")
    with pytest.raises(ModelFileError, match=r"none\.h5: there is no such model file"):
        Recognizer.load("none.h5")


@pytest.mark.parametrize("name", [None, "shipped", "kinetics600"])
def test_models_by_name(name: str | None, tiny_model_path: Path, monkeypatch) -> None:
    found = "kinetics600" if name == "kinetics600" else "shipped"
    monkeypatch.setitem(SHIPPED_MODELS, found, str(tiny_model_path))
    recognizer = Recognizer.load(name, device="cpu")
    assert recognizer.classes == ("Jumping", "Reading", "Swimming")
    assert recognizer.window == 4


def test_explain(make_video, recognizer) -> None:
    prediction = recognizer.predict(make_video(seconds=8).path, keep_frames=True)
    frames = prediction.clips.frames
    for clip, action in ((0, None), (4, "Reading")):
        heat = recognizer.explain(prediction, clip=clip, action=action)
        assert heat.shape == (4, 32, 32)
        target = recognizer.classes.index(action or prediction.nearest_action)
        expected = heat_maps(recognizer.runtime, frames[clip], target, answers=3)
        assert np.array_equal(heat, expected)


def test_what_cannot_be_explained(make_video, recognizer) -> None:
    path = make_video(seconds=1).path
    with pytest.raises(UsageError, match=r"has no frames; use predict\(keep_frames=True\)"):
        recognizer.explain(recognizer.predict(path))
    prediction = recognizer.predict(path, keep_frames=True)
    with pytest.raises(UsageError, match="clip=1, but there are 1"):
        recognizer.explain(prediction, clip=1)
    with pytest.raises(UsageError, match="clip=-1"):
        recognizer.explain(prediction, clip=-1)
    with pytest.raises(UsageError, match="'Flying' is no action of this model"):
        recognizer.explain(prediction, action="Flying")


def test_describe_is_fit_for_json(recognizer) -> None:
    assert json.loads(json.dumps(recognizer.describe())) == {
        "classes": ["Jumping", "Reading", "Swimming"],
        "preprocessing": {"interval_s": 0.1, "size": 32, "max_aspect": 4 / 3},
        "window_frames": 4,
        "temperature": 1.0,
        "says_none_of_these": False,
        "metrics": {"accuracy": 0.5},
        "training": {"seed": 7},
    }


def test_real_clips_of_every_class_are_read(recognizer, shared_dir: Path) -> None:
    folders = [f for f in sorted((shared_dir / "originals").glob("*")) if f.is_dir()]
    if not folders:
        pytest.skip("needs original AVI clips in ../shared/originals")
    for folder in folders:
        path = min(folder.glob("*.avi"))
        assert recognizer.predict(path).video.container == "avi", path.name
