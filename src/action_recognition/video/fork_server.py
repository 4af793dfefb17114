"""Starts the process that forks a decoder for each file, and takes decoders from it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import action_recognition

_END_S = 0.1  # from the end of a child to that of the server that was its reason
_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "VIRTUAL_ENV")


class ForkServer:
    """The process that forks a decoder for each file."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = str(Path(action_recognition.__path__[0]).parent)
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        path = os.pathsep.join(filter(None, (root, kept.get("PYTHONPATH"))))
        # One arena, one thread: what they reserve counts against the limit of memory.
        single = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "action_recognition.video.worker",
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                env={**kept, "PYTHONPATH": path, **single},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._lock = threading.Lock()
        self.owner = os.getpid()

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self.owner == os.getpid() and self._process.poll() is None

    def ended(self) -> bool:
        """Whether it has ended just now, as its children do with it."""
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return False
        return True

    def take(self) -> tuple[socket.socket, int]:
        """A child: the socket to talk to it, and a descriptor of its process."""
        with self._lock:
            self._ours.send(b".")
            taken = socket.recv_fds(self._ours, 1, 2, socket.MSG_CMSG_CLOEXEC)[1]
        if not taken:
            raise BrokenPipeError
        return socket.socket(fileno=taken[0]), taken[1]


_server: ForkServer | None = None
_server_lock = threading.Lock()


def take_decoder() -> tuple[socket.socket, int]:
    """A process that waits for its file: the socket to talk to it, and its descriptor.

    Raises:
        OSError: none can be started.
    """
    try:
        return _running().take()
    except OSError:  # it was ended from outside, perhaps for want of memory
        return _running(anew=True).take()


def server_has_ended() -> bool:
    """Whether a decoder ended because the process that had forked it did, not for its file."""
    return _server is None or _server.ended()


def _running(*, anew: bool = False) -> ForkServer:
    global _server
    with _server_lock:
        if _server is None or anew or not _server.alive:
            _server = ForkServer()
        return _server
