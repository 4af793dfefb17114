"""One file of an archive."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """One file of an archive.

    Parameters:
        path: what the archive calls it, checked to stay inside.
        size: of its content, in bytes.
        crc: the CRC-32 of its content; None where the archive has another checksum.
    """

    path: PurePosixPath
    size: int
    crc: int | None
    _open: Callable[[], IO[bytes]]

    def is_at(self, target: Path) -> bool:
        """Whether its content stands there."""
        if not target.is_file() or target.stat().st_size != self.size:
            return False
        found = 0
        with target.open("rb") as file:
            while self.crc is not None and (piece := file.read(_CHUNK)):
                found = zlib.crc32(piece, found)
        return self.crc in (None, found)
