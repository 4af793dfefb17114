"""What a process can still do once it has confined itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="confinement needs Linux")

SETUP = """
import os, resource, socket, sys
import numpy as np
from action_recognition.video.confinement import bound, confine
from action_recognition.video.limits import Limits
"x".encode("idna")  # later, there are no files to import it from
missing = confine()
bound(Limits(memory_bytes=200_000_000, cpu_s=1))
def tried(what):
    try:
        what()
    except BaseException as error:
        return type(error).__name__
    return "done"
"""


def confined(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs code after `SETUP`; what it prints tells what happened."""
    return subprocess.run(
        [sys.executable, "-c", SETUP + code, *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_nothing_is_missing_here() -> None:
    """Guards: on a kernel without these, the test names what SECURITY.md says does not hold."""
    missing = confined("print(missing)").stdout.strip()
    if missing != "[]":
        pytest.skip(f"this kernel does not take away: {missing}")


@pytest.mark.parametrize(
    "attempt",
    [
        "open(sys.argv[1]).read()",
        "open(sys.argv[1], 'a')",
        "os.listdir('/')",
        "os.open(sys.argv[1] + '.new', os.O_CREAT | os.O_WRONLY)",
        "os.unlink(sys.argv[1])",
        "os.execv('/bin/true', ['true'])",
    ],
)
def test_no_file_is_reached(tmp_path: Path, attempt: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    secret.chmod(0o666)
    tmp_path.chmod(0o777)
    found = confined(f"print(missing, tried(lambda: {attempt}))", str(secret))
    if "files" in found.stdout:
        pytest.skip("this kernel has no Landlock")
    assert found.stdout.strip() == "[] PermissionError"
    assert secret.read_text() == "secret"


def test_no_network_is_reached() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"print(missing, tried(lambda: socket.create_connection(('127.0.0.1', {port}), 2)))"
        found = confined(code)
    if "network" in found.stdout:
        pytest.skip("this kernel allows no network of one's own")
    assert found.stdout.strip() == "[] OSError"  # network is unreachable


def test_memory_is_bounded() -> None:
    found = confined("print(tried(lambda: np.ones(50_000_000)))")  # 400 MB
    assert found.stdout.strip().endswith("MemoryError")


def test_open_files_and_written_bytes_are_bounded() -> None:
    found = confined(
        "print(tried(lambda: [os.dup(1) for _ in range(50)]))\n"
        "sys.stdout.flush()\n"
        "print(tried(lambda: os.write(os.memfd_create('m'), b'x')))\n"
    )
    assert found.stdout.split() == ["OSError", "OSError"]


def test_cpu_seconds_are_bounded() -> None:
    found = confined("while True: pass")
    assert found.returncode < 0  # killed
    assert not found.stderr


def test_root_becomes_nobody() -> None:
    found = confined("print(os.geteuid(), os.getegid())").stdout.split()
    assert "0" not in found
