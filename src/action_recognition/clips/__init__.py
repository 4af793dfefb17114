"""Which frames of a video the network sees, and how they are prepared."""

from action_recognition.clips.preprocessing import Preprocessing
from action_recognition.clips.sampling import (
    STRETCHES,
    WHOLE_FRAMES,
    VideoClips,
    clip_times,
    grid_frames,
    read_clips,
)

__all__ = [
    "STRETCHES",
    "WHOLE_FRAMES",
    "Preprocessing",
    "VideoClips",
    "clip_times",
    "grid_frames",
    "read_clips",
]
