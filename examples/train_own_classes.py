"""Trains a model on your own classes and tries it on a video.

Put the clips of each class in a folder: my_clips/waving/1.mp4, my_clips/clapping/1.mp4, ...

python examples/train_own_classes.py my_clips my-model.h5 new.mp4
"""

from __future__ import annotations

import argparse
from pathlib import Path

from action_recognition import Recognizer
from action_recognition.datasets.folders import load_data
from action_recognition.models.model_file import save_model
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.train import Run, train
from action_recognition.training.training_data import gather


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains a model on your own classes.")
    parser.add_argument("clips", type=Path, help="a folder with one folder of clips per class")
    parser.add_argument("output", type=Path, help="the model file to write, .h5")
    parser.add_argument("video", type=Path, help="a video to try it on")
    parser.add_argument("--init", default="kinetics600", help="the model to start from")
    options = parser.parse_args()

    manifest = load_data([options.clips])  # decodes each clip once, splits by group
    print(manifest.summary())
    # The trunk stays as it is; a regression learns the classes.
    settings = TrainingSettings(tuned_layers=0, views=1, film_epochs=0)
    run = Run(settings, folder=options.output.with_suffix(".training"), init=options.init)
    save_model(train(manifest, gather(manifest), run), options.output)
    print(Recognizer.load(options.output).predict(options.video).ranked[:3])


if __name__ == "__main__":
    main()
