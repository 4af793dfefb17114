"""What takes long ends in one way, by Ctrl-C or by a signal, and says how to go on."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
_PATIENCE_S = 5.0  # after which a signal that has ended nothing is tried again


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
    timers: list[threading.Timer] = []
    reported = sys.unraisablehook

    def end(signum: int, _: Any) -> None:
        came.append(signum)
        sys.unraisablehook = lambda _: None  # what is torn down on the way says nothing
        # Python drops an exception in a destructor, and the work would go on.
        again = threading.Timer(_PATIENCE_S, _send, [signum])
        again.daemon = True
        again.start()
        timers.append(again)
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
        for timer in timers:
            timer.cancel()
        sys.unraisablehook = reported
        for number, handler in before.items():
            signal.signal(number, handler)


def _send(signum: int) -> None:
    """To the main thread, in whose waits only a true signal is heard."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signum)
    else:  # Windows
        interrupt_main(signal.Signals(signum))
