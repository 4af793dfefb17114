"""A trained model as a file, with its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.evaluation.evaluate import Evaluation, evaluate
from action_recognition.models.model_file import Model, load_model, save_model
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.training.processes import ALONE, Processes


def finish(
    model: Model,
    manifest: Manifest,
    output: Path,
    *,
    unknown: Sequence[Clip] = (),
    device: str = "auto",
    processes: Processes = ALONE,
) -> list[Evaluation]:
    """Writes the model file, measures it on the test split, adds the figures.

    The figures are those of the file, with its rounded weights. Clips of UCF101 and HMDB51 are
    measured apart from others: no figure is of both.

    Parameters:
        unknown: clips of classes that the model has not seen, see `evaluate`.
        processes: that share out the clips; one of them writes the file.

    Returns:
        the figures of the official clips, then of others, where there are any.

    Raises:
        ModelFileError: the file cannot be written.
    """

    def saved() -> Model:
        save_model(model, output)  # first of all: what was trained is safe
        return load_model(output)

    written = processes.from_writer(saved)
    test = [c for c in manifest.split("test") if c.label in model.classes]
    official = [c for c in test if c.dataset in ("UCF101", "HMDB51")]
    other = [c for c in test if c.dataset not in ("UCF101", "HMDB51")]
    recognizer = Recognizer(written, device=device)
    parts = [clips for clips in (official, other) if clips]
    found = [
        evaluate(
            recognizer,
            clips,
            split="test",
            unknown=unknown if k == 0 else (),
            each=processes.each,
        )
        for k, clips in enumerate(parts)
    ]
    if found:
        metrics = found[0].to_dict()
        if len(found) > 1:
            metrics["other_sources"] = found[1].to_dict()
        processes.from_writer(lambda: save_model(replace(model, metrics=metrics), output))
    return found
