"""Signals end a command as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from action_recognition.cli import endings
from action_recognition.cli.endings import Interrupted, ended_by_signals

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def as_in_the_foreground() -> Iterator[None]:
    before: dict[signal.Signals, Any] = {}
    for number in SIGNALS:
        ours = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        before[number] = signal.signal(number, ours)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_ends_it_with_the_command_to_go_on(signum: signal.Signals) -> None:
    before = signal.getsignal(signum)
    with pytest.raises(Interrupted) as caught, ended_by_signals(lambda: ["a", "b c"]):
        send(signum)
    assert str(caught.value) == "interrupted; go on with: a 'b c'"
    assert caught.value.signum == signum
    assert signal.getsignal(signum) is before


def test_what_a_signal_leads_to_does_not_hide_it() -> None:
    """A process that prepares clips gets it, too, and its end is an error of its own."""

    def train() -> None:
        try:
            send(signal.SIGTERM)
        except KeyboardInterrupt:
            raise RuntimeError("DataLoader worker exited unexpectedly") from None

    with pytest.raises(Interrupted) as caught, ended_by_signals(lambda: ["a"]):
        train()
    assert caught.value.signum == signal.SIGTERM


def test_a_signal_that_meets_a_destructor_ends_it_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards: Python prints and drops what a destructor raises."""
    monkeypatch.setattr(endings, "_PATIENCE_S", 0.1)

    class Object:
        def __del__(self) -> None:
            send(signal.SIGTERM)

    def train() -> None:
        Object()
        time.sleep(30)

    began_s = time.monotonic()
    with pytest.raises(Interrupted), ended_by_signals(lambda: ["a"]):
        train()
    assert time.monotonic() - began_s < 10
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("signum", SIGNALS)
def test_what_is_ignored_stays_ignored(signum: signal.Signals) -> None:
    signal.signal(signum, signal.SIG_IGN)
    with ended_by_signals(lambda: ["a"]):
        send(signum)
    assert signal.getsignal(signum) == signal.SIG_IGN


def test_errors_without_a_signal_are_themselves() -> None:
    with pytest.raises(ValueError, match=r"^x$"), ended_by_signals(lambda: ["a"]):
        raise ValueError("x")
    with pytest.raises(Interrupted) as caught, ended_by_signals(lambda: ["a"]):
        raise KeyboardInterrupt
    assert caught.value.signum == signal.SIGINT


def test_in_another_thread_it_leaves_signals_alone() -> None:
    done: list[bool] = []

    def run() -> None:
        with ended_by_signals(lambda: ["a"]):
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]
