"""What corrections teach: right answers before and after, there and elsewhere.

    python benchmarks/corrections.py ../shared/clips ../shared/clips_web.csv \
        --unknown ../shared/clips_other --new Surfing --other PlayingViolin,shoot_ball

Films are joined, by a seeded draw, from test clips of the model's actions and from clips of one
that it has not learned. A person who knows the truth goes through the timeline of each: what is
wrong is corrected, what is right is confirmed. `action-recognition correct` learns from them and
prints its figures on held-back films. Then both models see clips of recordings that are in none of
the films: of the model's actions (is anything forgotten?), of the new action, and of actions that
neither knows.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import chain, groupby
from pathlib import Path

from action_recognition.cli.main import main as command
from action_recognition.cli.options import add_model_option, split_names
from action_recognition.datasets.corrections import (
    CorrectedSegment,
    CorrectedVideo,
    Corrections,
    Kind,
    digest_of,
    save_corrections,
)
from action_recognition.datasets.folders import load_data
from action_recognition.models.model_file import find_model
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Segment
from measuring import print_table
from segments import GRID_S, Part, write_film


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", help="folders of class folders, CSV files")
    parser.add_argument("--unknown", required=True, help="folder of classes that are not known")
    parser.add_argument("--new", required=True, help="the one of them that is taught")
    parser.add_argument("--other", type=split_names, required=True, help="others, to measure")
    add_model_option(parser)
    parser.add_argument("--films", type=int, default=6)
    parser.add_argument("--clips", type=int, default=8, help="known ones in a film; a quarter new")
    parser.add_argument("--elsewhere", type=int, default=100, help="clips of each kind, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="where the taught model is kept")
    options = parser.parse_args()
    recognizer = Recognizer.load(options.model)
    draw = random.Random(options.seed)
    test = load_data(options.data, check=False, validation=False).split("test")
    known = [(c.path, c.label) for c in test if c.label in recognizer.classes]
    folder = Path(options.unknown)
    new = [(p, options.new) for p in sorted((folder / options.new).iterdir())]
    draw.shuffle(known)
    draw.shuffle(new)
    few = max(1, options.clips // 4)
    films = [
        [*known[k * options.clips :][: options.clips], *new[k * few :][:few]]
        for k in range(options.films)
    ]
    # No other clip of the same recording: what is measured elsewhere is elsewhere.
    used = {c.group for c in test if (c.path, c.label) in chain(*films)}
    groups = {c.path: c.group for c in test}
    free = [part for part in known if groups[part[0]] not in used]
    taken = {
        p.name.rsplit("_c", 1)[0] for film in films for p, label in film if label == options.new
    }
    free_new = [part for part in new if part[0].name.rsplit("_c", 1)[0] not in taken]
    others = [(p, None) for name in options.other for p in sorted((folder / name).iterdir())]
    draw.shuffle(others)
    with tempfile.TemporaryDirectory() as work:
        project, output = Path(work, "project.json"), options.output or Path(work, "my.h5")
        save_corrections(_corrections(recognizer, films, Path(work), draw), project)
        started = time.perf_counter()
        start = ["--start", str(find_model(options.model))]
        if command(["correct", str(project), "--output", str(output), *start]):
            raise SystemExit(2)
        print(f"\ncorrect: {time.perf_counter() - started:.0f} s\n")
        rows = []
        models = {"before": recognizer, "after": Recognizer.load(output)}
        for name, parts in (
            ("the model's actions", free), (f"the new action, {options.new}", free_new),
            ("actions that neither knows", others),
        ):  # fmt: skip
            parts = parts[: options.elsewhere]
            right = [_right(models[m], parts) for m in models]
            rows.append([name, str(len(parts)), *(f"{n} ({n / len(parts):.0%})" for n in right)])
        print_table(["clips elsewhere", "clips", "right before", "right after"], rows)


def _corrections(
    recognizer: Recognizer, films: Sequence[Sequence[Part]], folder: Path, draw: random.Random
) -> Corrections:
    videos, segments = [], []
    for k, parts in enumerate(films):
        path = folder / f"film{k}.mp4"
        truth = write_film(path, draw.sample(parts, len(parts)))
        seen = list(recognizer.timeline(path))
        videos.append(CorrectedVideo(path.name, path.name, digest_of(path)))
        at_s = 0.0
        for label, run in groupby(truth):
            end_s = at_s + len(list(run)) * GRID_S
            kind: Kind = "confirmed" if _answer(seen, at_s, end_s) == label else "corrected"
            segments.append(CorrectedSegment(k, at_s, end_s, label, kind))
            at_s = end_s
    return Corrections(tuple(videos), tuple(segments), None)


def _answer(seen: Sequence[Segment], start_s: float, end_s: float) -> str | None:
    """What is seen for the longest time between two times."""
    lengths: Counter[str | None] = Counter()
    for s in seen:
        lengths[s.action] += max(0.0, min(end_s, s.end_s) - max(start_s, s.start_s))  # type: ignore[assignment]
    return lengths.most_common(1)[0][0]


def _right(recognizer: Recognizer, parts: Sequence[Part]) -> int:
    return sum(recognizer.predict(path).action == label for path, label in parts)


if __name__ == "__main__":
    main()
