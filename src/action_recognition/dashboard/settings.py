"""What the operator of the dashboard decides: environment variables, or options.

`action-recognition app --videos DIR` allows a folder, as does ACTION_RECOGNITION_VIDEOS.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from streamlit import config

from action_recognition.errors import UsageError
from action_recognition.models.model_file import find_model
from action_recognition.video.limits import Limits

MODEL_VARIABLE = "ACTION_RECOGNITION_MODEL"
MODELS_VARIABLE = "ACTION_RECOGNITION_MODELS"
VIDEOS_VARIABLE = "ACTION_RECOGNITION_VIDEOS"
EXAMPLES_VARIABLE = "ACTION_RECOGNITION_EXAMPLES"
ICE_VARIABLE = "ACTION_RECOGNITION_ICE"
LIMITS_VARIABLE = "ACTION_RECOGNITION_LIMITS"
TRAINING_VARIABLE = "ACTION_RECOGNITION_TRAINING"
# Of one video; an hour of Full HD takes 500 CPU seconds.
_VIDEO_LIMITS = {"video_s": 6 * 3600.0, "cpu_s": 1800.0, "wall_s": 3600.0}
# Limits: name, default. Their options and variables are called after them.
LIMITS = {"uploads_per_visitor": 120, "uploads": 600, "waiting": 100, "held_mb": 4000}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_EXAMPLES = Path("data", "clips")  # where `action-recognition data prepare` puts them


@dataclass(frozen=True)
class Settings:
    """Paths, none of which need exist, and limits, which are more than 0.

    Parameters:
        model: the model file that is used until a visitor chooses another; its option and its
            variable also take `shipped` and `kinetics600`.
        models: a folder of further model files to choose from; None: none.
        videos: the folder on the server whose videos visitors may have recognised; None: none.
        examples: a folder with a folder of clips for each action.
        ice: a STUN or TURN server, for cameras that do not stand in the server's own network.
        limits: what a video may cost, given as in "cpu_s=600,video_s=7200".
        uploads_per_visitor: files that may come from one address within a minute.
        uploads: files that may come from all of them within a minute.
        waiting: videos of all visitors that may wait for the network at once.
        held_mb: megabytes (10^6 bytes) of uploads that are held for all visitors together.
        training: whether visitors may teach a model with their corrections; without a word, only
            where this machine alone reaches the server.
    """

    model: Path
    models: Path | None
    videos: Path | None
    examples: Path
    ice: str | None
    limits: Limits
    uploads_per_visitor: int = LIMITS["uploads_per_visitor"]
    uploads: int = LIMITS["uploads"]
    waiting: int = LIMITS["waiting"]
    held_mb: int = LIMITS["held_mb"]
    training: bool = False

    @classmethod
    def read(cls) -> Settings:
        """An option counts more than its variable.

        Raises:
            UsageError: a limit is no number above 0, or training neither on nor off.
        """
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        for name in ("model", "models", "videos", "examples", "ice", "limits", "training"):
            parser.add_argument(f"--{name}")
        for name in LIMITS:
            parser.add_argument(f"--{name.replace('_', '-')}")
        options, _ = parser.parse_known_args(sys.argv[1:])
        model = options.model or os.environ.get(MODEL_VARIABLE)
        models = options.models or os.environ.get(MODELS_VARIABLE)
        videos = options.videos or os.environ.get(VIDEOS_VARIABLE)
        examples = options.examples or os.environ.get(EXAMPLES_VARIABLE)
        return cls(
            model=find_model(model),
            models=Path(models) if models else None,
            videos=Path(videos) if videos else None,
            examples=Path(examples) if examples else _EXAMPLES,
            ice=options.ice or os.environ.get(ICE_VARIABLE) or None,
            limits=Limits.parse(
                options.limits or os.environ.get(LIMITS_VARIABLE, ""), **_VIDEO_LIMITS
            ),
            **{name: _limit(name, getattr(options, name)) for name in LIMITS},
            training=_training(options.training or os.environ.get(TRAINING_VARIABLE)),
        )


def limit_variable(name: str) -> str:
    """The environment variable of one of `LIMITS`.

    >>> limit_variable("held_mb")
    'ACTION_RECOGNITION_HELD_MB'
    """
    return f"ACTION_RECOGNITION_{name.upper()}"


def _limit(name: str, option: str | None) -> int:
    text = option or os.environ.get(limit_variable(name)) or str(LIMITS[name])
    if not text.isdecimal() or not int(text):
        raise UsageError(f"--{name.replace('_', '-')} {text}: must be a whole number above 0")
    return int(text)


def _training(text: str | None) -> bool:
    if not text:
        # A server that answers to other names stands behind a proxy, for others.
        alone = config.get_option("server.address") in _LOOPBACK
        return alone and not config.get_option("server.allowedHosts")
    if text not in ("on", "off"):
        raise UsageError(f"--training {text}: must be on or off")
    return text == "on"
