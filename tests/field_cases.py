"""The cases from the field: seventeen inputs that public bug reports are about.

    make cases CASES=../shared/cases        # all of them, a line each
    python tests/field_cases.py FOLDER 02 09

Each function runs the command line as its user would, on a copy, and says what came of it.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from action_recognition.models.model_file import find_model
from action_recognition.video import Video

JUMPING = "Jumping Jack"


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def said(self) -> str:
        """The last line of what it told the user."""
        return (self.err.strip() or self.out.strip()).splitlines()[-1]


def run(*arguments: object, folder: Path, **environment: str) -> Ran:
    """`action-recognition` with these arguments, in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "action_recognition", *map(str, arguments)],
        cwd=folder, env=os.environ | environment, capture_output=True, timeout=600, check=False,
    )  # fmt: skip
    ran = Ran(done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("utf-8"))
    assert "Traceback" not in ran.err, ran.err
    return ran


def python(*arguments: object, folder: Path) -> str:
    """The Python of this environment with these arguments."""
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def is_jumping(answer: dict) -> bool:
    return answer["action"] == JUMPING and answer["probability"] > 0.98


def splits_of(manifest: Path) -> dict[str, str]:
    """File name -> split."""
    with manifest.open(encoding="utf-8", newline="") as file:
        return {row["path"]: row["split"] for row in csv.DictReader(file)}


# -- one function a case -------------------------------------------------------------------


def mirrored_front_camera(case: Path) -> str:
    selfie, upright = run("predict", "--json", "selfie.mp4", "upright.mp4", folder=case).json
    assert selfie["action"] == upright["action"] == "Baby Crawling"
    assert abs(selfie["probability"] - upright["probability"]) < 0.01
    return f"Baby Crawling {selfie['probability']:.1%}, upright {upright['probability']:.1%}"


def mkv_sound_longer(case: Path) -> str:
    answers = run("predict", "--json", "clip.mkv", "clip.webm", folder=case).json
    for answer in answers:
        assert is_jumping(answer)
        assert abs(answer["duration_s"] - 1.8) < 0.02
        assert max(end for _, end in answer["clips_s"]) <= 1.81
    (segment,) = run("timeline", "--json", "clip.mkv", folder=case).json
    assert abs(segment["end_s"] - 1.8) < 0.02
    lengths = ", ".join(f"{a['probability']:.1%} of {a['duration_s']:.2f} s" for a in answers)
    return f"{lengths}; one segment to {segment['end_s']:.2f} s"


def ip_camera(case: Path) -> str:
    with ThreadPoolExecutor() as both:
        return "; ".join(both.map(partial(_camera, case), (5, 50)))


def _camera(case: Path, rate: int) -> str:
    port = 8800 + rate
    camera = subprocess.Popen(
        [sys.executable, "camera.py", "figure.mp4", str(rate), str(port), "20"], cwd=case
    )
    try:
        time.sleep(3)
        times, clocks, ended = _watched(f"http://127.0.0.1:{port}/", case)
    finally:
        camera.kill()
        camera.wait()
    speed = (times[-1] - times[0]) / (clocks[-1] - clocks[0])
    assert len(times) >= 14
    assert 0.9 < speed < 1.1
    assert ended - clocks[-1] < 5
    return f"{rate} frames/s: {len(times)} answers, {speed:.2f} s of video a second"


def _watched(address: str, folder: Path) -> tuple[list[float], list[float], float]:
    """The times of the answers by the video and by the clock, and when they ended."""
    command = [sys.executable, "-m", "action_recognition", "watch", "--json", address]
    times, clocks = [], []
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as watching:
        end = threading.Timer(90, watching.kill)
        end.daemon = True  # this program does not wait for it
        end.start()
        assert watching.stdout is not None
        for line in watching.stdout:
            if "time_s" in (answer := json.loads(line)):
                times.append(answer["time_s"])
                clocks.append(time.monotonic())
    return times, clocks, time.monotonic()


def resume_elsewhere(case: Path) -> str:
    python("draw.py", "data", 8, folder=case)
    options = _small_training("data")
    assert run(*options, "--output", "a/m.h5", folder=case).code == 0
    (case / "a" / "m.h5").unlink()  # as if interrupted while calibrating
    (case / "a").rename(case / "b")
    resumed = run(*options, "--output", "b/m.h5", "--resume", folder=case)
    assert resumed.code == 0, resumed.err
    assert (case / "b" / "m.h5").exists()
    assert not (case / "a").exists()
    return "resumed from the moved folder, model written"


def _small_training(data: str) -> list[str]:
    # LSTM and GRU have the sizes of the shipped model, whose graphs then serve.
    few = {"tuned-layers": 1, "epochs": 2, "views": 1, "frames": 4}
    few |= {"batch": 4, "film-epochs": 1, "workers": 0}
    return ["train", "--data", data, "--device", "cpu", "--precision", "32-true"] + [
        text for name, value in few.items() for text in (f"--{name}", str(value))
    ]


def train_val_test_folders(case: Path) -> str:
    done = run("data", "from-folder", "UCF101_subset", "--output", "m.csv", folder=case)
    assert done.code == 0, done.err
    splits = splits_of(case / "m.csv")
    assert len(splits) == 36
    for path, split in splits.items():
        assert split == Path(path).parts[1], path
    with (case / "m.csv").open(encoding="utf-8") as file:
        labels = {row["label"] for row in csv.DictReader(file)}
    assert labels == {"Baby Crawling", "Brushing Teeth", JUMPING}
    return f"{', '.join(sorted(labels))}: {dict(Counter(splits.values()))}"


def linked_folders(case: Path) -> str:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", "make.sh", "x"], cwd=case, env=environment, check=True)
    done = run("data", "from-folder", "x/data", "--output", "m.csv", folder=case)
    assert done.code == 0, done.err
    with (case / "m.csv").open(encoding="utf-8") as file:
        groups = Counter(row["group"] for row in csv.DictReader(file))
    assert sum(groups.values()) == 21
    assert len(groups) == 4, groups
    return f"21 clips of {len(groups)} groups"


def class_without_a_word(case: Path) -> str:
    done = run("data", "from-folder", "data", "--output", "m.csv", folder=case)
    text = done.out + done.err
    assert "jump" in text.lower()
    assert all(f"0{k}.mpg" in text for k in range(4)) or "4 " in text
    assert ".DS_Store" not in text
    assert "Thumbs.db" not in text
    return next(line for line in text.splitlines() if "mpg" in line or "jump" in line.lower())


def file_names_on_stdout(case: Path) -> str:
    shutil.copy(case / "plain.mp4", case / "跑步.mp4")
    done = run("predict", "--json", "跑步.mp4", "plain.mp4", folder=case, PYTHONIOENCODING="cp1252")
    assert done.code == 0, done.err
    assert [is_jumping(answer) for answer in done.json] == [True, True]
    assert done.json[0]["file"] == "跑步.mp4"
    return "two lines of JSON, both Jumping Jack"


def subtitles_late_picture(case: Path) -> str:
    done = run("timeline", "late.mp4", "--vtt", folder=case)
    cue = next(line for line in done.out.splitlines() if "-->" in line)
    assert cue.startswith("00:00:03.0")
    assert "--> 00:00:04.8" in cue
    return cue


def bytes_after_the_last_box(case: Path) -> str:
    (answer,) = run("predict", "--json", "tagged.mp4", folder=case).json
    assert is_jumping(answer)
    return f"{answer['action']} {answer['probability']:.1%}"


def manifest_of_windows_and_excel(case: Path) -> str:
    for name in ("bom-crlf.csv", "windows.csv"):
        done = run("data", "check", name, folder=case)
        assert "is gone" not in done.out, done.out
        assert done.code == 0, done.out
    return done.out.splitlines()[-1]


def model_file_in_use(case: Path) -> str:
    shutil.copy(find_model("shipped"), case / "m.h5")
    holder = subprocess.Popen([sys.executable, "lock.py", "m.h5"], cwd=case)
    try:
        time.sleep(1)
        done = run("predict", "--json", "figure.mp4", "--model", "m.h5", folder=case)
    finally:
        holder.kill()
        holder.wait()
    assert "damaged" not in done.err
    assert is_jumping(done.json[0])
    return "answers while another program holds the file"


def renamed_ucf101_copies(case: Path) -> str:
    done = run("data", "from-folder", "aug", "--output", "m.csv", folder=case)
    assert done.code == 0, done.err
    splits = splits_of(case / "m.csv")
    checked = 0
    for path, split in splits.items():
        if path.endswith("_flip.mp4"):
            assert split == splits[path.replace("_flip", "")], path
            checked += 1
    assert checked
    said = run("data", "check", "m.csv", folder=case)
    return f"{checked} copies stand with their originals; {said.out.splitlines()[-1]}"


def diverged_training(case: Path) -> str:
    python("draw.py", "data", 4, folder=case)
    options = [*_small_training("data"), "--learning-rate", "1e12"]
    done = run(*options, "--output", "nan/m.h5", folder=case)
    assert done.code == 2
    assert not (case / "nan" / "m.h5").exists()
    assert "diverged" in done.said
    assert "learning-rate" in done.said
    return done.said


def colours(case: Path) -> str:
    worst = 0
    files = sorted(case.glob("col_*"))
    for file in files:
        with Video(file) as video:
            seen = video.frames_at([0.0], size=32)[0].astype(int)
        worst = max(worst, int(np.abs(seen - (200, 40, 80)).max()))
    assert len(files) == 10
    assert worst <= 8
    return f"10 encodings, at most {worst} grey levels off"


def variable_frame_rate(case: Path) -> str:
    lines = python("seek.py", "g_vfr.mp4", "g_vfr.mkv", "g_edit.mp4", folder=case).splitlines()
    off = [line.rsplit(maxsplit=1)[-1] for line in lines]
    assert off == ["0.00", "0.00", "7.40"]
    return f"began-minus-shown: {', '.join(off)}"


def avi_header(case: Path) -> str:
    answers = run("predict", "--json", "hdr1.avi", "hdrless.avi", folder=case).json
    assert all(map(is_jumping, answers))
    ends = []
    for name in ("hdr1.avi", "hdrless.avi"):
        ends.append(run("timeline", "--json", name, folder=case).json[-1]["end_s"])
    assert all(abs(end - 1.8) < 0.05 for end in ends)
    return f"timelines end at {ends[0]} and {ends[1]} s"


CASES: dict[str, Callable[[Path], str]] = {
    "01-mirrored-front-camera": mirrored_front_camera,
    "02-mkv-sound-longer": mkv_sound_longer,
    "03-ip-camera-mjpeg": ip_camera,
    "04-resume-elsewhere": resume_elsewhere,
    "05-train-val-test-folders": train_val_test_folders,
    "06-linked-folders": linked_folders,
    "07-class-without-a-word": class_without_a_word,
    "08-file-names-on-stdout": file_names_on_stdout,
    "09-subtitles-late-picture": subtitles_late_picture,
    "10-bytes-after-the-last-box": bytes_after_the_last_box,
    "11-manifest-of-windows-and-excel": manifest_of_windows_and_excel,
    "12-model-file-in-use": model_file_in_use,
    "13-renamed-ucf101-copies": renamed_ucf101_copies,
    "14-diverged-training": diverged_training,
    "15-colours": colours,
    "16-variable-frame-rate": variable_frame_rate,
    "17-avi-header": avi_header,
}


@contextmanager
def copy_of(cases: Path, name: str) -> Iterator[Path]:
    """A folder of its own with what a case holds."""
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(shutil.copytree(cases / name, Path(scratch, name), symlinks=True))


def main(folder: str, *wanted: str) -> int:
    failed = 0
    for name, check in CASES.items():
        if wanted and name[:2] not in wanted:
            continue
        try:
            with copy_of(Path(folder), name) as case:
                print(f"{name}: right: {check(case)}", flush=True)
        except Exception as error:  # whatever a wrong answer leads to
            failed += 1
            print(f"{name}: WRONG: {error!r}", flush=True)
    print(f"{failed} of {len(wanted or CASES)} cases are wrong" if failed else "all right")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
