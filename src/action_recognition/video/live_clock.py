"""The clock of a live source: its time stamps where it brings some, else when its packets come."""

from __future__ import annotations

_JUMP_S = 1.0  # stamps that leave the wall's clock behind by more than this have begun anew
_STORED_JUMP_S = 60.0  # a file is read ahead, and a slide show has long pauses

# Stamps that go at another speed than the wall's clock for so many spans in a row are made up.
# HLS comes in pieces, now too fast, now too slow; but it may be fast for long at the start.
_SPAN_S = 5.0
_WRONG_SPEED = 1.5
_SLOW_SPANS, _FAST_SPANS = 3, 5

# What a source was ahead all this time (a burst at the start, or its clock is a little too quick)
# is delay for nothing; half a second is kept for what arrives unsteadily.
_AHEAD_S = 20.0
_RESERVE_S = 0.5


class LiveClock:
    """Says of each packet what time it is in the stream, and when it is due.

    Time begins at 0 with the first packet and goes on across connections: the pause between two of
    them counts. All arguments are in seconds.
    """

    def __init__(self) -> None:
        self._began_s: float | None = None
        self._trusted = True
        self.connect(stamped=True, stored=False)

    def connect(self, *, stamped: bool, stored: bool) -> None:
        """Begins another connection.

        Parameters:
            stamped: its packets bring time stamps.
            stored: it is a file, played at the speed of its stamps and never late.
        """
        self.stamped = stored or (stamped and self._trusted)
        self._stored = stored
        self._offset_s: float | None = None  # from a stamp to the time
        self._last = (0.0, 0.0)  # stamp and arrival of the packet before
        self._span: tuple[float, float] | None = None  # time and arrival at its start
        self._strikes = 0  # spans in a row that were too fast (positive) or too slow
        self._ahead: tuple[float, float] | None = None  # when it ends, and the least lead in it
        self._cut_s = 0.0  # lead that is given away

    def at(
        self, stamp_s: float | None, shown_s: float | None, arrived_s: float
    ) -> tuple[float, float]:
        """The time of a packet, and when it is due, by the clock of the arrivals.

        Parameters:
            stamp_s: when it is to be decoded, which never goes back; None: it has no stamp.
            shown_s: when its picture is to be shown, by the same clock; None: at once.
            arrived_s: by any clock that runs forward.
        """
        if self._began_s is None:
            self._began_s = arrived_s
        wall_s = arrived_s - self._began_s
        if not self.stamped or stamp_s is None:
            return wall_s, arrived_s
        if self._offset_s is None:
            self._offset_s = wall_s - (stamp_s if shown_s is None else shown_s)
            self._last = stamp_s, wall_s
        time_s = self._time(stamp_s, wall_s, self._offset_s)
        if self._stored:
            return time_s, self._began_s + time_s
        if not self._has_right_speed(time_s, wall_s):
            self.stamped = self._trusted = False
            return wall_s, arrived_s
        self._give_lead_away(time_s - self._cut_s - wall_s, wall_s)
        return time_s, max(arrived_s, self._began_s + time_s - self._cut_s)

    def _time(self, stamp_s: float, wall_s: float, offset_s: float) -> float:
        last_stamp_s, last_wall_s = self._last
        self._last = stamp_s, wall_s
        step_s, wall_step_s = stamp_s - last_stamp_s, wall_s - last_wall_s
        furthest_s = max(wall_s, last_stamp_s + offset_s)
        furthest_s += _STORED_JUMP_S if self._stored else _JUMP_S
        if step_s < -_JUMP_S or stamp_s + offset_s > furthest_s:
            offset_s += wall_step_s - step_s
        self._offset_s = offset_s
        return stamp_s + offset_s

    def _has_right_speed(self, time_s: float, wall_s: float) -> bool:
        if self._span is None:
            self._span = time_s, wall_s
        from_s, from_wall_s = self._span
        if wall_s - from_wall_s >= _SPAN_S:
            speed = (time_s - from_s) / (wall_s - from_wall_s)
            strike = (speed > _WRONG_SPEED) - (speed < 1 / _WRONG_SPEED)
            self._strikes = self._strikes + strike if strike * self._strikes > 0 else strike
            self._span = time_s, wall_s
        return -_SLOW_SPANS < self._strikes < _FAST_SPANS

    def _give_lead_away(self, lead_s: float, wall_s: float) -> None:
        ends_s, least_s = self._ahead or (wall_s + _AHEAD_S, lead_s)
        self._ahead = ends_s, min(least_s, lead_s)
        if wall_s >= ends_s:
            spare_s = min(least_s, lead_s) - _RESERVE_S
            if spare_s > _RESERVE_S:
                self._cut_s += spare_s
            self._ahead = None
