"""The clock of live sources: stamps that can be trusted, or the wall's clock."""

from __future__ import annotations

import pytest

from action_recognition.video.live_clock import LiveClock

Answer = tuple[float, float]  # time in the stream, and when it is due


def run(clock: LiveClock, packets: list[tuple[float | None, float]]) -> list[Answer]:
    """Answers to (stamp, arrival)."""
    return [clock.at(stamp_s, stamp_s, arrived_s) for stamp_s, arrived_s in packets]


def times(answers: list[Answer]) -> list[float]:
    return [time_s for time_s, _ in answers]


def connected(*, stamped: bool = True, stored: bool = False) -> LiveClock:
    clock = LiveClock()
    clock.connect(stamped=stamped, stored=stored)
    return clock


@pytest.mark.parametrize("fps", [0.5, 2, 5, 12, 30, 50, 60])
def test_without_stamps_it_is_the_walls(fps: float) -> None:
    arrivals = [500 + k / fps for k in range(200)]
    answers = run(connected(stamped=False), [(k / 25, t) for k, t in enumerate(arrivals)])
    assert times(answers) == pytest.approx([k / fps for k in range(200)])
    assert [due_s for _, due_s in answers] == arrivals  # nothing is held back


@pytest.mark.parametrize("fps", [0.5, 5, 25, 60])
def test_stamps_are_kept_however_unsteadily_they_arrive(fps: float) -> None:
    stamps = [90 + k / fps for k in range(round(60 * fps))]
    unsteady = [500 + t - 90 + 0.4 * (k * 7 % 5) / 5 for k, t in enumerate(stamps)]
    answers = run(connected(), list(zip(stamps, sorted(unsteady), strict=True)))
    assert times(answers) == pytest.approx([t - 90 for t in stamps])


def test_a_packet_without_a_stamp_among_others_has_the_walls_clock() -> None:
    answers = run(connected(), [(7.0, 100.0), (None, 100.1), (7.2, 100.2)])
    assert times(answers) == pytest.approx([0.0, 0.1, 0.2])


@pytest.mark.parametrize("jump_s", [-40.0, -1.5, 1.5, 3600.0])
def test_stamps_that_begin_anew_do_not_change_the_time(jump_s: float) -> None:
    packets = [(10 + k / 10 + (jump_s if k >= 50 else 0), 500 + k / 10) for k in range(100)]
    answers = run(connected(), packets)
    assert times(answers) == pytest.approx([k / 10 for k in range(100)])
    assert answers[-1][1] == pytest.approx(500 + 9.9)


def test_a_camera_that_pauses_with_its_stamps_has_not_begun_anew() -> None:
    packets = [(2.0 * k, 500 + 2.0 * k) for k in range(30)]  # one frame in two seconds
    packets += [(58 + 9 + k / 10, 558 + 9 + k / 10) for k in range(30)]
    answers = run(connected(), packets)
    assert times(answers) == pytest.approx([stamp_s for stamp_s, _ in packets])


def test_what_a_slow_network_left_out_has_passed_all_the_same() -> None:
    """Silent for eight seconds; of these, the camera sends the first two and leaves six out."""
    packets = [(k / 10, 500 + k / 10) for k in range(100)]
    packets += [(10 + k / 10, 518.0) for k in range(20)]
    packets += [(18 + k / 10, 518.1 + k / 10) for k in range(50)]
    answers = run(connected(), packets)
    assert times(answers) == pytest.approx([stamp_s for stamp_s, _ in packets])


@pytest.mark.parametrize("piece_s", [2, 6, 10])
@pytest.mark.parametrize("speed", [2, 100])
def test_hls_comes_in_pieces_and_keeps_its_stamps(piece_s: int, speed: float) -> None:
    """Three pieces in a row, then each as soon as it is complete, at the network's speed."""
    fps, now_s, packets = 25, 500.0, []
    for k in range(120 * fps):
        complete_s = 500.0 + (k // fps // piece_s - 2) * piece_s
        now_s = max(now_s, complete_s) + 1 / fps / speed
        packets.append((k / fps, now_s))
    clock = connected()
    answers = run(clock, packets)
    assert clock.stamped
    assert times(answers) == pytest.approx([k / fps for k in range(120 * fps)])
    pace = [b[1] - a[1] for a, b in zip(answers[-500:], answers[-499:], strict=False)]
    assert max(pace) < 2 / fps  # it plays evenly, though it comes in pieces


@pytest.mark.parametrize(("fps", "claimed"), [(2, 25), (5, 25), (12, 25), (50, 25), (60, 25)])
def test_stamps_that_are_made_up_are_found_out(fps: int, claimed: int) -> None:
    packets = [(k / claimed, 500 + k / fps) for k in range(60 * fps)]
    clock = connected()
    answers = run(clock, packets)
    assert not clock.stamped
    late = [k for k in range(60 * fps) if k / fps > 30]
    assert [answers[k][0] for k in late] == pytest.approx([k / fps for k in late])
    clock.connect(stamped=True, stored=False)  # the same camera, opened again
    assert not clock.stamped


def test_a_slow_network_is_no_reason_to_give_stamps_up() -> None:
    """Ten seconds at half speed, then what was held up arrives at once."""
    packets, now_s = [], 500.0
    for k in range(1000):
        now_s += 0.08 if k % 250 < 125 else 0.0 if k % 250 < 245 else 0.02
        packets.append((k / 25, now_s))
    clock = connected()
    run(clock, packets)
    assert clock.stamped


def test_a_burst_at_the_start_is_no_delay_for_ever() -> None:
    """A server begins with what came since the last keyframe: four seconds."""
    answers = run(connected(), [(k / 10, 500 + max(0.0, k / 10 - 4)) for k in range(600)])
    waits = [due_s - (500 + max(0.0, k / 10 - 4)) for k, (_, due_s) in enumerate(answers)]
    assert waits[40] == pytest.approx(4.0)
    assert max(waits[450:]) < 1.1


def test_a_clock_that_is_too_quick_piles_nothing_up() -> None:
    """One in a thousand for three hours: ten seconds."""
    packets = [(k * 1.001, 500.0 + k) for k in range(3 * 3600)]
    answers = run(connected(), packets)
    waits = [due_s - arrived_s for (_, due_s), (_, arrived_s) in zip(answers, packets, strict=True)]
    assert max(waits) < 1.1


def test_a_clock_that_is_too_slow_makes_nothing_late() -> None:
    packets = [(k * 0.999, 500.0 + k) for k in range(3 * 3600)]
    answers = run(connected(), packets)
    assert all(due_s >= packet[1] for (_, due_s), packet in zip(answers, packets, strict=True))


def test_a_file_keeps_its_pace_and_its_pauses() -> None:
    stamps = [0.0, 0.04, 5.0, 5.04, 35.0]
    answers = run(connected(stored=True), [(t, 500.0) for t in stamps])
    assert times(answers) == stamps
    assert [due_s for _, due_s in answers] == [500 + t for t in stamps]


def test_a_file_is_never_ahead_of_its_time() -> None:
    """It is read as quickly as it comes: a minute in two seconds."""
    answers = run(connected(stored=True), [(k / 25, 500 + k / 750) for k in range(1500)])
    assert times(answers) == pytest.approx([k / 25 for k in range(1500)])


@pytest.mark.parametrize("stamped", [True, False])
def test_the_time_goes_on_across_a_break(stamped: bool) -> None:
    clock = connected(stamped=stamped)
    before = run(clock, [(70 + k / 10, 500 + k / 10) for k in range(10)])
    clock.connect(stamped=stamped, stored=False)
    after = run(clock, [(3 + k / 10, 512 + k / 10) for k in range(10)])
    assert times(before) == pytest.approx([k / 10 for k in range(10)])
    assert times(after) == pytest.approx([12 + k / 10 for k in range(10)])


def test_time_begins_with_the_first_picture_not_with_its_decoding() -> None:
    clock = connected()
    assert clock.at(9.92, 10.0, 500.0)[0] == pytest.approx(-0.08)
    assert clock.at(9.96, 10.12, 500.04)[0] == pytest.approx(-0.04)
