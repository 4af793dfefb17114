"""What works with the core alone, without PyTorch: `make test-core` runs it in such an environment.

In the whole environment the same tests run, too, and must give the same figures.
"""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from action_recognition import Recognizer
from action_recognition.errors import ModelFileError
from action_recognition.models.model_file import find_model, load_model
from action_recognition.models.sealed_file import SEAL_BYTES, read_sealed, write_sealed
from video_maker import barcode, write_video

FIGURES = Path(__file__).with_name("answers.json")


def film(folder: Path, name: str = "film.mp4") -> Path:
    """A film that is drawn the same everywhere: what moves is a number in black and white."""
    return write_video(folder / name, seconds=6, size=(160, 120), pattern=barcode).path


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "action_recognition", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load(device="cpu")


def test_nothing_has_loaded_pytorch(recognizer: Recognizer) -> None:
    code = (
        "import sys; from action_recognition import Recognizer; "
        "Recognizer.load(device='cpu'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert recognizer.classes[0] == "Baby Crawling"


@pytest.mark.parametrize("model", ["shipped", "kinetics600"])
def test_answers_are_those_of_pytorch(tmp_path: Path, model: str) -> None:
    """The figures were written by `python tests/core/test_core_alone.py`, with PyTorch."""
    expected = json.loads(FIGURES.read_text(encoding="utf-8"))[model]
    answer = Recognizer.load(model, device="cpu").predict(film(tmp_path))
    assert answer.known_probability == pytest.approx(expected["known_probability"], abs=2e-3)
    found = answer.probabilities
    assert {name: found[name] for name in expected["probabilities"]} == pytest.approx(
        expected["probabilities"], abs=2e-3
    )


def test_timeline_and_stream(tmp_path: Path, recognizer: Recognizer) -> None:
    path = film(tmp_path)
    segments = list(recognizer.timeline(path))
    assert segments[0].start_s == 0
    assert segments[-1].end_s == pytest.approx(6, abs=0.05)
    frames = np.zeros((120, 160, 3), np.uint8)
    with recognizer.stream(wait=True) as stream:
        answers = [a for k in range(30) for a in stream.feed(frames, k / 5)]
    assert len(answers) >= 2
    assert all(a.known_probability == 0 for a in answers)  # nothing moves


def test_heat_maps(tmp_path: Path, recognizer: Recognizer) -> None:
    prediction = recognizer.predict(film(tmp_path), keep_frames=True)
    heat = recognizer.explain(prediction)
    assert prediction.clips is not None
    assert heat.shape == prediction.clips.frames.shape[1:4]
    assert (heat.min(), heat.max()) == (0, 1)


def test_the_command_line(tmp_path: Path) -> None:
    film(tmp_path)
    (tmp_path / "text.mp4").write_text("no video")
    done = run("predict", "--json", "film.mp4", "text.mp4", folder=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["file"] == "film.mp4"
    assert "text.mp4: it is not a video file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_without_graphs(tmp_path: Path) -> None:
    content = io.BytesIO(read_sealed(find_model("shipped")))
    with h5py.File(content, "r+") as file:
        del file["graphs"]
        file.attrs["format_version"] = 8
    assert len(content.getvalue()) > SEAL_BYTES
    write_sealed(tmp_path / "old.h5", content.getvalue())
    assert load_model(tmp_path / "old.h5").network.architecture.classes > 10
    if importlib.util.find_spec("torch") is not None:
        assert Recognizer.load(tmp_path / "old.h5", device="cpu").predict(film(tmp_path)).ranked
        return
    with pytest.raises(ModelFileError, match=r"pip install 'action-recognition\[train\]'"):
        Recognizer.load(tmp_path / "old.h5", device="cpu")


def test_training_says_what_it_needs(tmp_path: Path) -> None:
    if importlib.util.find_spec("torch") is not None:
        pytest.skip("PyTorch is installed here")
    (tmp_path / "data" / "a").mkdir(parents=True)
    done = run("train", "--data", "data", "--output", "m.h5", folder=tmp_path)
    assert done.returncode == 2
    assert "pip install 'action-recognition[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def main() -> None:
    """Writes the figures, by PyTorch."""
    import tempfile
    from dataclasses import replace

    from action_recognition.models.stored_network import restored

    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        path = film(Path(folder))
        for name in ("shipped", "kinetics600"):
            model = load_model(find_model(name))
            model = replace(model, network=restored(model.network))
            answer = Recognizer(model, device="cpu").predict(path)
            figures[name] = {
                "known_probability": answer.known_probability,
                "probabilities": dict(answer.ranked[:10]),
            }
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
