"""A visitor's own classes: their clips, and the training on them.

Each clip is encoded anew when it is added, by the confined process that makes cut-outs: the
training reads that, and never the file that the visitor has sent.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from action_recognition.actions import label_for_folder
from action_recognition.dashboard.session import OwnClip, Upload
from action_recognition.dashboard.teaching import Row
from action_recognition.dashboard.training_process import TrainingProcess
from action_recognition.datasets.split_names import read_split
from action_recognition.editing.cut import cut_to_bytes
from action_recognition.errors import DataError, one_line
from action_recognition.video.isolated import can_isolate
from action_recognition.video.limits import Limits

MODEL = "my-model.h5"
_MOST_BYTES = 200  # of a file's name; systems allow 255
_QUICK = ("--tuned-layers", "0", "--views", "1", "--film-epochs", "0")


@dataclass(frozen=True)
class Source:
    """What a clip is to be made from: an upload, from a time to a time in seconds."""

    label: str
    upload: Upload
    group: str = ""
    start_s: float = 0.0
    end_s: float | None = None

    @property
    def digest(self) -> str:
        """Tells it from others."""
        if self.end_s is None:
            return self.upload.digest
        return f"{self.upload.digest}-{self.start_s:.2f}-{self.end_s:.2f}"

    def made(self, limits: Limits) -> OwnClip:
        """The clip, encoded anew.

        Raises:
            VideoError: it cannot be read.
            UsageError: the video shows nothing between the times.
        """
        data = cut_to_bytes(
            io.BytesIO(self.upload.data),
            self.start_s,
            limits.video_s if self.end_s is None else self.end_s,
            name=self.upload.name,
            mode="exact",
            limits=limits,
            untrusted=can_isolate(),
        )
        return OwnClip(self.label, self.upload.name, self.group, self.digest, data)


def class_name(text: str) -> str:
    """The label of a class that a visitor names.

    Raises:
        DataError: no folder can be called so, or it means a split of a data set.

    >>> class_name("  jumping_jack ")
    'Jumping jack'
    """
    label = label_for_folder(" ".join(text.split()))
    if not label or len(label) > 100 or not label.isprintable():
        raise DataError("a class needs a name of up to 100 characters")
    if set(label) & set('/\\<>:"|?*') or label[0] == "." or read_split(label) is not None:
        raise DataError(f"{label}: a class cannot be called so")
    return label


def sources_of(uploads: Sequence[Upload], label: str | None) -> tuple[list[Source], list[str]]:
    """Uploads as clips of a class.

    Parameters:
        label: the class; files of one folder below the chosen one are a group. None: each file is
            of the class that the folder names in which it lies. A folder of such folders, as that
            of a data set is, names no class.

    Returns:
        the clips, and a sentence for each file that is left out.

    Raises:
        DataError: a file lies in no folder, or in one after which no class can be called.
    """
    found, left_out = [], []
    folders_of = [PurePosixPath(u.name.replace("\\", "/")).parts[:-1] for u in uploads]
    around = {folders[:k] for folders in folders_of for k in range(len(folders))}
    for upload, folders in zip(uploads, folders_of, strict=True):
        if label is not None:
            found.append(Source(label, upload, "-".join(folders[1:])))
        elif not folders:
            raise DataError(f"{upload.name}: name the class first")
        elif folders in around:
            left_out.append(f"{upload.name}: left out, it lies beside the folders of the classes")
        else:
            found.append(Source(class_name(folders[-1]), upload))
    return found, left_out


def moments_of(upload: Upload, rows: Sequence[Row]) -> list[Source]:
    """What a visitor has corrected, added or confirmed in a video, as clips of one group."""
    return [
        Source(class_name(row.action), upload, upload.digest[:16], row.start_s, row.end_s)
        for row in rows
        if row.kind and row.action and row.start_s is not None and row.end_s is not None
    ]


class OwnClasses(TrainingProcess):
    """The training of one visit on its own classes.

    Parameters:
        before: the model file that the visit used before.

    Attributes:
        trains: whether the command that ran last is the training, and not the check.
    """

    def __init__(self, before: Path) -> None:
        super().__init__(MODEL)
        self.before = before
        self.trains = False

    def check(self, clips: Sequence[OwnClip]) -> None:
        """Starts to look for what is too few, cannot be read, or is a copy."""
        data = self._write(clips)
        self.trains = False
        self.start_command("data", "from-folder", str(data), "--output", str(data) + ".csv")

    def train(self, clips: Sequence[OwnClip]) -> None:
        """Starts the training."""
        data = self._write(clips)
        self.trains = True
        self.model_path.unlink(missing_ok=True)
        shutil.rmtree(self.model_path.with_suffix(".training"), ignore_errors=True)
        self.start_command(
            "train", "--data", str(data), *_QUICK, "--device", "cpu",
            "--output", str(self.model_path),
        )  # fmt: skip

    def _write(self, clips: Sequence[OwnClip]) -> Path:
        self.stop()
        data = self.folder() / "clips"
        shutil.rmtree(data, ignore_errors=True)
        for number, clip in enumerate(clips, 1):
            stem = one_line(PurePosixPath(clip.name.replace("\\", "/")).stem)
            # Clips of data sets are known by their names, which are told apart by a folder.
            group = _part(clip.group) or f"clip-{number}"
            folder = data / clip.label / group
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{_part(stem) or 'clip'}.mp4"
            if path.exists():
                path = folder / f"{_part(stem)}-{number}.mp4"
            path.write_bytes(clip.data)
        return data


def _part(text: str) -> str:
    """A text as the name of a file or a folder."""
    good = "".join(c if c.isalnum() or c in " -_.()" else "_" for c in text).strip(" .")
    return good.encode()[:_MOST_BYTES].decode(errors="ignore")
