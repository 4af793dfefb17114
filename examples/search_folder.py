"""Finds every moment in a folder of videos that shows an action, as CSV.

python examples/search_folder.py holiday_videos Dancing > moments.csv
python examples/search_folder.py holiday_videos "surfing water" --model kinetics600
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from action_recognition import Recognizer, VideoError


def main() -> None:
    parser = argparse.ArgumentParser(description="Finds the moments that show an action.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("action")
    parser.add_argument("--model", default="shipped", help="shipped, kinetics600 or an .h5 file")
    options = parser.parse_args()

    recognizer = Recognizer.load(options.model)
    if options.action not in recognizer.classes:
        parser.error(f"the model knows: {', '.join(recognizer.classes)}")
    table = csv.writer(sys.stdout)
    table.writerow(["file", "start_s", "end_s", "probability"])
    for path in sorted(p for p in options.folder.rglob("*") if p.is_file()):
        try:
            for segment in recognizer.timeline(path):
                if segment.action == options.action:
                    times = f"{segment.start_s:.1f}", f"{segment.end_s:.1f}"
                    table.writerow([path, *times, f"{segment.probability:.3f}"])
        except VideoError as error:
            print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
