"""Measures a model on clips whose action is known, and writes a report.

python examples/evaluate_model.py my-model.h5 my_clips report
"""

from __future__ import annotations

import argparse
from pathlib import Path

from action_recognition import Recognizer
from action_recognition.datasets.folders import load_data
from action_recognition.evaluation.evaluate import evaluate
from action_recognition.evaluation.report import write_report


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures a model and writes a report.")
    parser.add_argument("model", help="shipped, kinetics600 or an .h5 file")
    parser.add_argument("clips", type=Path, help="folder of class folders, or a manifest")
    parser.add_argument("report", type=Path, help="folder for the report")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    options = parser.parse_args()

    manifest = load_data([options.clips])
    clips = [clip for clip in manifest.clips if clip.split == options.split]
    evaluation = evaluate(Recognizer.load(options.model), clips, split=options.split)

    for name, interval in evaluation.overall.items():
        print(f"{name:16} {interval}")
    for line in evaluation.per_class:
        print(f"{line.label:16} F1 {line.f1:.3f} on {line.support} videos")
    for path in write_report(evaluation, options.report, title=f"Evaluation of {options.model}"):
        print(f"written: {path}")


if __name__ == "__main__":
    main()
