"""Progress on stderr."""

from __future__ import annotations

import io
import sys

import pytest

from action_recognition.cli.progress import late_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_late_bar_is_drawn_from_the_first_call_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    report = late_bar("computing")
    assert sys.stderr.getvalue() == ""
    for done in (1, 2, 3):
        report(done, 3)
    drawn = sys.stderr.getvalue()
    assert drawn.startswith("\rcomputing")
    assert "3/3" in drawn
    assert drawn.endswith("\n")  # closed


def test_a_log_file_gets_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    report = late_bar("computing")
    report(1, 1)
    assert capsys.readouterr().err == ""
