"""Says once a second what a camera, a network stream or a file shows. Ctrl-C ends it.

python examples/watch_camera.py /dev/video0 --format v4l2
python examples/watch_camera.py http://door.local/video.mjpg
"""

import argparse
import time
from contextlib import suppress
from pathlib import Path

import av

from action_recognition import Recognizer


def main() -> None:
    parser = argparse.ArgumentParser(description="Says what a camera shows now.")
    parser.add_argument("source", help="a camera, the address of a stream, or a file")
    parser.add_argument("--format", help="of FFmpeg, for cameras: v4l2, avfoundation or dshow")
    parser.add_argument("--model", default="shipped", help="shipped, kinetics600 or an .h5 file")
    options = parser.parse_args()
    recognizer = Recognizer.load(options.model)
    recording = Path(options.source).is_file()  # nothing is lost: each answer is waited for
    with (
        suppress(KeyboardInterrupt),
        av.open(options.source, format=options.format) as container,
        recognizer.stream(wait=recording) as stream,
    ):
        began_s = time.monotonic()  # some cameras bring no time stamps, and FFmpeg makes some up
        stamped = recording or not container.format.flags & av.format.Flags.no_timestamps.value
        for frame in container.decode(video=0):
            time_s = frame.time or 0.0 if stamped else time.monotonic() - began_s
            for answer in stream.feed(frame, time_s):
                seen = answer.action or f"none (nearest: {answer.nearest_action})"
                print(f"{answer.time_s:7.1f} s  {seen} {answer.probability:.1%}", flush=True)


if __name__ == "__main__":
    main()
