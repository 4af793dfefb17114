"""Measures how well copies of clips are found by what they show, and how often others are.

    python benchmarks/copies.py ../shared/clips ../shared/clips_other ../shared/clips_web

Prints Markdown: the pairs that are found between clips of different groups (look at them: data
sets hold true copies), and in the same group; then, of copies made of some clips, how many are
found, and how many pairs with a clip of another group. The group of a clip is that of UCF101 or
HMDB51, or its name before the last underscore.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from action_recognition.datasets.duplicates import find_duplicates
from action_recognition.datasets.names import find_original
from action_recognition.datasets.probe import read_fingerprints
from action_recognition.datasets.walk import videos_in
from measuring import print_table

Picture = NDArray[np.uint8]  # (height, width, 3)
Film = tuple[list[Picture], float]  # and frames/s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="folders of clips")
    parser.add_argument("--clips", type=int, default=60, help="of which copies are made")
    options = parser.parse_args()
    paths = [p for folder in options.folders for p in videos_in(folder)]
    began = time.perf_counter()
    fingerprints = read_fingerprints(paths)
    print(f"{len(paths)} clips looked at in {time.perf_counter() - began:.0f} s\n")
    groups = [group_of(p) for p in paths]

    began = time.perf_counter()
    found = find_duplicates(fingerprints, groups)
    print(
        f"Different groups: {found.compared:,} pairs in {time.perf_counter() - began:.0f} s, ",
        end="",
    )
    print(f"{len(found.pairs)} found; {len(found.unseen)} clips show too little\n")
    for pair in found.pairs:
        print(f"- {paths[pair.first]} {paths[pair.second]}{' mirrored' * pair.mirrored}")
    print()
    inside = find_duplicates(fingerprints, [str(p) for p in paths])
    same = sum(groups[pair.first] == groups[pair.second] for pair in inside.pairs)
    print(f"Same group: {inside.compared - found.compared:,} pairs, {same} found\n")

    chosen = np.random.default_rng(0).permutation(len(paths))[: options.clips].tolist()
    rows = []
    for kind, change in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            copies = [Path(folder) / f"{k}.mp4" for k in range(len(chosen))]
            for k, path in zip(chosen, copies, strict=True):
                write(path, *change(*read(paths[k])), crf=40 if kind in LOW_QUALITY else 23)
            looks = read_fingerprints(copies)
        families = ["clip"] * len(paths) + ["copy"] * len(copies)
        pairs = find_duplicates([*fingerprints, *looks], families).pairs
        hits = {(pair.first, chosen[pair.second - len(paths)]) for pair in pairs}
        originals = sum((k, k) in hits for k in chosen)
        wrong = sum(groups[one] != groups[other] for one, other in hits)
        rows.append([kind, f"{originals} of {len(chosen)}", str(wrong)])
    print_table(["copies", "found", "pairs with other groups"], rows)


def group_of(path: Path) -> str:
    original = find_original(path.stem)
    return original.group if original else path.stem.rpartition("_")[0]


# -- copies ------------------------------------------------------------------------------------


def read(path: Path) -> Film:
    with av.open(str(path)) as file:
        rate = float(file.streams.video[0].average_rate)
        return [f.to_ndarray(format="rgb24") for f in file.decode(video=0)], rate


def write(path: Path, pictures: Sequence[Picture], rate: float, *, crf: int) -> None:
    height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
    with av.open(str(path), "w") as file:
        options = {"preset": "veryfast", "crf": str(crf)}
        stream = file.add_stream(
            "libx264", rate=Fraction(rate).limit_denominator(1001), options=options
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            cut = np.ascontiguousarray(picture[:height, :width])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(cut, format="rgb24")))
        file.mux(stream.encode(None))


def each(change: Callable[[Picture], Picture]) -> Callable[[list[Picture], float], Film]:
    return lambda pictures, rate: ([change(p) for p in pictures], rate)


def mirror(picture: Picture) -> Picture:
    return picture[:, ::-1]


def resize(width: int, height: int) -> Callable[[Picture], Picture]:
    return lambda picture: np.asarray(Image.fromarray(picture).resize((width, height)))


def darken(picture: Picture) -> Picture:
    return (picture * 0.8).astype(np.uint8)


def crop(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    y, x = round(height * 0.025), round(width * 0.025)
    return picture[y : height - y, x : width - x]


def letterbox(picture: Picture) -> Picture:
    bar = np.zeros_like(picture[: len(picture) // 8])
    return np.concatenate([bar, picture, bar])


def middle(pictures: list[Picture], rate: float) -> Film:
    quarter = len(pictures) // 4
    return pictures[quarter : len(pictures) - quarter], rate


def fewer_frames(pictures: list[Picture], rate: float) -> Film:
    count = max(1, round(len(pictures) / rate * 8))
    return [pictures[min(len(pictures) - 1, int(k / 8 * rate))] for k in range(count)], 8.0


def all_at_once(pictures: list[Picture], rate: float) -> Film:
    change = resize(160, 120)
    return [change(darken(mirror(p))) for p in pictures[len(pictures) // 3 :]], rate


LOW_QUALITY = ("low quality", "mirrored, small, darker, last two thirds, low quality")
KINDS: dict[str, Callable[[list[Picture], float], Film]] = {
    "encoded anew": each(lambda picture: picture),
    "mirrored": each(mirror),
    "320x240": each(resize(320, 240)),
    "80x80": each(resize(80, 80)),
    "low quality": each(lambda picture: picture),
    "20 % darker": each(darken),
    "middle half": middle,
    "8 frames/s": fewer_frames,
    "played at 0.8 of its speed": lambda pictures, rate: (pictures, rate * 0.8),
    "cropped by 5 %": each(crop),
    "letterboxed": each(letterbox),
    LOW_QUALITY[1]: all_at_once,
}


if __name__ == "__main__":
    main()
