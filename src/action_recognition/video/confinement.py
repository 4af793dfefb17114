"""What the process that decodes a stranger's file may still do: almost nothing.

Linux only. Each restriction is applied where the kernel has it; `SECURITY.md` says what holds
where.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

import landlock

from action_recognition.video.limits import Limits

_NEW_USERS, _NEW_NETWORK = 0x1000_0000, 0x4000_0000  # CLONE_NEWUSER, CLONE_NEWNET of <sched.h>
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_NOBODY = 65534
_OPEN_FILES = 16  # the input, the frames, the socket, and what the interpreter has open


def confine() -> list[str]:
    """Takes away from this process, for good, what decoding does not need.

    It has no network, opens no file, starts no program, and is another user if it was root.

    Returns:
        what this kernel does not take away: "network", "files"; normally empty.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    missing = []
    # As root, no new users are needed for it.
    new = _NEW_NETWORK if os.geteuid() == 0 else _NEW_NETWORK | _NEW_USERS
    if libc.unshare(new) != 0:
        missing.append("network")
    if os.geteuid() == 0:
        with suppress(OSError):
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
    libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)  # a new user would clear it
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    try:
        landlock.Ruleset().apply()  # no path is allowed
    except (OSError, landlock.LandlockError):
        missing.append("files")
    return missing


def bound(limits: Limits) -> None:
    """Bounds the memory and the CPU seconds that this process may use from now on."""
    in_use = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_AS, _ADDRESS_SPACE + limits.memory_bytes)
    # It ends with a sentence before that.
    _limit(resource.RLIMIT_CPU, int(in_use.ru_utime + in_use.ru_stime + limits.cpu_s) + 2)


def _limit(kind: int, value: int) -> None:
    with suppress(ValueError, OSError):  # lower already
        resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


_ADDRESS_SPACE = _address_space()  # bytes in use once everything is imported
