"""Segment metrics on cases worked out by hand."""

from __future__ import annotations

import pytest

from action_recognition.errors import UsageError
from action_recognition.evaluation.segment_metrics import (
    Matches,
    edit_score,
    frame_accuracy,
    match_segments,
)


def test_the_truth_itself_is_perfect() -> None:
    labels = "AAABBBCC"
    assert frame_accuracy(labels, labels) == 1
    assert match_segments(labels, labels, overlap=1) == Matches(3, 0, 0)
    assert match_segments(labels, labels, overlap=1).f1 == 1
    assert edit_score(labels, labels) == 1


def test_frame_accuracy_counts_frames() -> None:
    assert frame_accuracy("AAAABBBB", "AAABBBBC") == 6 / 8


@pytest.mark.parametrize(("overlap", "hits"), [(0.1, 2), (0.25, 2), (0.5, 1), (0.8, 0)])
def test_overlap_is_intersection_over_union(overlap: float, hits: int) -> None:
    # A: 2 of 6 frames in common with the truth, 1/3; B: 4 of 8, 1/2, each side by hand.
    truth, found = "AAAAAABBBB", "AABBBBBBBB"
    assert match_segments(truth, found, overlap=overlap) == Matches(hits, 2 - hits, 2 - hits)


def test_a_true_segment_is_hit_once() -> None:
    # The second A overlaps the same true segment again: a false alarm, and so is B.
    matches = match_segments("AAAAAAAAAA", "AAAABBAAAA", overlap=0.25)
    assert matches == Matches(1, 2, 0)
    assert matches.f1 == pytest.approx(2 / (2 + 2))


def test_f1_of_several_videos_is_that_of_the_sums() -> None:
    total = Matches(1, 2, 0) + Matches(3, 0, 1)
    assert total == Matches(4, 2, 1)
    assert total.f1 == pytest.approx(8 / 11)


@pytest.mark.parametrize(
    ("truth", "found", "score"),
    [
        ("AAABBB", "ABBBBB", 1.0),  # the order alone counts
        ("AABBCC", "AACCCC", 1 - 1 / 3),  # B is lost
        ("AAAAAA", "AABBAA", 1 - 2 / 3),  # B and a second A are too many
        ("AAABBB", "BBBAAA", 0.0),  # two substitutions of two
    ],
)
def test_edit_score_counts_changes_of_the_order(truth: str, found: str, score: float) -> None:
    assert edit_score(truth, found) == pytest.approx(score)


def test_background_is_left_out_where_it_is_named() -> None:
    truth, found = "--AA--", "A-AA-B"
    assert frame_accuracy(truth, found) == 4 / 6
    assert frame_accuracy(truth, found, background="-") == 1
    assert match_segments(truth, found, overlap=0.5).hits == 3
    assert match_segments(truth, found, overlap=0.5, background="-") == Matches(1, 2, 0)
    assert edit_score(truth, found, background="-") == pytest.approx(1 / 3)


def test_none_may_be_a_label_or_the_background() -> None:
    truth, found = [None, None, "A"], [None, "A", "A"]
    assert match_segments(truth, found, overlap=0.5) == Matches(2, 0, 0)
    assert match_segments(truth, found, overlap=0.5, background=None) == Matches(1, 0, 0)


def test_nothing_to_find_and_nothing_found_is_perfect() -> None:
    assert frame_accuracy("", "") == edit_score("", "") == 1
    assert match_segments("", "", overlap=0.5).f1 == 1


def test_senseless_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="2 true labels, but 1"):
        frame_accuracy("AA", "A")
    with pytest.raises(UsageError, match="overlap=0"):
        match_segments("A", "A", overlap=0)
