"""Writes clips into WebDataset's shards, whole and always the same."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np

from action_recognition.datasets.file_names import as_text
from action_recognition.datasets.locking import only_one
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.shards.read import (
    INDEX,
    Entry,
    format_index,
    read_entries,
)
from action_recognition.datasets.splits import SPLITS
from action_recognition.errors import DataError, VideoError
from action_recognition.files import open_regular, replacing, write_whole
from action_recognition.video import has_video_name

_NAME = re.compile(r"(?:train|val|test)-\d{6,}\.tar")
_LONGEST_STEM = 60  # characters of a clip's name that stay in its key
_LARGEST = 2**33 - 1  # bytes of a member


@dataclass(frozen=True)
class Written:
    """What was written: the shards of each split with their clips and bytes.

    Parameters:
        shards: (name, number of clips, bytes) of each.
        kept: how many of them were there already.
    """

    shards: tuple[tuple[str, int, int], ...]
    kept: int


@dataclass(frozen=True)
class _Planned:
    """A clip with its key and what the shard will say of it."""

    clip: Clip
    key: str
    info: bytes
    size: int

    @property
    def video(self) -> str:
        ending = self.clip.path.suffix.lower() if has_video_name(self.clip.path) else ".mp4"
        return self.key + ending


def write_shards(
    manifest: Manifest,
    folder: str | Path,
    *,
    shard_bytes: int = 256 * 2**20,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Writes the clips that are in a split into `train-000000.tar`, ..., `val-...`, `test-...`.

    The clips of a split come in random order. A shard that is there and has the same clips, none of
    them changed since, is kept. The same clips give the same bytes.

    Parameters:
        shard_bytes: a shard is closed before it gets larger; one clip alone may be.
        seed: of the order.
        on_progress: called with (clips done, clips in total).

    Raises:
        DataError: a clip cannot be read, the folder has shards of other clips, or cannot be
            written.
    """
    folder = Path(folder)
    plan = _plan(manifest, shard_bytes, seed)
    _check_folder(folder, plan)
    entries: list[Entry] = []
    done, total, kept = 0, sum(map(len, plan.values())), 0
    try:
        with only_one(folder.with_name(f".{folder.name}.lock")):
            (folder / INDEX).unlink(missing_ok=True)  # it is not of shards that are half done
            for name, clips in plan.items():
                path = folder / name
                if _is_done(path, clips):
                    kept += 1
                else:
                    _write(path, clips)
                entries += read_entries(path)
                done += len(clips)
                if on_progress is not None:
                    on_progress(done, total)
            write_whole(folder / INDEX, format_index(entries))
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: cannot be written ({error.strerror})"
        ) from None
    sizes = {name: (folder / name).stat().st_size for name in plan}
    return Written(tuple((n, len(clips), sizes[n]) for n, clips in plan.items()), kept)


def _check_folder(folder: Path, plan: Mapping[str, Sequence[_Planned]]) -> None:
    there = {p.name for p in folder.glob("*.tar")} if folder.is_dir() else set()
    strange = sorted(name for name in there - set(plan) if _NAME.fullmatch(name))
    if strange:
        raise DataError(
            f"{folder}: {strange[0]} is not of these clips; name an empty folder, or delete it"
        )
    sources = {c.clip.part.path.parent for clips in plan.values() for c in clips if c.clip.part}
    if folder.absolute() in sources:
        raise DataError(f"{folder}: the clips come from there; name another folder")


def _plan(manifest: Manifest, shard_bytes: int, seed: int) -> dict[str, list[_Planned]]:
    """The shards by their names, each with its clips."""
    plan: dict[str, list[_Planned]] = {}
    base = _common_folder([c for c in manifest.clips if c.split in SPLITS])
    for number, split in enumerate(SPLITS):
        clips = manifest.split(split)
        order = np.random.default_rng((seed, number)).permutation(len(clips)).tolist()
        shards: list[list[_Planned]] = []
        room = 0
        for place, index in enumerate(order):
            planned = _planned(clips[index], place, base)
            needed = _blocks(len(planned.info)) + _blocks(planned.size)
            if needed > room or not shards:
                shards.append([])
                room = shard_bytes - tarfile.RECORDSIZE
            shards[-1].append(planned)
            room -= needed
        plan |= {f"{split}-{k:06d}.tar": shard for k, shard in enumerate(shards)}
    if not plan:
        raise DataError("no clip is in a split: there is nothing to write")
    return plan


def _planned(clip: Clip, place: int, base: str) -> _Planned:
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", as_text(clip.path.stem))[:_LONGEST_STEM]
    info = {
        **{"label": clip.label, "split": clip.split, "dataset": clip.dataset},
        **{"original_class": clip.original_class, "duration_s": clip.duration_s},
        "group": _portable(as_text(clip.group), base),
    }
    try:
        size = clip.size()
    except OSError as error:
        raise DataError(f"{clip.path}: cannot be read ({error.strerror})") from None
    if size > _LARGEST:
        raise DataError(f"{clip.path}: it has more than {_LARGEST / 2**30:.0f} GB, cut it first")
    return _Planned(clip, f"{place:06d}-{stem}", _json(info), size)


def _portable(group: str, base: str) -> str:
    """A group of one's own may be called by a path, which means nothing on other machines.

    With its size, the same name in other data is hardly taken for the same clip.
    """
    path = PurePath(group)
    if not base or not path.is_relative_to(base):
        return group
    size = f" ({Path(group).stat().st_size})" if Path(group).is_file() else ""
    return path.relative_to(base).as_posix() + size


def _common_folder(clips: Sequence[Clip]) -> str:
    folders = {str(c.path.absolute().parent.parent) for c in clips}
    try:
        return os.path.commonpath(folders) if folders else ""
    except ValueError:  # on several drives
        return ""


def _json(info: dict[str, Any]) -> bytes:
    return json.dumps(info, sort_keys=True, separators=(",", ":")).encode()


def _blocks(size: int) -> int:
    """Bytes of a member with its header."""
    return tarfile.BLOCKSIZE * (1 + -(-size // tarfile.BLOCKSIZE))


def _is_done(path: Path, clips: Sequence[_Planned]) -> bool:
    """Whether a shard is there, has these clips, and none has changed since it was written."""
    try:
        entries, written_s = read_entries(path), path.stat().st_mtime
        newest_s = max(_file_of(c.clip).stat().st_mtime for c in clips)
    except (DataError, OSError):
        return False
    found = [(e.video.name, e.video.size, _json(e.info)) for e in entries]
    return newest_s <= written_s and found == [(c.video, c.size, c.info) for c in clips]


def _file_of(clip: Clip) -> Path:
    return clip.path if clip.part is None else clip.part.path


def _write(path: Path, clips: Sequence[_Planned]) -> None:
    with (
        replacing(path) as temporary,
        tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as shard,
    ):
        for clip in clips:
            _add(shard, f"{clip.key}.json", io.BytesIO(clip.info), len(clip.info))
            try:
                source = clip.clip.source()
                content = open_regular(source) if isinstance(source, Path) else source
            except VideoError as error:
                raise DataError(str(error)) from None
            except OSError as error:
                reason = error.strerror or error
                raise DataError(f"{clip.clip.path}: cannot be read ({reason})") from None
            with content:
                if content.seek(0, io.SEEK_END) != clip.size:
                    raise DataError(f"{clip.clip.path}: it is being changed")
                content.seek(0)
                _add(shard, clip.video, content, clip.size)


def _add(shard: tarfile.TarFile, name: str, content: BinaryIO, size: int) -> None:
    entry = tarfile.TarInfo(name)  # its time, user and rights are always the same
    entry.size = size
    shard.addfile(entry, content)
