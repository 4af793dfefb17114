"""What the model `kinetics600` says of UCF101 and HMDB51 clips, without any training on them.

    python benchmarks/kinetics.py ../shared/clips_other
    python benchmarks/kinetics.py ../shared/clips_other --videos 5    # of each class, for a look

Of the classes in the folder, those are measured that Kinetics-600 has under a plain name. Prints a
Markdown table: share of clips whose class is the first, and among the first five, of the 600
answers; then the classes that were left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.datasets.background import spread
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Clip
from action_recognition.errors import VideoError
from action_recognition.models.model_file import KINETICS
from action_recognition.recognition.recognizer import Recognizer
from measuring import print_table

# The folder's class -> the one Kinetics class that means the same.
SAME = {
    "ApplyLipstick": "putting on lipstick",
    "Archery": "archery",
    "BandMarching": "marching",
    "BasketballDunk": "dunking basketball",
    "Lunges": "lunge",
    "PlayingPiano": "playing piano",
    "PlayingViolin": "playing violin",
    "Surfing": "surfing water",
    "brush_hair": "brushing hair",
    "dribble": "dribbling basketball",
    "kick_ball": "kicking soccer ball",
    "pullup": "pull ups",
    "shoot_ball": "shooting basketball",
    "shoot_bow": "archery",
    "swing_baseball": "swinging baseball bat",
}
# Classes without such a name, and why.
WITHOUT = {
    "ApplyEyeMakeup": "two: putting on eyeliner, putting on mascara",
    "BalanceBeam": "none; gymnastics tumbling is on the floor",
    "BaseballPitch": "two in one picture: catching or throwing baseball, hitting baseball",
    "Basketball": "two: playing basketball, shooting basketball",
    "HorseRace": "none; riding or walking with horse is no race",
    "WallPushups": "none; push up is on the floor",
    "catch": "three, by the ball: catching or throwing baseball, softball, frisbee",
    "climb_stairs": "none",
    "pick": "none",
    "stand": "none",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="one folder of clips for each class")
    parser.add_argument("--videos", type=int, help="of each class, at most (default: all)")
    options = parser.parse_args()
    every = load_data([options.folder], check=False, validation=False).clips
    clips = [c for c in every if c.original_class in SAME]
    if not clips:
        parser.error(f"{options.folder}: no class with a plain name in Kinetics-600")
    if options.videos:
        clips = spread(clips, options.videos)
    header = ["class", "in Kinetics-600", "clips", "top-1", "top-5"]
    print_table(header, measure(Recognizer.load(KINETICS), clips), texts=2)
    print("Left out: " + "; ".join(f"{name} ({why})" for name, why in WITHOUT.items()))


def measure(recognizer: Recognizer, clips: Sequence[Clip]) -> Iterator[Sequence[object]]:
    """Rows of the table: each class, then all."""
    every = []
    for name in sorted({c.original_class for c in clips}):
        of = [c.path for c in clips if c.original_class == name]
        every.append(is_among(recognizer, of, SAME[name]))
        yield name, SAME[name], len(every[-1]), *shares(every[-1])
    yield "all clips", "", sum(map(len, every)), *shares(np.concatenate(every))
    yield "mean over classes", "", "", *shares(np.stack([right.mean(0) for right in every]))


def is_among(recognizer: Recognizer, paths: Sequence[Path], answer: str) -> NDArray[np.bool_]:
    """Whether it is the first, and among the first five: (videos that can be read, 2)."""
    places = [
        [action for action, _ in found.ranked].index(answer)
        for _, found in recognizer.predict_many(paths)
        if not isinstance(found, VideoError)
    ]
    return np.array([[place < 1, place < 5] for place in places])


def shares(right: NDArray[Any]) -> list[str]:
    """Top-1 and top-5."""
    return [f"{share:.3f}" for share in right.mean(0)]


if __name__ == "__main__":
    main()
