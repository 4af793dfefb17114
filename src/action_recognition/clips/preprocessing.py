"""Everything that turns a video into the input of the network.

The settings are stored in the model file, so that training and inference cannot drift apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from action_recognition.errors import UsageError


@dataclass(frozen=True)
class Preprocessing:
    """The settings that turn a video into the input of the network.

    Parameters:
        interval_s: seconds between two frames.
        size: side of the square input in pixels, H = W.
        max_aspect: frames are centre-cropped to an aspect ratio between 1/max_aspect and
            max_aspect, then squeezed to the square: a 4:3 video is seen whole by default.
    """

    interval_s: float = 0.2
    size: int = 172
    max_aspect: float = 4 / 3

    def __post_init__(self) -> None:
        for name, good, rule in (
            ("interval_s", 0.001 <= self.interval_s <= 60, "from 0.001 to 60 seconds"),
            (
                "size",
                type(self.size) is int and self.size in range(16, 1025),
                "from 16 to 1024 pixels",
            ),
            ("max_aspect", 1 <= self.max_aspect < math.inf, "at least 1"),
        ):
            if not good:
                raise UsageError(f"Preprocessing: {name}={getattr(self, name)!r}, must be {rule}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The inverse of `to_dict`. Raises UsageError for unknown or missing fields."""
        names = {f.name for f in fields(cls)}
        if set(values) != names:
            raise UsageError(
                f"Preprocessing: fields {sorted(values)}, but {sorted(names)} are needed"
            )
        return cls(**values)
