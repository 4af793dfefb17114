"""What a training learns from: the samples of a manifest, of pictures, and of made emptiness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from action_recognition.actions import label_for_folder
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.errors import DataError
from action_recognition.training import emptiness
from action_recognition.training.footage import PICTURES, Sample

MAX_PICTURES = 100  # of a class: as many as there are clips of a class of the data sets
_UNEQUAL = 5  # times as many clips as another class are worth a word


@dataclass(frozen=True)
class TrainingData:
    """All that a training learns from and is validated on.

    Parameters:
        classes: the known classes, in the order of the logits.
        background: classes of other actions, whose logits come after them.
        samples: what training clips are drawn from.
        validation: validation videos of both.
    """

    classes: tuple[str, ...]
    background: tuple[str, ...]
    samples: tuple[Sample, ...]
    validation: tuple[Clip, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All classes in the order of the logits."""
        return (*self.classes, *self.background)


def gather(
    manifest: Manifest,
    *,
    background: Sequence[str] = (),
    pictures: Sequence[Path] = (),
    made: int = 0,
    seed: int = 0,
) -> TrainingData:
    """Gathers them.

    Parameters:
        manifest: clips; the splits train and val are used.
        background: labels in it that are learned as the others, but are no answers.
        pictures: files in folders that are named after classes; those of other classes are left
            out, and so are those of a class after the first 100.
        made: videos that are made and show nothing, as one more background class; 0: none.

    Raises:
        DataError: there are fewer than two classes, or a class has no training clip.
    """
    others = sorted(set(background))
    classes = tuple(c for c in manifest.labels if c not in others)
    if len(classes) < 2:
        raise DataError("training needs clips of at least two classes")
    labels = (*classes, *others, *([emptiness.LABEL] if made else []))
    train = manifest.split("train")
    missing = sorted({*classes, *others} - {c.label for c in train})
    if missing:
        raise DataError(f"class {missing[0]!r} has no clip in the split 'train'")
    of = {label: k for k, label in enumerate(labels)}
    shown = [(p, label_for_folder(p.parent.name)) for p in sorted(pictures)]
    shown = [(p, label) for p, label in shown if label in of and p.suffix.lower() in PICTURES]
    shown = [x for label in labels for x in [y for y in shown if y[1] == label][:MAX_PICTURES]]
    # Where some classes are learned from pictures, videos of the others show pictures, too.
    samples = [Sample(c.place, of[c.label], stilled=bool(shown)) for c in train]
    samples += [Sample(p, of[label]) for p, label in shown]
    random = np.random.default_rng(seed)
    for seed_of_one in random.integers(2**31, size=made):
        chosen = samples[int(random.integers(len(train)))]
        samples.append(Sample(chosen.path, of[emptiness.LABEL], made=int(seed_of_one)))
    return TrainingData(
        classes, labels[len(classes) :], tuple(samples), tuple(manifest.split("val"))
    )


def sources(manifest: Manifest, data: TrainingData) -> dict[str, list[str]]:
    """Where the training clips of each known class come from."""
    found: dict[str, set[str]] = {label: set() for label in data.classes}
    for clip in manifest.split("train"):
        if clip.label in found:
            found[clip.label].add(clip.dataset)
    for sample in data.samples:
        if sample.is_picture and sample.made is None and sample.target < len(data.classes):
            found[data.classes[sample.target]].add("pictures")
    return {label: sorted(names) for label, names in found.items()}


def counts(manifest: Manifest, data: TrainingData) -> dict[str, dict[str, int]]:
    """How many videos of each class there are in each split, and samples of any kind."""
    drawn = Counter(data.labels[s.target] for s in data.samples)
    found = {
        split: dict(sorted(Counter(c.label for c in manifest.split(split)).items()))
        for split in ("train", "val", "test")
    }
    return {**found, "samples": dict(sorted(drawn.items()))}


def notes(manifest: Manifest, data: TrainingData) -> Iterator[str]:
    """A sentence for whatever the number of clips of a class prevents or makes worse."""
    train = Counter(c.label for c in manifest.split("train"))
    for label in data.classes:
        splits = {c.split for c in manifest.clips if c.label == label}
        missing = [
            use for s, use in (("test", "measure"), ("val", "calibrate on")) if s not in splits
        ]
        said = f"{label}: {_clips(train[label])} to train on"
        if missing:
            rest = "that takes clips of at least three recordings"
            yield f"{said}, none to {' or to '.join(missing)}; {rest}"
        elif train[label] == 1:
            yield f"{said}; one clip shows little of what a class can look like"
    if not any(c.label in data.classes for c in data.validation):
        yield "not calibrated, and no rule for `none of these`: no class has validation clips"
    most = max(data.classes, key=lambda label: train[label])
    few = [label for label in data.classes if train[label] * _UNEQUAL <= train[most]]
    if few:
        rare = ", ".join(f"{label} {train[label]}" for label in few)
        yield (
            f"the classes are very unequal: {most} has {_clips(train[most])} to train on, but "
            f"{rare}; a class of few clips is recognised less often"
        )


def _clips(count: int) -> str:
    return f"{count} clip{'' if count == 1 else 's'}"
