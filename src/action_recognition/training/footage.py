"""What training clips are drawn from: frames of videos, and of pictures moved like a camera."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.errors import VideoError
from action_recognition.training.emptiness import make_emptiness
from action_recognition.video import Video
from action_recognition.video.part import Place, to_source

PICTURES = (".jpg", ".jpeg", ".png")
# Of a longer video the middle is taken: a training clip is expected to show its action all along.
MAX_S = 30.0
MARGIN = 1.125  # frames are larger than the network's input by this factor, for crops
_STILL_S = 3.0  # of a picture


@dataclass(frozen=True)
class Sample:
    """What training clips are drawn from.

    Parameters:
        path: of a video, which may be in a shard, or of a picture that is moved as by a hand-held
            camera.
        target: index of its class.
        made: seed of a video that is made here and shows nothing (see `emptiness`), some of them of
            a frame of `path`; None: `path` is shown.
        stilled: one of its clips is a single frame, moved as a picture is: a class that is learned
            from pictures, too, must not be known by that alone.
    """

    path: Place
    target: int
    made: int | None = None
    stilled: bool = False

    @property
    def is_picture(self) -> bool:
        """Whether `path` is a picture, not a video."""
        return isinstance(self.path, Path) and self.path.suffix.lower() in PICTURES


def read_sample(sample: Sample, preprocessing: Preprocessing) -> tuple[NDArray[np.uint8], float]:
    """Frames (N, size, size, 3) uint8 RGB of a sample, and the seconds between them.

    They are twice as dense in time as those of the network and somewhat larger, so that training
    can shift, stretch and crop. Draws from PyTorch's global random numbers.

    Raises:
        VideoError: it cannot be read.
    """
    size = round(preprocessing.size * MARGIN / 2) * 2
    step_s = preprocessing.interval_s / 2
    count = round(_STILL_S / step_s)
    if sample.is_picture and isinstance(sample.path, Path):
        frames = moved_picture(read_picture(sample.path), count, size)
    else:
        frames = _read_video(sample.path, size, step_s, preprocessing.max_aspect)
    if sample.made is not None:
        frame = frames[int(torch.randint(len(frames), ()))]
        frames = make_emptiness(np.random.default_rng(sample.made), size, count, frame)
    return frames, step_s


def _read_video(path: Place, size: int, step_s: float, max_aspect: float) -> NDArray[np.uint8]:
    with Video(to_source(path), name=path.name) as video:
        duration = video.info.duration_s
        start = max(0.0, (duration - MAX_S) / 2)
        times = np.arange(start, min(duration, start + MAX_S), step_s)
        frames, _ = video.frames_at(
            times if len(times) else np.zeros(1), size=size, max_aspect=max_aspect
        )
    return frames


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file as (H, W, 3) uint8 RGB.

    Raises:
        VideoError: it cannot be read.
    """
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            return np.ascontiguousarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
    except (av.FFmpegError, OSError, StopIteration, ValueError) as error:
        raise VideoError(path.name, f"the picture cannot be read ({error})") from None


def moved_picture(picture: NDArray[np.uint8], count: int, size: int) -> NDArray[np.uint8]:
    """A picture seen by a camera that drifts, zooms and shakes a little: (count, size, size, 3).

    Draws from PyTorch's global random numbers.
    """
    x = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()
    scale = torch.empty(2).uniform_(0.7, 1.0)  # share of the picture, at the beginning and the end
    way = torch.linspace(0, 1, count)
    scales = scale[0] + (scale[1] - scale[0]) * way  # (count,)
    room = 1 - scales
    ends = torch.empty(2, 2).uniform_(-1, 1)
    centres = (ends[0] + (ends[1] - ends[0]) * way[:, None]) * room[:, None]  # (count, 2)
    centres = centres + 0.01 * torch.randn(count, 2).cumsum(0) / max(1, count) ** 0.5
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scales
    theta[:, :, 2] = centres
    grid = F.affine_grid(theta, [count, 3, size, size], align_corners=False)
    moved = F.grid_sample(
        x.expand(count, -1, -1, -1), grid, padding_mode="reflection", align_corners=False
    )
    return moved.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
