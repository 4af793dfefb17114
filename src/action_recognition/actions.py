"""The ten actions of the project: the one table that everything else reads.

Each model file lists the actions that its model recognises; a model may know only some of this
table, or entirely different classes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Dataset = Literal["UCF101", "HMDB51"]


@dataclass(frozen=True)
class Action:
    """One action: its display name, its folder here, and where its clips come from."""

    name: str
    folder: str
    dataset: Dataset
    original_class: str


ACTIONS: tuple[Action, ...] = (
    Action("Baby Crawling", "baby_crawling", "UCF101", "BabyCrawling"),
    Action("Dancing", "dancing", "UCF101", "IceDancing"),
    Action("Drinking", "drinking", "HMDB51", "drink"),
    Action("Smoking", "smoking", "HMDB51", "smoke"),
    Action("Hitting", "hitting", "HMDB51", "hit"),
    Action("Gun Shooting", "gun_shooting", "HMDB51", "shoot_gun"),
    Action("Cutting in Kitchen", "cutting_in_kitchen", "UCF101", "CuttingInKitchen"),
    Action("Falling on Floor", "falling_on_floor", "HMDB51", "fall_floor"),
    Action("Talking", "talking", "HMDB51", "talk"),
    Action("Writing on Board", "writing_on_board", "UCF101", "WritingOnBoard"),
)

_BY_FOLDER = {a.folder: a for a in ACTIONS} | {a.original_class: a for a in ACTIONS}


def find_action(folder: str) -> Action | None:
    """The action whose folder, here or in its data set, is called `folder`, if any."""
    return _BY_FOLDER.get(folder)


def label_for_folder(folder: str) -> str:
    """The label of the clips in a folder called `folder`.

    For a folder in the table, this is the action's name. Any other name is just made readable.

    >>> label_for_folder("fall_floor"), label_for_folder("BrushingTeeth"), label_for_folder("jump")
    ('Falling on Floor', 'Brushing Teeth', 'Jump')
    """
    action = find_action(folder)
    if action is not None:
        return action.name
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", folder).replace("_", " ").split()
    text = " ".join(words)
    return text[:1].upper() + text[1:]
