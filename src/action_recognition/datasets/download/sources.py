"""Where UCF101 and HMDB51 come from: four files, their addresses, and how to name others."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from action_recognition.errors import DataError
from action_recognition.files import read_regular

Kind = Literal["videos", "splits"]


@dataclass(frozen=True)
class RemoteFile:
    """One file to fetch.

    Parameters:
        dataset: UCF101 or HMDB51.
        kind: videos, or the official split lists.
        file_name: its name on disk.
        locations: web addresses or paths of local files, tried in this order.
        hash: "md5:..." or "sha256:...", checked after the download; empty: none is published.
    """

    dataset: Literal["UCF101", "HMDB51"]
    kind: Kind
    file_name: str
    locations: tuple[str, ...]
    hash: str = ""

    @property
    def name(self) -> str:
        """How options and settings files call it, for example `ucf101-videos`."""
        return f"{self.dataset.lower()}-{self.kind}"


_UCF101 = "https://www.crcv.ucf.edu/data/UCF101"
_HMDB51 = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10"

# Pages of the data sets: https://www.crcv.ucf.edu/data/UCF101.php and
# https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/
OFFICIAL: tuple[RemoteFile, ...] = (
    RemoteFile(
        "UCF101",
        "splits",
        "UCF101TrainTestSplits-RecognitionTask.zip",
        (f"{_UCF101}/UCF101TrainTestSplits-RecognitionTask.zip",),
    ),
    RemoteFile("UCF101", "videos", "UCF101.rar", (f"{_UCF101}/UCF101.rar",)),
    RemoteFile(
        "HMDB51",
        "splits",
        "test_train_splits.rar",
        (f"{_HMDB51}/test_train_splits.rar",),
        "md5:15e67781e70dcfbdce2d7dbb9b3344b5",
    ),
    RemoteFile("HMDB51", "videos", "hmdb51_org.rar", (f"{_HMDB51}/hmdb51_org.rar",)),
)
NAMES = tuple(f.name for f in OFFICIAL)

_HASH_FRAGMENT = re.compile(r"#(md5|sha256)=(.*)$")


def choose_sources(
    dataset: Literal["ucf101", "hmdb51", "all"],
    *,
    settings: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> list[RemoteFile]:
    """The files to fetch for a data set, with the user's own addresses in place.

    Parameters:
        settings: a TOML file with one table for each file that is to come from elsewhere, for
            example `[hmdb51-videos]` with `locations = ["https://mirror/hmdb51_org.rar",
            "/media/usb/hmdb51_org.rar"]` and, optional, `hash = "md5:..."`.
        overrides: `NAME=ADDRESS` texts; several of one name are tried in their order. They go
            before the settings file. `#md5=...` or `#sha256=...` at the end of an address is
            the hash to check; without one, whoever names another address vouches for it.

    Raises:
        DataError: the settings or an override cannot be understood.
    """
    files = {f.name: f for f in OFFICIAL}
    if settings is not None:
        for name, table in _read_settings(Path(settings)).items():
            files[name] = replace(files[name], locations=table[0], hash=table[1])
    given: dict[str, list[str]] = {}
    hashes: dict[str, str] = {}
    for text in overrides:
        name, _, address = text.partition("=")
        match = _HASH_FRAGMENT.search(address)
        if match:
            address = address[: match.start()]
            hashes[name] = f"{match[1]}:{match[2].lower()}"
            if not _good_hash(hashes[name]):
                raise DataError(f"source {text!r}: what it ends in is no {match[1]}")
        if name not in files or not address:
            raise DataError(f"source {text!r}: must be NAME=ADDRESS, NAME one of {_listed()}")
        given.setdefault(name, []).append(address)
    for name, addresses in given.items():
        files[name] = replace(files[name], locations=tuple(addresses), hash=hashes.get(name, ""))
    wanted = {"ucf101", "hmdb51"} if dataset == "all" else {dataset}
    return [f for f in files.values() if f.dataset.lower() in wanted]


def _listed() -> str:
    return ", ".join(NAMES)


_LARGEST = 2**20  # bytes of a settings file


def _read_settings(path: Path) -> Mapping[str, tuple[tuple[str, ...], str]]:
    try:
        tables = tomllib.loads(read_regular(path, _LARGEST).decode("utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path.name}: there is no such settings file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path.name}: cannot be read as TOML ({error})") from None
    read = {}
    for name, table in tables.items():
        if name not in NAMES:
            raise DataError(f"{path.name}: {name!r} is not known, must be one of {_listed()}")
        locations = table.get("locations") if isinstance(table, dict) else None
        if (
            not isinstance(locations, list)
            or not locations
            or not all(isinstance(a, str) and a for a in locations)
        ):
            raise DataError(f"{path.name}: {name} needs locations, a list of addresses")
        unknown = sorted(set(table) - {"locations", "hash"})
        if unknown:
            raise DataError(f"{path.name}: {name} has an unknown key {unknown[0]!r}")
        digest = table.get("hash", "")
        if not isinstance(digest, str) or (digest and not _good_hash(digest)):
            raise DataError(f"{path.name}: {name} has a hash that is not md5:... or sha256:...")
        read[name] = (tuple(locations), digest)
    return read


def _good_hash(text: str) -> bool:
    algorithm, _, digits = text.partition(":")
    length = {"md5": 32, "sha256": 64}.get(algorithm)
    return len(digits) == length and all(c in "0123456789abcdefABCDEF" for c in digits)
