"""Writes shards as others do, and clips to write into shards."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from action_recognition.datasets.manifest import Clip, Manifest


def write_tar(path: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    """A tar file of these files in their order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def clips_of(folder: Path, *, train: int = 12, val: int = 3, test: int = 4) -> Manifest:
    """Files that pass for clips, of two classes, each a group of its own."""
    clips = []
    for split, count in {"train": train, "val": val, "test": test}.items():
        for number in range(count):
            label = ("Jump", "Run")[number % 2]
            path = folder / label / f"{split} {number}.v1.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{split}{number}".encode() * (100 + 70 * number))
            clips.append(Clip(path, label, "own", label.lower(), str(path), split, 1.5))
    return Manifest((*clips, Clip(folder / "bad.mp4", "Run", "own", "run", "bad", "refused")))
