"""The videos of a batch: files, folders, patterns, manifests, tar files, stores, in one list."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path, PurePosixPath
from typing import Any

from fsspec.utils import glob_translate
from pyarrow import fs

from action_recognition.batch.stores import is_url, open_store, split_url
from action_recognition.datasets.foreign_paths import locate as locate_paths
from action_recognition.datasets.shards.members import members_of
from action_recognition.datasets.shards.read import INDEX, LARGEST_INDEX, Entry, fits, parse_index
from action_recognition.datasets.tables import read_table
from action_recognition.errors import DataError, VideoError
from action_recognition.search.archives import has_archive_name
from action_recognition.search.places import find_places
from action_recognition.video import has_video_name
from action_recognition.video.part import FileRange

Index = dict[str, list[Entry]]
_LISTINGS = 16  # tar files of a store whose headers are read at once
_HEADERS = 8192  # bytes that are asked for at once: a small file and the header behind it


@dataclass(frozen=True)
class SourceFile:
    """A video as it is now.

    Parameters:
        file: its absolute path, or its URL without the options of the store; in a tar file, that
            of the tar file with its name there behind it.
        root, path: how to open it, or the tar file around it, see `stores.open_store`.
        size: in bytes.
        modified_ns: when it was changed, in nanoseconds since 1970; or the tar file around it.
        offset: in bytes, in the tar file; None: it is a file by itself.
    """

    file: str
    root: str
    path: str
    size: int
    modified_ns: int
    offset: int | None = None

    @property
    def name(self) -> str:
        """The file name."""
        return PurePosixPath(self.path if self.offset is None else self.file).name

    @property
    def row(self) -> dict[str, str | int]:
        """What a worker needs to open it."""
        offset = -1 if self.offset is None else self.offset
        place = {"root": self.root, "path": self.path, "name": self.name}
        return {**place, "offset": offset, "size": self.size}

    def key(self, *facts: object) -> str:
        """What stands for this state of the file, looked at in one way (model, settings)."""
        stated = [self.file, self.size, self.modified_ns, *facts]
        return hashlib.sha256(json.dumps(stated).encode()).hexdigest()[:32]


def find_sources(names: Sequence[str]) -> tuple[list[SourceFile], list[VideoError]]:
    """The videos that are named, each once, and what cannot be used.

    Raises:
        DataError: a manifest cannot be read.
        UsageError: the URL of an object store makes no sense.
    """
    found: dict[str, SourceFile] = {}
    errors: list[VideoError] = []
    for name in names:
        if is_url(name):
            listed = _in_store(name)
        elif name.lower().endswith(".csv"):
            listed = _local(_of_manifest(Path(name)))
        else:
            listed = _local([name])
        for item in listed:
            if isinstance(item, VideoError):
                errors.append(item)
            else:
                found.setdefault(item.file, item)
    return list(found.values()), errors


def _of_manifest(path: Path) -> list[str]:
    table = read_table(path)
    if "path" not in table.columns:
        raise DataError(f"{path.name}: it has no column 'path'")
    texts = [row["path"] for _, row in table.rows if row.get("path")]
    return [str(p) for p in locate_paths(texts, path.absolute().parent, path.name)]


def _local(names: Sequence[str]) -> Iterator[SourceFile | VideoError]:
    places, errors = find_places(names)
    yield from errors
    archives: set[Path] = set()
    for place in places:
        offset = None if place.member is None else place.member.offset
        if place.member is not None and offset is None:
            if place.path not in archives:
                archives.add(place.path)
                reason = "it is an archive, and no plain tar file: unpack it first"
                yield VideoError(place.path.name, reason)
            continue
        path = place.path.absolute()
        try:
            state = path.stat()
        except OSError as error:
            yield VideoError(place.name, f"it cannot be read ({error.strerror})")
            continue
        if place.member is None:
            yield SourceFile(str(path), "", str(path), state.st_size, state.st_mtime_ns)
        else:
            file, size = f"{path}/{place.member.name}", place.member.size
            yield SourceFile(file, "", str(path), size, state.st_mtime_ns, offset)


def _in_store(url: str) -> Iterator[SourceFile | VideoError]:
    root, path = split_url(url)
    scheme = url.partition("://")[0]
    store = open_store(root)
    try:
        infos = list(_infos(store, path))
    except OSError as error:
        reason = str(error).splitlines()[0]
        yield VideoError(f"{scheme}://{path}", f"it cannot be read ({reason})")
        return
    if not infos:
        nothing = "nothing matches it" if has_magic(path) else "there is no video in it"
        yield VideoError(f"{scheme}://{path}", nothing)
    infos.sort(key=lambda i: str(i.path))
    folders = {i.path.rpartition("/")[0] for i in infos if _is_tar(PurePosixPath(i.path))}
    indices = {folder: _index(store, folder) for folder in folders}
    with ThreadPoolExecutor(_LISTINGS) as pool:  # the headers of a tar file come one by one
        for files in pool.map(lambda i: list(_of_store(store, root, scheme, i, indices)), infos):
            yield from files


def _infos(store: fs.FileSystem, path: str) -> Iterator[Any]:
    """What a URL names: a file, what a folder holds, or what a pattern matches.

    Raises:
        OSError: the store cannot be read.
    """
    named = store.get_file_info(path)
    if named.type == fs.FileType.File:
        yield named
        return
    by_pattern = named.type == fs.FileType.NotFound and has_magic(path)
    folder = re.split(r"[*[]", path)[0].rpartition("/")[0] if by_pattern else path
    matches = re.compile(glob_translate(path) if by_pattern else "").match
    for info in store.get_file_info(fs.FileSelector(folder, recursive=True)):
        name = PurePosixPath(info.path)
        wanted = info.type == fs.FileType.File and (has_video_name(name) or _is_tar(name))
        if wanted and any(matches(str(p)) for p in (name, *name.parents)):
            yield info


def _of_store(
    store: fs.FileSystem, root: str, scheme: str, info: Any, indices: Mapping[str, Index]
) -> Iterator[SourceFile | VideoError]:
    """A file of a store, or the videos of a tar file there."""
    file, modified_ns = f"{scheme}://{info.path}", info.mtime_ns or 0
    name = PurePosixPath(info.path)
    if not _is_tar(name):
        if has_archive_name(Path(name)):
            yield VideoError(file, "it is an archive, and no plain tar file: unpack it first")
        else:
            yield SourceFile(file, root, info.path, info.size or 0, modified_ns)
        return
    try:
        with store.open_input_file(info.path) as whole:
            listing = io.BufferedReader(FileRange(whole, 0, info.size or 0), _HEADERS)
            entries = indices[str(name.parent)].get(name.name)
            if entries and fits(entries, listing):
                found = [entry.video for entry in entries]
            else:
                found = list(members_of(listing, name.name))
    except OSError as error:
        yield VideoError(file, f"it cannot be read ({str(error).splitlines()[0]})")
    except DataError as error:
        yield VideoError(file, str(error).removeprefix(f"{name.name}: "))
    else:
        members = [m for m in found if has_video_name(PurePosixPath(m.name))]
        if not members:
            yield VideoError(file, "there is no video in it")
        for m in members:
            yield SourceFile(f"{file}/{m.name}", root, info.path, m.size, modified_ns, m.offset)


def _index(store: fs.FileSystem, folder: str) -> Index:
    """That of the shards in a folder; empty where there is none."""
    try:
        with store.open_input_file(f"{folder}/{INDEX}") as file:
            return parse_index(file.read(min(file.size(), LARGEST_INDEX)))
    except OSError:
        return {}


def _is_tar(name: PurePosixPath) -> bool:
    return name.suffix.lower() == ".tar" and not name.name.startswith(".")
