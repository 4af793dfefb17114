"""The page Many videos: a table that fills, bad files among good ones, a folder on the server."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest
from visit import played

from action_recognition.dashboard.batch import Batch, Done, Found, Item, Row
from action_recognition.dashboard.error_boxes import UNEXPECTED
from action_recognition.dashboard.moment_table import (
    ALL,
    FAILED,
    KNOWN,
    LONGEST,
    PROBABLE,
    UNKNOWN,
    UNSURE,
    Choice,
    as_csv,
    as_table,
)
from action_recognition.dashboard.pages import many_videos
from action_recognition.dashboard.settings import MODEL_VARIABLE, VIDEOS_VARIABLE
from action_recognition.errors import VideoError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Segment
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


def _page() -> None:
    from action_recognition.dashboard.pages.many_videos import many_page

    many_page()


@pytest.fixture
def page(tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv(MODEL_VARIABLE, str(tiny_model_path))
    monkeypatch.delenv(VIDEOS_VARIABLE, raising=False)
    monkeypatch.setenv("ACTION_RECOGNITION_CACHE", str(tmp_path / "cache"))
    return AppTest.from_function(_page, default_timeout=120)


def _upload(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    return page.file_uploader[0].set_value([(n, data, "video/mp4") for n, data in files]).run()


def _start(page: AppTest) -> AppTest:
    (button,) = page.button
    assert button.label == "Recognize all"
    return button.click().run()


def _batch(page: AppTest) -> Batch:
    batch = page.session_state["action_recognition_session"].batch
    assert isinstance(batch, Batch)
    return batch


def test_empty_it_says_how_a_folder_is_allowed(page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert page.button[0].disabled
    assert not page.dataframe
    assert any("app --videos DIR" in m.value and VIDEOS_VARIABLE in m.value for m in page.markdown)


def test_bad_files_have_their_sentence_and_the_others_go_on(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make_video("1.mp4", seconds=1).path.read_bytes()
    two = make_video("2.avi", seconds=2).path.read_bytes()
    computed = _count(monkeypatch, "predict")
    files = (("1.mp4", one), ("bad.mp4", b"no video" * 9), ("2.avi", two), ("again.mp4", one))
    _start(_upload(page.run(), *files))
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table["File"]) == ["1.mp4", "bad.mp4", "2.avi", "again.mp4"]
    assert list(table["Remark"]) == ["", "not readable: see below", "", ""]
    assert any("bad.mp4" in m.value and "not a video file" in m.value for m in page.markdown)
    assert table["Action"].isna().tolist() == [False, True, False, False]
    assert table["Probability"][0] == table["Probability"][3]
    assert table["Picture"][0].startswith("data:image/jpeg;base64,")
    assert any(m.value == "4 of 4 done." for m in page.markdown)
    assert computed == ["1.mp4", "2.avi"]  # the same content once
    _start(page)
    assert len(computed) == 2
    assert not _batch(page).waiting  # nothing holds the uploads any more


def test_filters(page: AppTest, make_video: MakeVideo) -> None:
    _upload(page.run(), ("1.mp4", make_video("1.mp4").path.read_bytes()), ("bad.mp4", b"x"))
    _start(page)
    action = page.dataframe[0].value["Action"][0]
    page.segmented_control[0].set_value(FAILED).run()
    assert list(page.dataframe[0].value["File"]) == ["bad.mp4"]
    page.segmented_control[0].set_value(ALL).run()
    page.multiselect[0].set_value([action]).run()
    assert list(page.dataframe[0].value["File"]) == ["1.mp4"]


def test_a_folder_on_the_server(
    page: AppTest, make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "allowed"
    (root / "some").mkdir(parents=True)
    clip = make_video("clip.mp4", seconds=1).path
    (root / "some" / "clip.mp4").write_bytes(clip.read_bytes())
    (root / "some" / "out.mp4").symlink_to(clip)
    monkeypatch.setenv(VIDEOS_VARIABLE, str(root))
    page.run()
    assert page.selectbox[0].options == ["All of it", "some"]
    with monkeypatch.context() as typed:  # AppTest sets only what is offered
        typed.setattr(many_videos, "folders_below", lambda _: ["../"])
        page.run().selectbox[0].set_value("../").run()
    assert "no such folder below the allowed one" in page.error[0].value
    page.run().selectbox[0].set_value("some").run()
    _start(page)
    table = page.dataframe[0].value
    assert list(table["File"]) == ["clip.mp4", "out.mp4"]
    assert list(table["Remark"]) == ["", "not readable: see below"]
    assert any("it leads out of the allowed folder" in m.value for m in page.markdown)


def test_a_folder_that_is_gone(
    page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VIDEOS_VARIABLE, str(tmp_path / "gone"))
    page.run()
    assert page.error[0].value.startswith("gone: there is no such folder")
    assert page.file_uploader


def test_an_unexpected_failure_has_its_row(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Recognizer, "predict", fail)
    _start(_upload(page.run(), ("1.mp4", make_video("1.mp4").path.read_bytes())))
    assert any(UNEXPECTED in m.value for m in page.markdown)
    assert "secret" not in str(page.main)


def test_a_long_video_has_a_row_for_each_moment_and_plays(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_videos, "FILM_S", 1.0)
    moments = [
        Segment(0, 0.7, "Jumping", "Jumping", 0.9, 1.0),
        Segment(0.7, 2, None, "Reading", 0.4, 0.2),
        Segment(2.04, 3, "Reading", "Reading", 0.8, 1.0),
    ]
    monkeypatch.setattr(Recognizer, "timeline", lambda *_, **__: iter(moments))
    short = make_video("short.mp4", seconds=0.5).path.read_bytes()
    long = make_video("long.mp4", seconds=3).path.read_bytes()
    _start(_upload(page.run(), ("long.mp4", long), ("short.mp4", short)))
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table["File"]) == ["long.mp4"] * 3 + ["short.mp4"]
    assert list(table["Action"])[:3] == ["Jumping", UNKNOWN, "Reading"]
    assert list(table["From"])[:3] == ["0:00.0", "0:00.7", "0:02.0"]
    assert table["Picture"].notna().tolist() == [True, False, True, True]
    assert not page.get("bidi_component")
    monkeypatch.setattr(many_videos, "_draw", _chosen(2))
    page.run()
    assert not page.exception
    assert page.subheader[0].value == "Reading"
    player = played(page)
    assert player["begin"] == 2
    assert player["moments"][2]["start"] == 2.04
    page.file_uploader[0].set_value([]).run()
    assert played(page)  # it is held for this visit
    page.session_state["action_recognition_session"].let_go()
    page.run()
    assert "Upload it again" in page.info[0].value


def test_files_of_the_folder_are_kept_and_uploads_are_not(
    page: AppTest, make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "allowed"
    root.mkdir()
    (root / "a.mp4").write_bytes(make_video("short.mp4", seconds=0.5).path.read_bytes())
    (root / "b.mp4").write_bytes(make_video("long.mp4", seconds=2).path.read_bytes())
    monkeypatch.setattr(many_videos, "FILM_S", 1.0)
    monkeypatch.setenv(VIDEOS_VARIABLE, str(root))
    tables = []
    predicted, gone = _count(monkeypatch, "predict"), _count(monkeypatch, "timeline")
    for _ in range(2):  # two visits
        visit = AppTest.from_function(_page, default_timeout=120).run()
        visit.selectbox[0].set_value("All of it").run()
        tables.append(_start(visit).dataframe[0].value)
    assert predicted == ["a.mp4"]
    assert gone == ["b.mp4"]
    assert tables[0].equals(tables[1])
    _start(_upload(page.run(), ("c.mp4", (root / "a.mp4").read_bytes() + b"\0")))
    kept = (tmp_path / "cache").rglob("*")
    assert not any(b"c.mp4" in path.read_bytes() for path in kept if path.is_file())


def test_the_time_left_is_told_by_the_bytes() -> None:
    now = 0.0
    sizes = (10, 30, 60)
    items = [Item(f"{k}.mp4", lambda: b"", size=size) for k, size in enumerate(sizes)]
    batch = Batch(items, clock=lambda: now)
    assert batch.left_s is None
    batch.take(Found(), kept=True)  # took no time
    assert batch.left_s is None
    now = 3.0
    batch.take(Found())
    assert batch.left_s == pytest.approx(6.0)
    now = 4.0
    assert batch.left_s == pytest.approx(5.0)


def test_stop_leaves_what_is_done() -> None:
    batch = Batch([Item(f"{k}.mp4", lambda: b"") for k in range(3)])
    batch.take(Found(error=VideoError("0.mp4", "it is bad")))
    assert batch.state == "1 of 3 done"
    batch.stop()
    assert batch.state == "1 of 3 done, then stopped"
    assert [d.name for d in batch.done] == ["0.mp4"]


def _done() -> list[Done]:
    def answer(action: str, known: float, probability: float = 0.75, words: str = "") -> Found:
        named = action if known >= 0.5 else None
        return Found((Row(Segment(0, 2, named, action, probability, known), words),))

    longer = Row(Segment(3, 9, "Walk", "Walk", 0.9, 1.0))
    walk = answer("Walk", 1.0)
    return [
        Done("a.mp4", answer("Run", 0.9)),
        Done("=b.mp4", answer("Walk", 0.2)),
        Done("c.mp4", Found(error=VideoError("c.mp4", "the file is empty"))),
        Done("d.mp4", Found((*walk.rows, longer))),
        Done("e.mp4", answer("Run", 0.9, 0.45, "Unsure: Run or Sit")),
    ]


def test_rows_are_selected_and_sorted() -> None:
    def names(*arguments: Any, **settings: Any) -> str:
        rows = Choice(*arguments, **settings).of(_done())
        return "".join(shown.done.name.strip("=")[0] for shown in rows)

    assert names(ALL) == "abcdde"
    assert names(KNOWN) == "add"
    assert names(UNSURE) == "e"
    assert names(UNKNOWN) == "b"
    assert names(FAILED) == "c"
    assert names(ALL, ("Walk",)) == "bdd"
    assert names(FAILED, ("Walk",)) == ""
    assert names(least=0.5) == "add"  # only known actions count
    assert names(KNOWN, order=PROBABLE) == "dad"
    assert names(order=LONGEST)[0] == "d"


def test_csv_can_be_read_and_holds_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(Choice().of(_done())))))
    names = ["a.mp4", "'=b.mp4", "c.mp4", "d.mp4", "d.mp4", "e.mp4"]
    assert [r["file"] for r in rows] == names
    assert [r["action"] for r in rows] == ["Run", "", "", "Walk", "Walk", "Run"]
    assert [r["nearest_action"] for r in rows] == ["Run", "Walk", "", "Walk", "Walk", "Run"]
    assert [r["unsure"] for r in rows] == ["false", "false", "", "false", "false", "true"]
    assert rows[2]["error"] == "the file is empty"
    assert float(rows[0]["probability"]) == 0.75
    assert (float(rows[4]["start_s"]), float(rows[4]["end_s"])) == (3, 9)


def test_the_table_names_one_action_only_where_the_model_is_sure() -> None:
    table = as_table(Choice().of(_done()))
    told = ["Run", UNKNOWN, "", "Walk", "Walk", "Unsure: Run or Sit"]
    assert table["Action"].fillna("").tolist() == told
    assert table["Probability"].notna().tolist() == [True, False, False, True, True, True]
    remarks = ["", "nearest: Walk 75.0 %", "not readable: see below", "", "", ""]
    assert table["Remark"].tolist() == remarks


def test_thumbnails_have_the_shape_of_the_video(page: AppTest, make_video: MakeVideo) -> None:
    made = make_video("tall.mp4", seconds=0.5, size=(48, 96)).path.read_bytes()
    _start(_upload(page.run(), ("tall.mp4", made)))
    data = page.dataframe[0].value["Picture"][0].split(",", 1)[1]
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (72, 96)


def _count(monkeypatch: pytest.MonkeyPatch, what: str) -> list[str]:
    calls: list[str] = []
    original = getattr(Recognizer, what)

    def counting(self: Recognizer, *arguments: Any, **settings: Any) -> Any:
        calls.append(settings["name"])
        return original(self, *arguments, **settings)

    monkeypatch.setattr(Recognizer, what, counting)
    return calls


def _chosen(row: int) -> Callable[..., Any]:
    """In place of drawing the table: a row of it is chosen, which AppTest cannot do."""
    return lambda _, batch, choice, **__: choice.of(batch.done)[row]
