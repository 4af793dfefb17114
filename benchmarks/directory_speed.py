"""A directory of clips: `predict` on each of them, against PyAV alone that decodes them in full.

    python benchmarks/directory_speed.py ../shared/originals    # searched for v_*
    python benchmarks/directory_speed.py                        # generated clips like UCF101's

All sides take turns. Prints a Markdown table: medians over the rounds, and the share, which is
100 % where recognising the clips takes no longer than decoding them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import av

from action_recognition.cli.options import add_model_option
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import Video
from clips_to_time import add_clip_options, find_clips
from measuring import machine, print_times, take_turns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_clip_options(parser)
    add_model_option(parser)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    recognizer = Recognizer.load(options.model)
    with find_clips(options) as files:
        taken = take_turns(
            {
                "PyAV decodes every frame": partial(decode, files),
                "`predict`, one by one": lambda: [recognizer.predict(path) for path in files],
                "`predict_many`": lambda: list(recognizer.predict_many(files)),
            },
            options.rounds,
        )
        video_s = sum(length_s(path) for path in files)
    print(f"{machine()}; {len(files)} clips of {video_s:.0f} s in all, {options.rounds} rounds\n")
    print_times(taken, "side", "s", "share", inverse=True)


def length_s(path: Path) -> float:
    """Of a video."""
    with Video(path) as video:
        return video.info.duration_s


def decode(files: Sequence[Path]) -> None:
    """All frames of all files, and nothing done with them."""
    for path in files:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for _ in container.decode(stream):
                pass


if __name__ == "__main__":
    main()
