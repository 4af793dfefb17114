"""`cut` and `annotate` on the command line, and the forms of `timeline` for other programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import Video
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def film(make_video: MakeVideo) -> Path:
    return make_video("my film.mp4", seconds=6, gop=25, audio=6.0).path


def test_given_moments_are_cut_without_a_model(
    film: Path, tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "cuts"
    command = ["cut", str(film), "--output", str(folder), "--moments", "1-2.5", "0:03.1-0:04"]
    assert main([*command, "--model", "none"]) == 0  # it is not even looked for
    names = ["my-film-0001.0-0002.5.mp4", "my-film-0003.1-0004.0.mp4"]
    assert capsys.readouterr().out.splitlines() == [
        f"{folder / names[0]}  1.00 to 2.50 s, copied",
        f"{folder / names[1]}  3.10 to 4.00 s, encoded",
    ]
    assert sorted(p.name for p in folder.iterdir()) == names
    with Video(folder / names[0]) as video:
        assert video.info.duration_s == pytest.approx(1.5, abs=0.05)
        assert video.info.has_audio
    assert main(command) == 2
    expected = f"action-recognition: {folder / names[0]}: it exists already; --overwrite"
    assert capsys.readouterr().err.startswith(expected)
    assert main([*command, "--overwrite", "--margin", "0.5", "--mode", "exact"]) == 0
    assert "0.50 to 3.00 s, encoded" in capsys.readouterr().out


def test_moments_are_found(
    film: Path, tmp_path: Path, tiny_model_path: Path, capsys: Captured
) -> None:
    segments = list(Recognizer.load(tiny_model_path).timeline(film))
    action = segments[0].nearest_action
    model = ["--model", str(tiny_model_path)]
    command = ["cut", str(film), *model, "--output", str(tmp_path / "cuts")]
    assert main([*command, "--action", action.upper()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len([s for s in segments if s.action == action])
    assert all(f"-{action}.mp4" in line for line in lines)
    assert main([*command, "--min-probability", "1"]) == 0
    assert capsys.readouterr().err.endswith("no such moment is found\n")
    assert main([*command, "--action", "Flying"]) == 2
    assert "--action 'Flying': the model knows only " in capsys.readouterr().err


def test_gifs_and_a_contact_sheet(film: Path, tmp_path: Path, capsys: Captured) -> None:
    sheet = tmp_path / "sheet.png"
    command = ["cut", str(film), "--moments", "1-2", "3-4", "--contact-sheet", str(sheet)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{sheet}  2 moments\n"
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert main([*command, "--gif", "--output", str(tmp_path / "gifs"), "--overwrite"]) == 0
    assert len(list((tmp_path / "gifs").glob("*.gif"))) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")
def test_a_strangers_file_is_cut_apart(film: Path, tmp_path: Path, capsys: Captured) -> None:
    command = ["cut", str(film), "--moments", "1.3-2", "--output", str(tmp_path / "cuts")]
    assert main([*command, "--untrusted"]) == 0
    assert "1.30 to 2.00 s, encoded" in capsys.readouterr().out
    assert main([*command, "--untrusted", "--overwrite", "--limits", "frames=3"]) == 2
    assert "more than 3 frames would be decoded" in capsys.readouterr().err
    assert len(list((tmp_path / "cuts").iterdir())) == 1  # as it was


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "cut: give --output FOLDER or --contact-sheet PNG"),
        (["--output", "x", "--moments", "5"], "5: a moment is given as START-END"),
        (["--output", "x", "--min-probability", "2"], "--min-probability 2: must be from 0 to 1"),
        (["--output", "x", "--margin", "-1"], "--margin -1: must be from 0 to 3600"),
        (["--output", "x", "--moments", "7-9"], "my film.mp4: 7 to 9 s: the video shows nothing"),
    ],
)
def test_wrong_use_is_one_sentence(
    film: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, options: list[str], sentence: str
) -> None:
    monkeypatch.chdir(film.parent)
    assert main(["cut", str(film), *options]) == 2
    assert capsys.readouterr().err.startswith(f"action-recognition: {sentence}")
    assert not list(film.parent.glob("x/*"))


@pytest.mark.parametrize("heat", [False, True])
def test_an_annotated_film(
    film: Path, tmp_path: Path, tiny_model_path: Path, capsys: Captured, heat: bool
) -> None:
    out = tmp_path / "out.mp4"
    command = ["annotate", str(film), "-o", str(out), "--model", str(tiny_model_path)]
    assert main([*command, *(["--heat-map"] if heat else [])]) == 0
    assert capsys.readouterr().out == f"{out}  0.00 to 6.00 s\n"
    with Video(out) as video:
        assert (video.info.width, video.info.height) == (480, 360)
        assert video.info.duration_s == pytest.approx(6, abs=0.05)
        assert video.info.has_audio
    assert main(command) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert main([*command, "--overwrite", "--moment", "1-2"]) == 0
    assert capsys.readouterr().out == f"{out}  1.00 to 2.00 s\n"


def test_the_film_itself_is_never_replaced(
    film: Path, tiny_model_path: Path, capsys: Captured
) -> None:
    before = film.read_bytes()
    command = ["annotate", str(film), "--overwrite", "--model", str(tiny_model_path), "-o"]
    assert main([*command, str(film)]) == 2
    assert "it is the video itself" in capsys.readouterr().err
    assert main([*command, "out.avi"]) == 2
    assert "give a name that ends in .mp4" in capsys.readouterr().err
    assert film.read_bytes() == before


@pytest.mark.parametrize(
    ("form", "begin"),
    [("--srt", "1\n00:00:00,000 --> 00:0"), ("--edl", "TITLE: my film\nFCM: NON-DROP FRAME\n\n001"),
     ("--label-studio", "["), ("--cvat", "<?xml")],
)  # fmt: skip
def test_timelines_for_other_programs(
    film: Path, tiny_model_path: Path, capsys: Captured, form: str, begin: str
) -> None:
    assert main(["timeline", str(film), "--model", str(tiny_model_path), form]) == 0
    out = capsys.readouterr().out
    assert out.startswith(begin)
    if form == "--label-studio":
        assert json.loads(out)[0]["data"]["video"] == "my film.mp4"


@pytest.fixture
def same_names(film: Path) -> Path:
    """A folder with two films of one name, and a file that is no video."""
    folder = film.parent / "in"
    for name in ("a/film.mp4", "b/film.mp4"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(film.read_bytes())
    (folder / "c.mp4").write_bytes(b"x")
    return folder


def test_moments_of_several_films_do_not_replace_one_another(
    same_names: Path, tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "cuts"
    command = ["cut", str(same_names), "--moments", "1-2.5", "--output", str(folder)]
    assert main(command) == 1
    said = capsys.readouterr()
    names = ["film-0001.0-0002.5-2.mp4", "film-0001.0-0002.5.mp4"]
    assert sorted(p.name for p in folder.iterdir()) == names
    assert said.err.startswith("action-recognition: c.mp4: ")
    assert main(command) == 1
    assert capsys.readouterr().err.count("it exists already") == 2
    assert main([*command, "--contact-sheet", "s.png"]) == 2
    assert "--contact-sheet: this is of one video, but 3 are given" in capsys.readouterr().err


def test_several_films_are_annotated_into_a_folder(
    same_names: Path, tmp_path: Path, tiny_model_path: Path, capsys: Captured
) -> None:
    command = ["annotate", str(same_names), "--moment", "1-2", "--model", str(tiny_model_path)]
    assert main([*command, "-o", str(tmp_path / "out.mp4")]) == 2
    assert "3 videos are given; name a folder" in capsys.readouterr().err
    assert main([*command, "-o", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith("action-recognition: c.mp4: ")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["film-2.mp4", "film.mp4"]
    assert main([*command, "-o", str(same_names / "a")]) == 2
    assert "film.mp4: it is the video itself" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "options"),
    [("cut", ["--moments", "1-2", "--output", "plain/in"]), ("cut", ["--contact-sheet", "plain/s"]),
     ("annotate", ["-o", "plain/out.mp4"])],
)  # fmt: skip
def test_an_output_below_a_plain_file_is_refused_first(
    film: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, command: str, options: list[str]
) -> None:
    monkeypatch.chdir(film.parent)
    Path("plain").touch()
    assert main([command, str(film), *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith("action-recognition: plain/")
    assert said.endswith(": plain is a file, not a folder\n")


def test_a_cut_that_fails_leaves_no_folder(film: Path, tmp_path: Path, capsys: Captured) -> None:
    command = ["cut", str(film), "--moments", "1.3-2", "--output", str(tmp_path / "a" / "b")]
    assert main([*command, "--limits", "frames=3"]) == 2
    assert "more than 3 frames" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
