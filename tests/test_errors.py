import pickle

import pytest

from action_recognition import errors


def test_video_error_names_file_and_reason() -> None:
    error = errors.VideoError("a.mp4", "it is empty")
    assert str(error) == "a.mp4: it is empty"
    assert (error.name, error.reason) == ("a.mp4", "it is empty")


def test_video_error_survives_the_way_between_processes() -> None:
    """Guards: exceptions pickle as type(*args), which fails for two arguments in one message."""
    error = pickle.loads(pickle.dumps(errors.VideoError("a.mp4", "it is empty")))
    assert isinstance(error, errors.VideoError)
    assert (error.name, error.reason, str(error)) == ("a.mp4", "it is empty", "a.mp4: it is empty")


@pytest.mark.parametrize(
    "kind", ["VideoError", "ModelFileError", "DataError", "UsageError", "TrainingError"]
)
def test_one_base_class_catches_all(kind: str) -> None:
    assert issubclass(getattr(errors, kind), errors.ActionRecognitionError)
    assert not issubclass(errors.ActionRecognitionError, (ValueError, OSError))
