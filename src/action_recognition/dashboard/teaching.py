"""What a visitor corrects, and the training on it: see `training_process`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from action_recognition.dashboard.session import Upload
from action_recognition.dashboard.training_process import TrainingProcess, installed
from action_recognition.datasets.corrections import (
    CorrectedSegment,
    CorrectedVideo,
    Corrections,
    Kind,
    save_corrections,
)
from action_recognition.errors import DataError
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.isolated import can_isolate
from action_recognition.video.limits import Limits

NONE_OF_THESE = "None of these"
START, END, ACTION, RIGHT = "Start (s)", "End (s)", "Action", "Right"  # the columns of the table
MODEL = "corrected.h5"


class Row(NamedTuple):
    """A moment in the table.

    Parameters:
        start_s, end_s, action: as in `Segment`.
        right: whether the visitor has confirmed it.
        was: the first three as the model gave them; None: the visitor has added the moment.
    """

    start_s: float | None
    end_s: float | None
    action: str | None
    right: bool
    was: tuple[float, float, str | None] | None

    @property
    def kind(self) -> Kind | None:
        """What the visitor has done with it; None: nothing."""
        if self.was is None:
            return "added"
        if self.was != self[:3]:
            return "corrected"
        return "confirmed" if self.right else None


def rows_of(segments: Sequence[Segment]) -> list[Row]:
    """The table before the visitor has done anything."""
    found = [(round(s.start_s, 2), round(s.end_s, 2), s.action) for s in segments]
    return [Row(*values, right=False, was=values) for values in found]


def edited(rows: Sequence[Row], edits: Mapping[str, Any]) -> list[Row]:
    """The rows after what `st.data_editor` tells of: rows edited, added and deleted."""
    found = []
    for k, row in enumerate(rows):
        if k not in edits["deleted_rows"]:
            found.append(_changed(row, edits["edited_rows"].get(k, {})))
    empty = Row(None, None, None, False, None)
    return found + [_changed(empty, values) for values in edits["added_rows"]]


def _changed(row: Row, values: Mapping[str, Any]) -> Row:
    action = values.get(ACTION, row.action)
    return Row(
        values.get(START, row.start_s),
        values.get(END, row.end_s),
        None if action == NONE_OF_THESE else action,
        bool(values.get(RIGHT, row.right)),
        row.was,
    )


def segments_of(rows: Sequence[Row], video: int) -> list[CorrectedSegment]:
    """What the visitor has said of a video.

    Raises:
        DataError: a row has no start or end, or ends before its start.
    """
    found = []
    for number, row in enumerate(rows, 1):
        if row.kind is None:
            continue
        if row.start_s is None or row.end_s is None or not 0 <= row.start_s < row.end_s:
            raise DataError(f"row {number}: it needs a start, and an end after it")
        found.append(CorrectedSegment(video, row.start_s, row.end_s, row.action, row.kind))
    return found


class Teaching(TrainingProcess):
    """What one visit has corrected of the answers of one model, and the training on it.

    Parameters:
        start: the model file.

    Attributes:
        tables: rows of each video that was looked at, by its digest.
        bases: the rows with which the table of the page began, which tells of changes to them.
        turns: how many tables there were before this one.
        names: actions that the visitor has added to those of the model.
    """

    def __init__(self, start: Path) -> None:
        super().__init__(MODEL)
        self.start = start
        self.tables: dict[str, list[Row]] = {}
        self.bases: dict[str, list[Row]] = {}
        self.turns: dict[str, int] = {}
        self.names: list[str] = []
        self._videos: dict[str, str] = {}  # name of each that was trained on, by its digest

    def project(self, upload: Upload, model: str) -> Corrections:
        """All that was said of this video, and of those that were trained on before.

        Parameters:
            model: SHA-256 of the model file that has answered.

        Raises:
            DataError: a row makes no sense.
        """
        return self._project({**self._videos, upload.digest: upload.name}, model, files=False)

    def train(self, upload: Upload, model: str, limits: Limits) -> None:
        """Starts the training on all of it.

        Raises:
            DataError: a row makes no sense.
        """
        project = self._project({**self._videos, upload.digest: upload.name}, model, files=True)
        folder = self.folder()
        (folder / upload.digest).write_bytes(upload.data)
        self._videos[upload.digest] = upload.name
        save_corrections(project, folder / "project.json")
        self.model_path.unlink(missing_ok=True)
        self.start_command(
            "correct", str(folder / "project.json"),
            "--output", str(self.model_path), "--start", str(self.start.resolve()),
            "--device", "cpu", "--limits",
            f"cpu_s={limits.cpu_s:.0f},wall_s={limits.wall_s:.0f},video_s={limits.video_s:.0f}",
            *(["--untrusted"] if can_isolate() else []),
        )  # fmt: skip

    def _project(self, names: Mapping[str, str], model: str, *, files: bool) -> Corrections:
        """`files`: the videos are called as in the folder, not as the visitor calls them."""
        videos: list[CorrectedVideo] = []
        segments: list[CorrectedSegment] = []
        for digest, name in names.items():
            path = digest if files else Path(name).name
            segments += segments_of(self.tables.get(digest, []), len(videos))
            videos.append(CorrectedVideo(name, path, sha256=digest))
        return Corrections(tuple(videos), tuple(segments), model)


def can_train() -> bool:
    """Whether what a training on corrections needs is installed."""
    return installed("scipy")
