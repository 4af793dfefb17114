"""The thread that reads a live source: it holds little, drops what is late, and opens it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import pytest

from action_recognition.errors import VideoError
from action_recognition.video import live_reader
from action_recognition.video.live_reader import LiveReader

Step = Callable[[], None] | Any  # something to do, or a packet


def packet(number: int, *, fps: float = 10, key: bool = True, size: int = 100) -> Any:
    return SimpleNamespace(
        number=number, pts=number, dts=number, time_base=Fraction(1) / Fraction(fps),
        is_keyframe=key, size=size, opaque=None,
    )  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now

    def at(self, time_s: float) -> Callable[[], None]:
        """A step: from now on it is this time."""
        return lambda: setattr(self, "now", 500.0 + time_s)


class FakeConnection:
    codec = None

    def __init__(self, *steps: Step, stamped: bool = False, stored: bool = False) -> None:
        self.stamped, self.stored = stamped, stored
        self.closed = False
        self.wait: Callable[[], None] = lambda: None  # after each packet
        self._steps = list(steps)

    def packets(self) -> Iterator[Any]:
        while self._steps:
            step = self._steps.pop(0)
            if not callable(step):
                yield step
                self.wait()
            else:
                step()

    def stamps(self, packet: Any) -> tuple[float | None, float | None]:
        if not self.stamped:
            return None, None
        return float(packet.dts * packet.time_base), float(packet.pts * packet.time_base)

    def close(self) -> None:
        self.closed = True


class FakeAddress:
    """Opens one connection after the other; an error is raised instead."""

    name = "door"

    def __init__(self, *connections: FakeConnection | VideoError, can_end: bool = True) -> None:
        self.can_end = can_end
        self.connections = list(connections)

    def open(self) -> FakeConnection:
        if not self.connections:
            raise VideoError("door", "it cannot be opened (Connection refused)")
        connection = self.connections.pop(0)
        if isinstance(connection, VideoError):
            raise connection
        return connection


def breaks(error: Exception) -> Callable[[], None]:
    def step() -> None:
        raise error

    return step


LOST = breaks(ConnectionResetError(104, "Connection reset by peer"))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_reader, "PAUSES_S", (0.0,) * 5)


@contextmanager
def reading(
    address: FakeAddress, *, said: list[str] | None = None, reopen: bool = False
) -> Iterator[LiveReader]:
    notify = (lambda sentence: None) if said is None else said.append
    reader = LiveReader(address, notify=notify, reopen=reopen)  # type: ignore[arg-type]
    try:
        yield reader
    finally:
        reader.close()


def all_of(address: FakeAddress, clock: Clock, **settings: Any) -> list[tuple[bool, int, float]]:
    """(after a gap, number, time) of each packet, taken as soon as it comes."""

    def taken() -> None:
        while reader._waiting:
            time.sleep(0.0005)

    for connection in address.connections:
        if isinstance(connection, FakeConnection):
            connection.wait = taken
    with reading(address, **settings) as reader:
        return [(gap, r.packet.number, r.time_s) for gap, r in reader.packets(clock)]


def test_the_time_is_that_of_the_arrival() -> None:
    clock = Clock()
    steps: list[Step] = []
    for k in range(10):
        steps += [clock.at(k / 5), packet(k, fps=25)]
    found = all_of(FakeAddress(FakeConnection(*steps)), clock)
    assert found == [(False, k, pytest.approx(k / 5)) for k in range(10)]


def test_a_pictures_own_time_travels_with_its_packet() -> None:
    clock = Clock()
    late = packet(0)
    later = packet(1)
    later.pts = 3  # shown after two that are still to come
    with reading(FakeAddress(FakeConnection(late, later, stamped=True))) as reader:
        opaque = [r.packet.opaque for _, r in reader.packets(clock)]
    assert opaque == pytest.approx([0.0, 0.3])


def taken_slowly(steps: list[Step], clock: Clock, **facts: bool) -> tuple[list[Any], int]:
    """The first packet, and those that are taken once everything else has come."""
    first_taken = threading.Event()
    steps.insert(2, lambda: first_taken.wait(60))  # after the first time and the first packet
    with reading(FakeAddress(FakeConnection(*steps, **facts))) as reader:
        packets = reader.packets(clock)
        found = [next(packets)]
        first_taken.set()
        reader._thread.join(60)
        found += packets
        return [(gap, r.packet.number) for gap, r in found], reader.dropped


@pytest.mark.parametrize("stamped", [True, False])
def test_what_waits_for_too_long_is_dropped(stamped: bool) -> None:
    clock = Clock()
    steps: list[Step] = []
    for k in range(40):
        steps += [clock.at(k / 10), packet(k)]
    found, dropped = taken_slowly(steps, clock, stamped=stamped)
    assert found == [(False, 0), (True, 39)]
    assert dropped == 38


def test_what_waits_for_a_moment_is_not() -> None:
    clock = Clock()
    steps: list[Step] = []
    for k in range(10):
        steps += [clock.at(k / 10), packet(k)]
    found, dropped = taken_slowly(steps, clock)
    assert found == [(False, k) for k in range(10)]
    assert dropped == 0


def test_only_a_keyframe_can_be_gone_on_from() -> None:
    clock = Clock()
    steps: list[Step] = []
    for k in range(45):
        steps += [clock.at(k / 10), packet(k, key=k % 15 == 0)]
    found, dropped = taken_slowly(steps, clock)
    # From the last keyframe on; as those after it are late, too, and no other comes, they are
    # given up.
    assert found == [(False, 0), (True, 30)]
    assert dropped == 29 + 14


def test_the_end_is_no_frame_and_never_late() -> None:
    """It drains the decoder, and a camera may have been silent for long before it."""
    clock = Clock()
    end = packet(0, size=0)
    end.pts = end.dts = None
    steps: list[Step] = [clock.at(0), packet(0), clock.at(0.1), packet(1), clock.at(9), end]
    found, dropped = taken_slowly(steps, clock)
    assert found == [(False, 0), (True, 0)]  # the end; the one before it was late
    assert dropped == 1


def test_what_comes_early_waits_and_is_not_dropped() -> None:
    """HLS: twenty seconds at once. The caller shows them when they are due."""
    clock = Clock()
    steps: list[Step] = [packet(k, key=k % 10 == 0) for k in range(200)]
    arrived = threading.Event()
    with reading(FakeAddress(FakeConnection(*steps, arrived.set, stamped=True))) as reader:
        numbers = []
        for _, received in reader.packets(clock):
            assert arrived.wait(60)
            numbers.append(received.packet.number)
            assert received.due_s == pytest.approx(500 + received.packet.number / 10)
            clock.now = received.due_s
    assert numbers == list(range(200))
    assert reader.dropped == 0


@pytest.mark.parametrize("limit", ["_MOST_PACKETS", "_MOST_BYTES"])
def test_it_holds_little(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes anything: only what came last is kept."""
    monkeypatch.setattr(live_reader, limit, 8 if limit == "_MOST_PACKETS" else 800)
    clock, held = Clock(), []
    steps: list[Step] = [packet(0)]
    for k in range(1, 30):
        steps += [packet(k), lambda: held.append(len(reader._waiting))]
    done = threading.Event()
    with reading(FakeAddress(FakeConnection(*steps, done.set))) as reader:
        packets = reader.packets(clock)
        next(packets)
        assert done.wait(60)
        left = [r.packet.number for _, r in packets]
    assert max(held) <= 8
    assert left == list(range(29 - len(left) + 1, 30))
    assert len(left) + reader.dropped == 29


def test_a_file_is_not_read_ahead_without_end_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_reader, "_MOST_PACKETS", 8)
    clock, held, numbers = Clock(), [], []
    steps: list[Step] = []
    for k in range(100):
        steps += [packet(k), lambda: held.append(len(reader._waiting))]
    address = FakeAddress(FakeConnection(*steps, stamped=True, stored=True))
    with reading(address, reopen=True) as reader:  # a file has an end, whatever is asked for
        for _, received in reader.packets(clock):
            numbers.append(received.packet.number)
            clock.now += 10  # much slower than it plays
    assert numbers == list(range(100))
    assert max(held) <= 8
    assert reader.dropped == 0


def test_stamps_that_are_found_out_leave_nothing_to_wait_for() -> None:
    """Fifty frames/s that claim to be 25: what is due by those stamps comes too late."""
    clock = Clock()
    steps: list[Step] = []
    for k in range(50 * 40):
        steps += [clock.at(k / 50), packet(k, fps=25)]
    with reading(FakeAddress(FakeConnection(*steps, stamped=True))) as reader:
        latest = [r for _, r in reader.packets(clock)][-1]
    assert latest.time_s == pytest.approx(40, abs=0.1)
    assert latest.due_s == pytest.approx(540, abs=0.1)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(104, "Connection reset by peer"),
        av.error.OSError(5, "Input/output error"),
        av.error.ExitError(1, "Immediate exit requested"),
    ],
)
def test_a_source_that_breaks_off_is_opened_again_and_its_time_goes_on(error: Exception) -> None:
    clock, said = Clock(), []
    first = FakeConnection(packet(0), clock.at(0.1), packet(1), breaks(error))
    second = FakeConnection(clock.at(7), packet(0), clock.at(7.1), packet(1))
    found = all_of(FakeAddress(first, second), clock, said=said)
    assert [time_s for _, _, time_s in found] == pytest.approx([0, 0.1, 7, 7.1])
    assert first.closed
    assert second.closed
    assert len(said) == 1
    assert said[0].startswith("door: it broke off (")
    assert said[0].endswith("it is opened again in 0 s (try 1 of 5)")


def test_after_five_tries_in_a_row_it_is_given_up() -> None:
    clock, said = Clock(), []
    address = FakeAddress(FakeConnection(packet(0), LOST))
    with pytest.raises(VideoError) as caught:
        all_of(address, clock, said=said)
    assert str(caught.value) == (
        "door: it cannot be opened (Connection refused); 5 tries to open it again have failed"
    )
    assert [s.rsplit("(", 1)[1] for s in said] == [f"try {k} of 5)" for k in range(1, 6)]


def test_a_source_that_breaks_off_before_each_first_packet_is_given_up_too() -> None:
    address = FakeAddress(
        FakeConnection(packet(0), LOST), *(FakeConnection(LOST) for _ in range(9))
    )
    with pytest.raises(VideoError, match="5 tries"):
        all_of(address, Clock())
    assert len(address.connections) == 4


def test_whenever_something_came_the_tries_are_counted_anew() -> None:
    refused = VideoError("door", "it cannot be opened (Connection refused)")
    rounds = (*[refused] * 4, FakeConnection(packet(1), LOST))
    again = (*[refused] * 4, FakeConnection(packet(2)))
    address = FakeAddress(FakeConnection(packet(0), LOST), *rounds, *again)
    assert [number for _, number, _ in all_of(address, Clock())] == [0, 1, 2]


@pytest.mark.parametrize(
    ("can_end", "reopen", "count"), [(True, False, 1), (True, True, 2), (False, False, 2)]
)
def test_an_end_is_an_end_where_the_protocol_has_one(
    can_end: bool, reopen: bool, count: int
) -> None:
    """A web server closes the connection; RTSP and cameras never end, they break off."""
    address = FakeAddress(FakeConnection(packet(0)), FakeConnection(packet(1)), can_end=can_end)
    clock, numbers = Clock(), []
    with reading(address, reopen=reopen) as reader:
        for _, received in reader.packets(clock):
            numbers.append(received.packet.number)
            if len(numbers) == count:
                break
    assert numbers == list(range(count))
    assert len(address.connections) == 2 - count


def test_a_file_that_breaks_off_does_not_begin_anew() -> None:
    address = FakeAddress(FakeConnection(packet(0), LOST, stored=True), FakeConnection(packet(0)))
    with pytest.raises(VideoError, match=r"door: it broke off \(Connection reset by peer\)"):
        all_of(address, Clock())


def test_damage_in_the_stream_is_passed_over() -> None:
    damaged = breaks(av.InvalidDataError(1, "damaged"))
    address = FakeAddress(FakeConnection(packet(0), damaged, damaged, packet(1), damaged))
    assert [number for _, number, _ in all_of(address, Clock())] == [0, 1]


def test_a_stream_of_damage_alone_is_one_that_broke_off() -> None:
    said: list[str] = []
    damaged = breaks(av.InvalidDataError(1, "damaged"))
    address = FakeAddress(FakeConnection(packet(0), *(damaged,) * 2000), FakeConnection(packet(1)))
    assert len(all_of(address, Clock(), said=said)) == 2
    assert said == ["door: it sends no video any more; it is opened again in 0 s (try 1 of 5)"]


def test_what_cannot_be_opened_at_first_is_not_tried_again() -> None:
    said: list[str] = []
    with pytest.raises(VideoError, match="Connection refused"), reading(FakeAddress(), said=said):
        pass
    assert said == []


def test_a_fault_of_the_thread_is_raised_where_it_is_seen() -> None:
    address = FakeAddress(FakeConnection(packet(0), breaks(ZeroDivisionError("a defect"))))
    with pytest.raises(ZeroDivisionError, match="a defect"):
        all_of(address, Clock())


def test_it_closes_at_once_though_the_source_is_silent() -> None:
    silence = threading.Event()
    connection = FakeConnection(packet(0), lambda: silence.wait(60), packet(1))
    with reading(FakeAddress(connection)) as reader:
        next(reader.packets(Clock()))
    silence.set()
    reader._thread.join(60)
    assert connection.closed  # by the thread, when FFmpeg gives it back


def test_it_closes_at_once_though_it_waits_to_open_the_source_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_reader, "PAUSES_S", (1000.0,))
    address = FakeAddress(FakeConnection(packet(0), LOST), FakeConnection(packet(1)))
    with reading(address) as reader:
        next(reader.packets(Clock()))
    reader._thread.join(60)
    assert not reader._thread.is_alive()
    assert len(address.connections) == 1
