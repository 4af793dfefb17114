"""Figures of the report against figures counted by hand, with answers that are given here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from action_recognition.datasets.manifest import Clip
from action_recognition.errors import DataError, VideoError
from action_recognition.evaluation import evaluate as module
from action_recognition.evaluation.evaluate import Evaluation, evaluate
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import Prediction, Timings
from action_recognition.video import VideoInfo
from action_recognition.video.orientation import UPRIGHT
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

CLASSES = ("Crawling", "Drinking", "Hitting", "Running")
DATASETS = {"Crawling": "UCF101", "Drinking": "HMDB51", "Hitting": "HMDB51", "Running": "HMDB51"}
INFO = VideoInfo(1.0, 25.0, 64, 48, "h264", "mp4", UPRIGHT, False)

# What is true and what is answered, first and second. Running has no videos.
ANSWERS = [
    ("Crawling", "Crawling", "Hitting"),
    ("Crawling", "Crawling", "Drinking"),
    ("Crawling", "Drinking", "Crawling"),
    ("Drinking", "Drinking", "Hitting"),
    ("Drinking", "Hitting", "Running"),
    ("Hitting", "Hitting", "Drinking"),
    ("Hitting", "Crawling", "Hitting"),
    ("Hitting", "Running", "Drinking"),
]


class FakeRecognizer:
    """Answers by the name of the file: `<number>_<first>_<second>[_<known probability>].mp4`."""

    def __init__(self, classes: Sequence[str] = CLASSES) -> None:
        self.classes = tuple(classes)
        self.asked: list[str] = []

    def predict(self, path: Path, name: str) -> Prediction:
        self.asked.append(path.name)
        number, first, second, *known = path.stem.split("_")
        if first == "damaged":
            raise VideoError(path.name, "the file is empty")
        rest = [c for c in self.classes if c not in (first, second)]
        share = 0.2 / max(1, len(rest))
        ranked = [(first, 0.5 if rest else 0.7), (second, 0.3), *((c, share) for c in rest)]
        return Prediction(
            path.name, tuple(ranked), float(known[0]) if known else 0.9, (), INFO,
            Timings(0, 0, float(number)),
        )  # fmt: skip


def clip_of(
    number: int, label: str, first: str, second: str = "Running", group: str | None = None
) -> Clip:
    return Clip(
        Path(f"{number}_{first}_{second}.mp4"),
        label,
        DATASETS.get(label, "own"),
        label,
        group or f"g{number}",
        "test",
    )


CLIPS = [clip_of(k, *answer) for k, answer in enumerate(ANSWERS)]


@pytest.fixture(autouse=True)
def fewer_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOOTSTRAP_SAMPLES", 25)


def measure(
    clips: Sequence[Clip], recognizer: FakeRecognizer | None = None, **settings: Any
) -> Evaluation:
    fake: Any = recognizer or FakeRecognizer()
    return evaluate(fake, clips, split="test", **settings)


# -- figures -------------------------------------------------------------------------------


def test_overall_figures_are_those_counted_by_hand() -> None:
    overall = measure(CLIPS).overall
    # Precision 2/3, 1/2, 1/2; recall 2/3, 1/2, 1/3; F1 2/3, 1/2, 2/5.
    expected = {
        "accuracy": 4 / 8,
        "top-2 accuracy": 6 / 8,
        "macro precision": (2 / 3 + 1 / 2 + 1 / 2) / 3,
        "macro recall": (2 / 3 + 1 / 2 + 1 / 3) / 3,
        "macro-F1": (2 / 3 + 1 / 2 + 2 / 5) / 3,
        "accuracy, HMDB51 classes": 2 / 5,
        "macro-F1, HMDB51 classes": (1 / 2 + 2 / 5) / 2,
        "accuracy, UCF101 classes": 2 / 3,
        "macro-F1, UCF101 classes": 2 / 3,
    }
    assert {name: i.value for name, i in overall.items()} == pytest.approx(expected)


def test_figures_of_each_class() -> None:
    rows = measure(CLIPS).per_class
    assert [(c.label, c.dataset, c.support) for c in rows] == [
        ("Crawling", "UCF101", 3),
        ("Drinking", "HMDB51", 2),
        ("Hitting", "HMDB51", 3),
    ]
    figures = [(c.precision, c.recall, c.f1) for c in rows]
    assert figures == [
        pytest.approx((2 / 3, 2 / 3, 2 / 3)),
        pytest.approx((1 / 2, 1 / 2, 1 / 2)),
        pytest.approx((1 / 2, 1 / 3, 2 / 5)),
    ]


def test_confusion_has_true_classes_in_rows_and_answers_in_columns() -> None:
    measured = measure(CLIPS)
    assert measured.confusion.tolist() == [
        [2, 1, 0, 0],
        [0, 1, 1, 0],
        [1, 0, 1, 1],
        [0, 0, 0, 0],
    ]
    assert measured.classes == CLASSES
    assert (measured.videos, measured.groups, measured.split) == (8, 8, "test")
    assert measured.seconds_per_video == 3.5  # the median of 0..7


def test_right_answers_give_ones_throughout() -> None:
    clips = [clip_of(k, label, label) for k, label in enumerate(CLASSES[:3] * 2)]
    for interval in measure(clips).overall.values():
        assert (interval.value, interval.low, interval.high) == (1, 1, 1)


def test_one_data_set_has_no_figures_apart() -> None:
    names = measure([c for c in CLIPS if c.dataset == "HMDB51"]).overall
    assert list(names) == [
        "accuracy",
        "top-2 accuracy",
        "macro precision",
        "macro recall",
        "macro-F1",
    ]


def test_two_classes_have_no_top_2() -> None:
    fake = FakeRecognizer(("Drinking", "Hitting"))
    clips = [clip_of(k, "Drinking", "Hitting", "Drinking") for k in range(3)]
    overall = measure(clips, fake).overall
    assert "top-2 accuracy" not in overall
    assert overall["accuracy"].value == 0


# -- intervals -----------------------------------------------------------------------------


@pytest.mark.slow
def test_interval_holds_the_value_and_is_the_same_each_time() -> None:
    first, second = measure(CLIPS).overall, measure(CLIPS).overall
    assert first == second
    for interval in first.values():
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert first["accuracy"].low < first["accuracy"].value < first["accuracy"].high


@pytest.mark.slow
def test_bootstrap_draws_groups_and_not_videos() -> None:
    """Ten videos, half of them right: in one group there is nothing to draw from."""
    answers = [("Drinking", "Drinking"), ("Drinking", "Hitting")] * 5
    one = [clip_of(k, *a, group="g") for k, a in enumerate(answers)]
    interval = measure(one).overall["accuracy"]
    assert (interval.value, interval.low, interval.high) == (0.5, 0.5, 0.5)
    mixed = [clip_of(k, *a, group=f"g{k // 2}") for k, a in enumerate(answers)]
    interval = measure(mixed).overall["accuracy"]  # in each group half of them is right
    assert (interval.low, interval.high) == (0.5, 0.5)
    alike = [clip_of(k, *a, group=f"g{k % 2}") for k, a in enumerate(answers)]
    interval = measure(alike).overall["accuracy"]  # all of one group are right, none of the other
    assert (interval.low, interval.high) == (0, 1)
    assert measure(mixed).groups == 5


def test_groups_of_two_data_sets_with_one_name_are_two() -> None:
    clips = [clip_of(k, c, c, group="g") for k, c in enumerate(("Crawling", "Hitting"))]
    assert measure(clips).groups == 2


# -- what is not measured ------------------------------------------------------------------


@pytest.mark.slow
def test_refused_files_are_listed_and_counted_nowhere() -> None:
    damaged = clip_of(9, "Hitting", "damaged", group="g9")
    measured = measure([*CLIPS, damaged])
    assert measured.refused == (("9_damaged_Running.mp4", "the file is empty"),)
    clean = measure(CLIPS)
    assert measured.overall == clean.overall
    assert np.array_equal(measured.confusion, clean.confusion)
    assert (measured.videos, measured.groups) == (8, 8)
    assert "- 9_damaged_Running.mp4: the file is empty" in measured.to_markdown().splitlines()
    assert "Refused" not in clean.to_markdown()


@pytest.mark.slow
def test_classes_that_the_model_does_not_know_are_left_out() -> None:
    fake = FakeRecognizer()
    seen: list[tuple[int, int]] = []
    measured = measure(
        [clip_of(20, "Juggling", "Hitting"), *CLIPS],
        fake,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert measured.overall == measure(CLIPS).overall
    assert measured.videos == 8
    assert fake.asked == [c.path.name for c in CLIPS]
    assert seen == [(k, 8) for k in range(1, 9)]


def test_nothing_to_measure() -> None:
    with pytest.raises(DataError, match=r"split 'test'.*knows \(Crawling, Drinking"):
        measure([clip_of(0, "Juggling", "Hitting")])
    with pytest.raises(DataError, match="no video in the split 'test'"):
        measure([])
    with pytest.raises(DataError, match="none of the 2 videos in the split 'test' can be read"):
        measure([clip_of(k, "Hitting", "damaged") for k in range(2)])


# -- the report ----------------------------------------------------------------------------


def test_to_dict_is_json() -> None:
    values = measure([*CLIPS, clip_of(9, "Hitting", "damaged")]).to_dict()
    again = json.loads(json.dumps(values, allow_nan=False))
    assert again == values
    assert values["overall"]["accuracy"]["value"] == 0.5
    assert values["per_class"][2] == {
        "class": "Hitting",
        "dataset": "HMDB51",
        "precision": 0.5,
        "recall": 0.333333,
        "f1": 0.4,
        "videos": 3,
    }
    assert values["confusion"][2] == [1, 0, 1, 1]
    assert values["refused"] == [{"file": "9_damaged_Running.mp4", "reason": "the file is empty"}]


def test_markdown_has_a_row_for_each_class_and_figure() -> None:
    measured = measure(CLIPS)
    lines = measured.to_markdown().splitlines()
    assert lines[0].startswith("8 videos of 8 groups, split `test`.")
    assert "25 samples" in lines[0]
    assert "| Crawling | UCF101 | 0.667 | 0.667 | 0.667 | 3 |" in lines
    assert "| Hitting | HMDB51 | 0.500 | 0.333 | 0.400 | 3 |" in lines
    for name, interval in measured.overall.items():
        assert f"| {name} | {interval} |" in lines
    interval = measured.overall["accuracy"]
    assert str(interval) == f"0.500 ({interval.low:.3f} to {interval.high:.3f})"
    assert sum(line.startswith("| ") for line in lines) == 2 + 9 + 3  # two of them are headings


# -- unknown videos ------------------------------------------------------------------------


def unknown_clip(number: int, label: str, known: float, dataset: str = "UCF101") -> Clip:
    path = Path(f"{number}_Hitting_Drinking_{known}.mp4")
    return Clip(path, label, dataset, label, f"u{number}", "test")


UNKNOWN = [
    unknown_clip(30, "Juggling", 0.2),
    unknown_clip(31, "Juggling", 0.95),
    unknown_clip(32, "Skating", 0.4, "HMDB51"),
]


def test_unknown_videos_count_for_the_open_set_figures_only() -> None:
    seen: list[tuple[int, int]] = []
    measured = measure(CLIPS, unknown=UNKNOWN, on_progress=lambda *done: seen.append(done))
    found = measured.open_set
    assert found is not None
    assert (found.known, found.unknown) == (8, 3)
    assert found.auroc["all"] == pytest.approx(2 / 3)  # 0.9 lies above two of the three
    assert found.kept == 1
    assert found.refused == pytest.approx(2 / 3)
    assert found.per_class == {"Juggling": 0.5, "Skating": 1.0}
    assert measured.overall == measure(CLIPS).overall
    assert (measured.videos, measured.groups) == (8, 8)
    assert seen[-1] == (11, 11)
    assert "8 known videos against 3 of unknown classes" in measured.to_markdown()
    values = json.loads(json.dumps(measured.to_dict(), allow_nan=False))
    assert values["open_set"]["unknown_videos"] == 3


def test_without_unknown_videos_there_are_no_such_figures() -> None:
    measured = measure(CLIPS)
    assert measured.open_set is None
    assert measured.to_dict()["open_set"] is None
    assert "None of these" not in measured.to_markdown()


@pytest.mark.slow
def test_unknown_videos_that_cannot_be_read_are_refused() -> None:
    damaged = Clip(Path("9_damaged_x.mp4"), "Juggling", "own", "x", "g", "test")
    measured = measure(CLIPS, unknown=[damaged, *UNKNOWN])
    assert measured.refused == (("9_damaged_x.mp4", "the file is empty"),)
    assert measured.open_set is not None
    assert measured.open_set.unknown == 3
    assert measure(CLIPS, unknown=[damaged]).open_set is None


def test_a_known_class_cannot_be_unknown() -> None:
    with pytest.raises(DataError, match="class 'Crawling' cannot be unknown: the model knows it"):
        measure(CLIPS, unknown=CLIPS)


# -- a real model --------------------------------------------------------------------------


def test_with_a_real_model_and_videos(make_video: Any, tiny_model: Any) -> None:
    made: list[MadeVideo] = [make_video(f"{k}.mp4", seconds=0.5) for k in range(2)]
    labels = tiny_model.classes
    recognizer = Recognizer(tiny_model, device="cpu")
    answer = recognizer.predict(made[0].path).nearest_action
    clips = [Clip(m.path, answer, "own", "x", m.path.stem, "val") for m in made]
    clips.append(Clip(made[0].path.with_name("gone.mp4"), answer, "own", "x", "g", "val"))
    measured = evaluate(recognizer, clips, split="val")
    assert measured.overall["accuracy"].value == 1
    assert measured.confusion[labels.index(answer), labels.index(answer)] == 2
    assert measured.refused == (("gone.mp4", "there is no such file"),)
    assert 0 < measured.seconds_per_video < 60
