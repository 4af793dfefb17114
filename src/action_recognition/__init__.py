"""Says which human action a video shows."""

from action_recognition.actions import ACTIONS, Action
from action_recognition.errors import ActionRecognitionError, ModelFileError, VideoError
from action_recognition.recognizer import Prediction, Recognizer
from action_recognition.segmentation import Segment

__all__ = [
    "ACTIONS",
    "Action",
    "ActionRecognitionError",
    "ModelFileError",
    "Prediction",
    "Recognizer",
    "Segment",
    "VideoError",
]
