"""Corrections teach: what changes, what stays, and figures of what was held back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from action_recognition.clips import Preprocessing
from action_recognition.datasets.corrections import (
    CorrectedSegment,
    CorrectedVideo,
    Corrections,
    Kind,
    digest_of,
)
from action_recognition.errors import DataError
from action_recognition.models.model_file import Model, load_model, save_model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.stored_network import stored
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.training.anchored import likeness_of, logits_of, teach
from action_recognition.training.correct import Figures, correct
from action_recognition.training.segment_reading import Seen, read_segments
from tiny_network import build_tiny_model
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
HIDDEN = 24
RULE = OpenSetRule(energy=0.5, odds=0.5, threshold=-20.0, slope=1.0, likeness=2.0)


@pytest.fixture
def model(tiny_preprocessing: Preprocessing) -> Model:
    """Two classes, one of the background; it keeps the answers of another network."""
    tiny = build_tiny_model(tiny_preprocessing, pretrained=5)
    return replace(
        tiny, network=stored(tiny.network), classes=("A", "B"), background=("other",),
        open_set=RULE, temperature=0.7,
    )  # fmt: skip


def seen_of(
    model: Model, action: str | None, place: int, video: int, kind: Kind | None = "corrected"
) -> Seen:
    """Three moments of features that stand out at a place; without a kind, nobody has spoken."""
    random = np.random.default_rng((place, video))
    features = random.uniform(0, 0.3, (3, HIDDEN))
    features[:, place] += 4
    weights = stored(model.network).weights
    logits = features @ weights["dense.weight"].T + weights["dense.bias"]
    segment = kind and CorrectedSegment(video, 0, 3, action, kind)
    seen = Seen(video, features, logits, np.zeros((3, 3)), False, segment or None)
    return replace(seen, likeness=likeness_of(model, seen))


def named(model: Model, old: Model, seen: Seen) -> str:
    outputs = [*model.classes, *model.background]
    return outputs[int(logits_of(old, model, seen).mean(0).argmax())]


def test_it_learns_what_was_corrected_and_a_new_action(model: Model) -> None:
    seen = [
        seen_of(model, action, place, video)
        for video in range(3)
        for place, action in enumerate(["A", "B", "C", None])
    ]
    taught = teach(model, seen, strength=0.03)
    assert (taught.classes, taught.background) == (("A", "B", "C"), ("other",))
    assert (taught.temperature, taught.open_set) == (model.temperature, model.open_set)
    for place, action in enumerate(["A", "B", "C", "other"]):
        assert named(taught, model, seen_of(model, None, place, 9)) == action


def test_the_new_action_is_like_its_segments(model: Model) -> None:
    seen = [seen_of(model, name, place, 0) for place, name in ((0, "A"), (2, "C"))]
    taught = teach(model, seen, strength=0.1)
    alike = likeness_of(taught, seen_of(model, None, 2, 5)).mean(0)
    assert alike[2] > -0.05
    typical = [stored(m.network).weights["typical"] for m in (model, taught)]
    assert np.array_equal(typical[0][1], typical[1][1])  # B: nobody has spoken of it
    assert (typical[1] ** 2).sum(1) == pytest.approx((typical[0][[0, 1, 1, 2]] ** 2).sum(1), abs=1)


def test_confirmed_segments_do_not_change_what_is_typical(model: Model) -> None:
    taught = teach(model, [seen_of(model, "A", 0, 0, "confirmed")], strength=1.0)
    assert np.allclose(
        stored(taught.network).weights["typical"], stored(model.network).weights["typical"]
    )


def test_a_strong_tie_changes_nothing(model: Model) -> None:
    seen = [seen_of(model, "A", 1, 0), seen_of(model, "B", 0, 1)]
    taught = teach(model, seen, strength=1e9)
    for s in seen:
        assert logits_of(model, taught, s) == pytest.approx(s.logits, abs=1e-3)


def test_what_nobody_has_spoken_of_is_held(model: Model) -> None:
    wrong = seen_of(model, "B", 0, 0)
    rest = [seen_of(model, None, place, 0, None) for place in range(4, 12)]

    def moved(taught: Model) -> float:
        return float(np.mean([np.abs(logits_of(model, taught, s) - s.logits) for s in rest]))

    assert moved(teach(model, [wrong, *rest], strength=0.01)) < moved(
        teach(model, [wrong], strength=0.01)
    )


def recognizer_of(model: Model) -> Recognizer:
    return Recognizer(model, device="cpu")


def test_figures_are_of_videos_that_were_held_back(model: Model) -> None:
    easy = [seen_of(model, "C", 3, video) for video in range(4)]
    alone = [seen_of(model, "D", 6, 0)]
    right = named(model, model, seen_of(model, None, 5, 0))
    kept = [seen_of(model, None if right == "other" else right, 5, v, "confirmed") for v in (1, 2)]
    steps: list[tuple[int, int]] = []
    taught = correct(recognizer_of(model), [*easy, *alone, *kept], lambda *s: steps.append(s))
    assert taught.corrected == Figures(4, old=0, new=4)
    assert taught.confirmed.segments == 2
    assert (taught.by_video, taught.untested, taught.unused) == (True, 1, 0)
    assert taught.model.classes == ("A", "B", "C", "D")
    assert taught.model.metrics == {}  # they were those of the old one
    assert steps == [(k, 5) for k in range(1, 6)]
    table = taught.to_markdown("old.h5", "new.h5").splitlines()
    assert [len(line) for line in table] == [len(table[0])] * 4
    assert "| corrected or added | 4        | 0 right | 4 right |" in table


def test_of_one_video_segments_are_held_back(model: Model) -> None:
    found = correct(recognizer_of(model), [seen_of(model, "C", 3, 0) for _ in range(3)])
    assert (found.by_video, found.corrected.segments) == (False, 3)
    single = correct(recognizer_of(model), [seen_of(model, "C", 3, 0)])
    assert (single.corrected.segments, single.untested) == (0, 1)


def test_none_cannot_be_learned_without_a_background(model: Model) -> None:
    plain = replace(model, classes=("A", "B", "other"), background=())
    seen = [seen_of(plain, None, 0, 0), seen_of(plain, "B", 1, 1)]
    assert correct(recognizer_of(plain), seen).unused == 1
    with pytest.raises(DataError, match="no segment that this model can learn from"):
        correct(recognizer_of(plain), seen[:1])


def project(path: Path, segments: Sequence[tuple[float, float, str | None]]) -> Corrections:
    video = CorrectedVideo("My film", path.name, digest_of(path))
    return Corrections((video,), tuple(CorrectedSegment(0, *s, "corrected") for s in segments))


def test_the_file_answers_as_was_computed(
    model: Model, make_video: MakeVideo, tmp_path: Path
) -> None:
    path = make_video("film.mp4", seconds=6).path
    recognizer = recognizer_of(model)
    seen = read_segments(
        recognizer, project(path, [(3.0, 5.0, "C"), (0.0, 1.0, "B"), (2.0, 2.1, "A")]), [tmp_path]
    )
    assert [s.segment.start_s if s.segment else None for s in seen][:3] == [0, 2, 3]
    assert {len(s.features) for s in seen[1:2]} == {1}  # shorter than a window
    assert len(seen) > 3
    taught = teach(model, seen, strength=0.1)
    save_model(taught, tmp_path / "my.h5")
    again = read_segments(
        recognizer_of(load_model(tmp_path / "my.h5")), project(path, [(0.0, 1.0, "B")]), [tmp_path]
    )
    assert again[0].logits == pytest.approx(logits_of(model, taught, seen[0]), abs=0.05)
    assert again[0].likeness == pytest.approx(likeness_of(taught, seen[0]), abs=0.01)


def test_a_segment_behind_the_end_is_named(
    model: Model, make_video: MakeVideo, tmp_path: Path
) -> None:
    path = make_video("film.mp4", seconds=1).path
    with pytest.raises(DataError, match=r"^My film: a segment begins at 4 s, but .* ends at 1 s"):
        read_segments(recognizer_of(model), project(path, [(4.0, 5.0, "A")]), [tmp_path])
