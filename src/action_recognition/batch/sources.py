"""The videos of a batch: files, folders, patterns, manifests and object stores, in one list."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pyarrow import fs

from action_recognition.batch.stores import is_url, open_store, split_url
from action_recognition.datasets.foreign_paths import locate as locate_paths
from action_recognition.datasets.tables import read_table
from action_recognition.errors import DataError, VideoError
from action_recognition.search.places import find_places
from action_recognition.video import has_video_name


@dataclass(frozen=True)
class SourceFile:
    """A video as it is now.

    Parameters:
        file: its absolute path, or its URL without the options of the store.
        root, path: how to open it, see `stores.open_store`.
        size: in bytes.
        modified_ns: when it was changed, in nanoseconds since 1970.
    """

    file: str
    root: str
    path: str
    size: int
    modified_ns: int

    @property
    def name(self) -> str:
        """The file name."""
        return PurePosixPath(self.path).name

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
        if place.member is not None:
            if place.path not in archives:
                archives.add(place.path)
                yield VideoError(place.path.name, "it is an archive: unpack it first")
            continue
        path = place.path.absolute()
        try:
            state = path.stat()
        except OSError as error:
            yield VideoError(place.name, f"it cannot be read ({error.strerror})")
            continue
        yield SourceFile(str(path), "", str(path), state.st_size, state.st_mtime_ns)


def _in_store(url: str) -> Iterator[SourceFile | VideoError]:
    root, path = split_url(url)
    scheme = url.partition("://")[0]
    store = open_store(root)
    try:
        named = store.get_file_info(path)
        if named.type == fs.FileType.File:
            infos = [named]
        else:
            inside = store.get_file_info(fs.FileSelector(path, recursive=True))
            files = (i for i in inside if i.type == fs.FileType.File)
            infos = [i for i in files if has_video_name(PurePosixPath(i.path))]
    except OSError as error:
        reason = str(error).splitlines()[0]
        yield VideoError(f"{scheme}://{path}", f"it cannot be read ({reason})")
        return
    if not infos:
        yield VideoError(f"{scheme}://{path}", "there is no video in it")
    for info in sorted(infos, key=lambda i: str(i.path)):
        file = f"{scheme}://{info.path}"
        yield SourceFile(file, root, info.path, info.size or 0, info.mtime_ns or 0)
