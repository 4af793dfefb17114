"""A small UCF101 and HMDB51: official file names and layouts, tiny generated videos."""

from __future__ import annotations

import zipfile
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

from action_recognition.actions import ACTIONS
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.official import Split, packaged_hmdb51
from rar_maker import Entry, rar4, rar5, write_rar
from video_maker import write_video

UCF101 = tuple(a.original_class for a in ACTIONS if a.dataset == "UCF101")
HMDB51 = tuple(a.original_class for a in ACTIONS if a.dataset == "HMDB51")
_NUMBER: dict[Split | None, int] = {None: 0, "train": 1, "test": 2}


def ucf101_stems(cls: str) -> list[str]:
    """25 groups with 4 to 7 clips, as in UCF101."""
    return [
        f"v_{cls}_g{group:02d}_c{clip:02d}"
        for group in range(1, 26)
        for clip in range(1, 5 + group % 4)
    ]


@cache
def hmdb51_stems() -> dict[str, list[str]]:
    """The real names of all clips, by class."""
    stems: dict[str, list[str]] = defaultdict(list)
    for stem, clip in packaged_hmdb51().items():
        stems[clip.original_class].append(stem)
    return dict(stems)


def tiny_video(folder: Path) -> bytes:
    """A video of a few frames."""
    path = folder / "tiny.avi"
    write_video(path, seconds=0.2, size=(32, 32), codec="mpeg4")
    data = path.read_bytes()
    path.unlink()
    return data


def write_folders(root: Path, video: bytes) -> list[Path]:
    """The ten classes unpacked: root/ucf101/<class> and root/hmdb51/<class>, one file linked."""
    one = root / "one.avi"
    root.mkdir(parents=True, exist_ok=True)
    one.write_bytes(video)
    stems = {f"ucf101/{c}": ucf101_stems(c) for c in UCF101}
    stems |= {f"hmdb51/{c}": hmdb51_stems()[c] for c in HMDB51}
    for name, group in stems.items():
        folder = root / name
        folder.mkdir(parents=True)
        for stem in group:
            (folder / f"{stem}.avi").hardlink_to(one)
    return [root / "ucf101", root / "hmdb51"]


def write_archives(folder: Path, video: bytes, *, without: str = "") -> None:
    """The four official files, with two classes that nobody wants; `without` leaves one out."""
    folder.mkdir(parents=True, exist_ok=True)
    ucf101 = [c for c in (*UCF101, "Archery") if c != without]
    hmdb51 = [c for c in (*HMDB51, "wave") if c != without]
    write_rar(
        folder / "UCF101.rar",
        [Entry(f"UCF-101/{c}/{s}.avi", video) for c in ucf101 for s in ucf101_stems(c)],
        kind=4,
    )
    nested = []
    for k, c in enumerate(hmdb51):
        make = rar5 if k % 2 else rar4
        data = make([Entry(f"{c}/{s}.avi", video) for s in hmdb51_stems()[c]])
        nested.append(Entry(f"{c}.rar", data))
    write_rar(folder / "hmdb51_org.rar", nested, kind=4)
    write_ucf101_lists(folder / "UCF101TrainTestSplits-RecognitionTask.zip", ucf101)
    lists = []
    for c in hmdb51:
        for k in range(3):
            rows = [
                f"{s}.avi {_NUMBER[packaged_hmdb51()[s].splits[k]]} \n" for s in hmdb51_stems()[c]
            ]
            name = f"testTrainMulti_7030_splits/{c}_test_split{k + 1}.txt"
            lists.append(Entry(name, "".join(rows).encode()))
    write_rar(folder / "test_train_splits.rar", lists, kind=4)


def write_ucf101_lists(path: Path, classes: list[str]) -> None:
    """The ZIP of UCF101's lists: class numbers count from 1, lines end as on Windows."""
    numbers = {c: k for k, c in enumerate(sorted(classes), 1)}
    with zipfile.ZipFile(path, "w") as file:
        index = "".join(f"{k} {c}\r\n" for c, k in numbers.items())
        file.writestr("ucfTrainTestlist/classInd.txt", index)
        for split in (1, 2, 3):
            train, test = [], []
            for c in classes:
                for stem in ucf101_stems(c):
                    group = int(stem.split("_g")[1][:2])
                    line = f"{c}/{stem}.avi"
                    if (group - 1) // 7 + 1 == split:
                        test.append(f"{line}\r\n")
                    else:
                        train.append(f"{line} {numbers[c]}\r\n")
            file.writestr(f"ucfTrainTestlist/trainlist0{split}.txt", "".join(train))
            file.writestr(f"ucfTrainTestlist/testlist0{split}.txt", "".join(test))


def counts(manifest: Manifest) -> dict[str, tuple[int, int]]:
    """Clips to learn from (train and val) and to test on, of each label."""
    count = Counter((c.label, c.split) for c in manifest.clips)
    return {k: (count[k, "train"] + count[k, "val"], count[k, "test"]) for k in manifest.labels}


def names(manifest: Manifest, cls: str, *sides: str) -> set[str]:
    """File names without ending of the clips of a class on some sides."""
    return {c.path.stem for c in manifest.clips if c.original_class == cls and c.split in sides}


def own_names(prefix: str, groups: int, clips: int = 3) -> list[str]:
    """File names of so many groups, with so many clips of each."""
    return [f"{prefix}_p{g:02d}_{k}.mp4" for g in range(groups) for k in range(clips)]
