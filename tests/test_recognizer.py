from __future__ import annotations

import io
import json
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from action_recognition import Prediction, Recognizer, VideoError
from action_recognition.models.probabilities import video_probabilities
from action_recognition.clips import to_input
from action_recognition.errors import ModelFileError, UsageError
from action_recognition.models.model_file import Model, load_model
from action_recognition.outputs import run_clips


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
    assert prediction.probabilities == dict(prediction.ranked)
    assert prediction.file == "kitchen.mp4"
    assert prediction.clips is None
    assert "kitchen.mp4" in repr(prediction)


def test_to_dict_keeps_what_the_command_line_promises(make_video, recognizer) -> None:
    prediction = recognizer.predict(make_video("a.mp4", seconds=3).path)
    answer = prediction.to_dict()
    assert {
        "file", "action", "probability", "known", "familiarity", "probabilities", "duration_s",
        "elapsed_s", "clips_s", "timings_s",
    } == set(answer)  # fmt: skip
    assert json.loads(json.dumps(answer)) == answer
    assert answer["file"] == "a.mp4"
    assert answer["action"] == prediction.action
    assert answer["probability"] == pytest.approx(prediction.probability, abs=1e-6)
    assert answer["known"] is answer["familiarity"] is None  # this model has no rule for it
    assert next(iter(answer["probabilities"])) == prediction.action
    assert answer["duration_s"] == pytest.approx(3.0)
    assert answer["elapsed_s"] == pytest.approx(sum(answer["timings_s"].values()), abs=0.005)


def test_clips_lie_where_the_answer_says(make_video, recognizer) -> None:
    prediction = recognizer.predict(make_video(seconds=3).path)
    assert len(prediction.clips_s) == 3  # as the model says
    assert prediction.clips_s[0] == (0.0, pytest.approx(0.28, abs=0.021))
    assert prediction.clips_s[-1] == (pytest.approx(2.68, abs=0.021), pytest.approx(2.96))
    assert len(recognizer.predict(make_video().path, clips=5).clips_s) == 5


def test_probabilities_are_those_of_the_mean_over_clips(make_video, recognizer) -> None:
    path = make_video(seconds=3, pattern=colours).path
    prediction = recognizer.predict(path, keep_frames=True)
    frames = prediction.clips.frames
    assert frames.shape == (3, 4, 32, 32, 3)
    assert frames.dtype == np.uint8
    network, settings = recognizer.model.network, recognizer.model.preprocessing
    logits = [run_clips(network, frames[k : k + 1], settings)[0] for k in range(3)]
    each = [video_probabilities(x, 1.0) for x in logits]
    spread = np.ptp(each, axis=0).max()
    assert spread > 0.01  # clips differ, or this would show nothing
    mean = np.exp(np.mean(np.log(each), axis=0))
    mean = dict(zip(recognizer.classes, mean / mean.sum(), strict=True))
    assert prediction.probabilities == pytest.approx(mean, abs=spread / 10)
    with torch.no_grad():  # and without bfloat16
        exact = network(to_input(frames, settings)).mean(0).softmax(0)
    exact = dict(zip(recognizer.classes, exact.tolist(), strict=True))
    assert prediction.probabilities == pytest.approx(exact, abs=0.03)


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
    found = list(recognizer.predict_many([paths[0], bad, *paths[1:]], clips=2))
    assert [source for source, _ in found] == [paths[0], bad, *paths[1:]]
    assert isinstance(found[1][1], VideoError)
    assert "bad.mp4" in str(found[1][1])
    for source, answer in (found[0], *found[2:]):
        expected = recognizer.predict(source, clips=2)
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


@pytest.mark.parametrize("seconds", [0.04, 0.2])
def test_video_shorter_than_a_clip(make_video, recognizer, seconds: float) -> None:
    prediction = recognizer.predict(make_video(seconds=seconds).path)
    assert len(prediction.clips_s) == 1
    assert sum(prediction.probabilities.values()) == pytest.approx(1)


def test_file_object_equals_path(make_video, recognizer) -> None:
    path = make_video("a.mp4", pattern=colours).path
    prediction = recognizer.predict(io.BytesIO(path.read_bytes()), name="upload.mp4")
    assert prediction.ranked == recognizer.predict(path).ranked
    assert prediction.file == "upload.mp4"


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi", "webm"])
@pytest.mark.parametrize("clips", [None, 1])
def test_truncated_video_gets_no_answer(make_video, recognizer, ending: str, clips) -> None:
    """Guards: one clip from the middle of a cut file, or a cut AVI, gave an answer in silence."""
    made = make_video(f"v.{ending}", seconds=4, audio=4.0, faststart=ending == "mp4")
    data = made.path.read_bytes()
    for percent in (10, 30, 50, 70, 90):
        made.path.write_bytes(data[: len(data) * percent // 100])
        with pytest.raises(VideoError, match=rf"v\.{ending}: .*truncated"):
            recognizer.predict(made.path, clips=clips)


def test_wrong_arguments(make_video, recognizer, tiny_model: Model) -> None:
    with pytest.raises(UsageError, match="device='tpu', must be one of auto, cpu, cuda"):
        Recognizer(tiny_model, device="tpu")
    with pytest.raises(UsageError, match="count=0"):
        recognizer.predict(make_video().path, clips=0)
    with pytest.raises(ModelFileError, match=r"none\.h5: there is no such model file"):
        Recognizer.load("none.h5")


def test_describe_is_fit_for_json(recognizer) -> None:
    described = json.loads(json.dumps(recognizer.describe()))
    assert described["classes"] == ["Jumping", "Reading", "Swimming"]
    assert described["preprocessing"]["frames"] == 4
    assert described["clips"] == 3
    assert described["metrics"] == {"accuracy": 0.5}


def test_prediction_checks_its_probabilities(make_video, recognizer) -> None:
    good = recognizer.predict(make_video().path)
    for ranked in ((), (("a", 0.5),), (("a", float("nan")),)):
        with pytest.raises(UsageError, match="must sum to 1"):
            Prediction("a.mp4", ranked, good.clips_s, good.video, good.timings)


def test_real_clips_of_every_class_are_read(recognizer, shared_dir: Path) -> None:
    folders = [f for f in sorted((shared_dir / "originals").glob("*")) if f.is_dir()]
    if not folders:
        pytest.skip("needs original AVI clips in ../shared/originals")
    for folder in folders:
        path = min(folder.glob("*.avi"))
        assert recognizer.predict(path).video.container == "avi", path.name
