"""What takes long ends in one way, by Ctrl-C or by a signal, and says how to go on."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Interrupted(KeyboardInterrupt):
    """A signal has ended a command.

    Parameters:
        signum: number of the signal.
        command: the words of the command that goes on.
    """

    def __init__(self, signum: int, command: Sequence[str]) -> None:
        super().__init__(f"interrupted; go on with: {shlex.join(command)}")
        self.signum = signum


@contextmanager
def ended_by_signals(command: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Around a command: SIGTERM and SIGHUP end it as Ctrl-C does.

    A signal that is ignored stays so, as under `nohup`. Whatever error a signal leads to, for
    example of a process that prepares clips, it is the signal that is said.

    Parameters:
        command: asked for the words of the command that goes on, once it was interrupted.

    Raises:
        Interrupted: a signal came.
    """
    came: list[int] = []

    def end(signum: int, _: Any) -> None:
        came.append(signum)
        raise KeyboardInterrupt

    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():  # others cannot set any
        for number in (getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, end)
    try:
        yield
    except BaseException as error:
        if came or isinstance(error, KeyboardInterrupt):
            signum = came[0] if came else signal.SIGINT
            raise Interrupted(signum, command()) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
