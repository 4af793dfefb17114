"""The clips of shards, ours and those of others, with their labels, groups and splits."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any, BinaryIO

from action_recognition.actions import label_for_folder
from action_recognition.datasets.manifest import Clip
from action_recognition.datasets.placing import OWN
from action_recognition.datasets.shards.members import Member, key_of, members_of
from action_recognition.datasets.split_names import read_split, split_in
from action_recognition.errors import DataError
from action_recognition.files import open_regular, read_regular
from action_recognition.video import has_video_name
from action_recognition.video.part import FilePart

INDEX = "index.jsonl"
LARGEST_INDEX, _LARGEST_INFO = 2**30, 2**20  # bytes
_HEADER = 512  # bytes, before the content of each member


@dataclass(frozen=True)
class Entry:
    """A clip of a shard: where its video is, and what the shard says of it."""

    shard: str
    video: Member
    info: dict[str, Any]


def find_shards(source: str | Path) -> list[Path]:
    """The shards that a source of data names, sorted; none: it is something else.

    A source is a tar file, a pattern such as `shards/train-*.tar`, or a folder that holds tar
    files, but neither folders nor videos.

    Raises:
        DataError: nothing matches the pattern.
    """
    path = Path(source)
    if path.is_dir():
        shown = [p for p in path.iterdir() if not p.name.startswith(".")]
        found = sorted(p for p in shown if p.suffix.lower() == ".tar")
        return [] if any(p.is_dir() or has_video_name(p) for p in shown) else found
    if path.suffix.lower() != ".tar":
        return []
    if path.exists() or not has_magic(str(source)):
        return [path]
    matches = sorted(Path(name) for name in glob(str(source), recursive=True))  # noqa: PTH207
    if not matches:
        raise DataError(f"{source}: nothing matches it")
    return matches


def read_shards(shards: Sequence[Path]) -> list[Clip]:
    """The clips of shards, in their order.

    What a shard says of a clip stands in a file beside it: `.json` with `label` and, if known,
    `split`, `group` and `dataset`, or `.cls` with the label alone. Without a split in it, the name
    of the shard says it. The index that `write_shards` leaves in their folder is believed where it
    fits; other shards are read by their headers.

    Raises:
        DataError: a shard cannot be read or holds no clip, or a clip has no label or no split.
    """
    clips: list[Clip] = []
    indices: dict[Path, dict[str, list[Entry]]] = {}
    for shard in shards:
        folder = shard.absolute().parent
        if folder not in indices:
            indices[folder] = read_index(folder / INDEX)
        entries = read_entries(shard, indices[folder].get(shard.name, ()))
        clips += [_clip(entry, shard.absolute()) for entry in entries]
    return clips


def read_entries(shard: Path, index: Sequence[Entry] = ()) -> list[Entry]:
    """The clips of a shard, told by the index, where it fits, or by its headers.

    Raises:
        DataError: it cannot be read, or holds no clip.
    """
    try:
        with open_regular(shard) as file:
            fitting = len(index) > 0 and fits(index, file)
            entries = list(index if fitting else _entries(file, shard.name))
    except OSError as error:
        raise DataError(f"{shard}: cannot be read ({error.strerror})") from None
    if not entries:
        raise DataError(f"{shard.name}: there is no clip in it")
    return entries


def _entries(file: BinaryIO, shard: str) -> Iterator[Entry]:
    """Members of one key follow each other."""
    videos: dict[str, Member] = {}
    infos: dict[str, dict[str, Any]] = {}
    for member in list(members_of(file, shard)):
        key, ending = key_of(member.name)
        if has_video_name(Path(f"video.{ending}")):
            videos[key] = member
        elif ending in ("json", "cls"):
            file.seek(member.offset)
            content = file.read(min(member.size, _LARGEST_INFO + 1))
            infos[key] = _info(content, ending, f"{shard}/{member.name}") | infos.get(key, {})
    for key, video in videos.items():
        yield Entry(shard, video, infos.get(key, {}))


def _info(content: bytes, ending: str, name: str) -> dict[str, Any]:
    try:
        if len(content) > _LARGEST_INFO:
            raise ValueError("it is too large")
        text = content.decode("utf-8-sig")
        found = {"cls": text.strip()} if ending == "cls" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: cannot be read ({error})") from None
    if not isinstance(found, dict):
        raise DataError(f"{name}: must be an object with a label")
    return found


# -- the index -----------------------------------------------------------------------------


def read_index(path: Path) -> dict[str, list[Entry]]:
    """The clips of each shard by its name; none where there is no index that can be read."""
    try:
        return parse_index(read_regular(path, LARGEST_INDEX))
    except OSError:
        return {}


def parse_index(content: bytes) -> dict[str, list[Entry]]:
    """What `format_index` has made; nothing where it makes no sense."""
    found: dict[str, list[Entry]] = {}
    try:
        for line in content.splitlines():
            shard, name, offset, size, info = json.loads(line)
            if not (isinstance(shard, str) and isinstance(name, str) and isinstance(info, dict)):
                return {}
            video = Member(name, int(offset), int(size), "")
            found.setdefault(shard, []).append(Entry(shard, video, info))
    except (ValueError, TypeError, RecursionError, OverflowError):
        return {}
    return found


def format_index(entries: Sequence[Entry]) -> bytes:
    """The index of shards: a line for each clip, with its shard, name, place and size."""
    lines = [
        json.dumps([e.shard, e.video.name, e.video.offset, e.video.size, e.info], sort_keys=True)
        for e in entries
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def fits(entries: Sequence[Entry], file: BinaryIO) -> bool:
    """Whether the last clip of the index is in a shard, right behind a header of its size.

    Raises:
        OSError: the shard cannot be read.
    """
    last = max((e.video for e in entries), key=lambda v: v.offset)
    if min(min(e.video.offset - _HEADER, e.video.size) for e in entries) < 0:
        return False
    end = file.seek(0, io.SEEK_END)
    file.seek(last.offset - _HEADER)
    header = file.read(_HEADER)
    try:
        size = int(header[124:136].strip(b" \0"), 8)
    except ValueError:
        return False
    return header[257:262] == b"ustar" and size == last.size and last.offset + size <= end


# -- a clip --------------------------------------------------------------------------------


def _clip(entry: Entry, shard: Path) -> Clip:
    info, name = entry.info, f"{entry.shard}/{entry.video.name}"
    texts = {k: str(v) for k, v in info.items() if isinstance(v, str | int) and str(v).strip()}
    named = texts.get("label") or texts.get("cls")
    if named is None:
        raise DataError(f"{name}: has no label: neither `label` in a .json nor a .cls beside it")
    given = texts.get("split", "")
    split = read_split(given) if given else split_in(Path(entry.shard).stem)
    if split is None:
        raise DataError(
            f"{name}: in no split: neither `split` in its .json nor the name of the shard says "
            "train, val or test"
        )
    duration = info.get("duration_s", 0.0)
    is_time = isinstance(duration, int | float) and 0 <= duration < math.inf
    return Clip(
        path=shard / entry.video.name,
        label=named if "original_class" in texts else label_for_folder(named),
        dataset=texts.get("dataset", OWN),
        original_class=texts.get("original_class", named),
        group=texts.get("group", name),
        split=split,
        duration_s=float(duration) if is_time else 0.0,
        part=FilePart(shard, entry.video.offset, entry.video.size, name),
    )
