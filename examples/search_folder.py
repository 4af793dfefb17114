"""Finds every moment in a folder of videos that shows an action, as CSV.

python examples/search_folder.py holiday_videos Dancing > moments.csv
python examples/search_folder.py holiday_videos "surfing water" --model kinetics600
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from action_recognition import VideoError
from action_recognition.search import Index, Search, find_places


def main() -> None:
    parser = argparse.ArgumentParser(description="Finds the moments that show an action.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("action")
    parser.add_argument("--model", default="shipped", help="shipped, kinetics600 or an .h5 file")
    options = parser.parse_args()

    places, _ = find_places([options.folder])
    table = csv.writer(sys.stdout)
    table.writerow(["file", "start_s", "end_s", "probability"])
    with Index(warn=print) as index, Search(options.model, index=index) as search:
        if options.action not in search.classes:
            parser.error(f"the model knows: {', '.join(search.classes)}")
        for place, found in search.moments(places, actions=[options.action]):
            if isinstance(found, VideoError):
                print(found, file=sys.stderr)
            else:
                facts = found.start_s, found.end_s, found.probability
                table.writerow([place.shown, *(round(fact, 3) for fact in facts)])


if __name__ == "__main__":
    main()
