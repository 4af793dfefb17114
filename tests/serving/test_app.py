"""What the service answers to whom."""

from __future__ import annotations

import json
import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
pytest.importorskip("prometheus_client")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette would rather have another client than httpx
    from fastapi.testclient import TestClient

from action_recognition.cli import main
from action_recognition.errors import UsageError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.serving.app import create_app
from action_recognition.serving.settings import Settings
from video_maker import MadeVideo

HERE = "http://127.0.0.1:8000"
MakeVideo = Callable[..., MadeVideo]


@pytest.fixture
def recognizer(tiny_model_path: Path) -> Recognizer:
    return Recognizer.load(tiny_model_path)


@pytest.fixture
def ask(recognizer: Recognizer, tmp_path: Path) -> Callable[..., TestClient]:
    """`ask(**settings)` is a client of a service with these settings."""

    def client(**settings: Any) -> TestClient:
        app = create_app(recognizer, Settings(**settings))
        return TestClient(app, base_url=HERE, raise_server_exceptions=False)

    return client


def upload(client: TestClient, path: Path, url: str = "/v1/predict") -> Any:
    return client.post(url, files={"file": (path.name, path.read_bytes(), "video/mp4")})


def check_error(answer: Any, status: int, sentence: str) -> None:
    assert answer.status_code == status
    assert answer.json() == {"error": sentence}


def without_times(facts: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in facts.items() if k not in ("elapsed_s", "timings_s", "file")}


def test_it_answers_what_the_commands_print(
    ask: Callable[..., TestClient], make_video: MakeVideo, tiny_model_path: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "in").mkdir()
    path = make_video("in/clip.mp4", seconds=3).path
    client = ask(folder=path.parents[1])
    assert main(["predict", "--json", str(path), "--model", str(tiny_model_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    uploaded, named = upload(client, path), client.post("/v1/predict", json={"path": "in/clip.mp4"})
    assert uploaded.json()["file"] == "clip.mp4"
    assert named.json()["file"] == "in/clip.mp4"
    for answer in (uploaded, named):
        assert answer.headers["content-type"] == "application/json"
        assert without_times(answer.json()) == without_times(printed)

    options = ["--json", "--step", "0.5", "--dwell", "0", "--model", str(tiny_model_path)]
    assert main(["timeline", str(path), *options]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = upload(client, path, "/v1/timeline?step_s=0.5&dwell_s=0").json()
    assert found == {"file": "clip.mp4", "segments": lines}


def test_a_film_is_answered_with_its_segments(
    ask: Callable[..., TestClient], make_video: MakeVideo, tiny_model_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = make_video(seconds=16).path
    assert main(["predict", "--json", str(path), "--model", str(tiny_model_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["segments"]
    assert without_times(upload(ask(), path).json()) == without_times(printed)


def test_model_health_and_page(ask: Callable[..., TestClient]) -> None:
    client = ask()
    assert client.get("/v1/model").json()["classes"] == ["Jumping", "Reading", "Swimming"]
    assert client.get("/healthz").json() == {"status": "ok", "waiting": 0}
    described = client.get("/openapi.json").json()
    asked = {"/v1/predict", "/v1/timeline", "/v1/model", "/healthz", "/metrics"}
    assert set(described["paths"]) == asked
    kinds = described["paths"]["/v1/predict"]["post"]["requestBody"]["content"]
    assert set(kinds) == {"multipart/form-data", "application/json"}
    for path in ("/", "/docs"):
        page = client.get(path)
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "POST /v1/timeline" in page.text
        assert "?step_s=1.0" in page.text
        assert "src=" not in page.text  # nothing is loaded


@pytest.mark.parametrize(
    "name",
    ["../secret.mp4", "a/../../secret.mp4", "link.mp4", "out/secret.mp4", "/etc/passwd", "gone.mp4",
     "a", ".", "nul\0.mp4", "pipe.mp4"],
)  # fmt: skip
def test_no_path_leads_out(ask: Callable[..., TestClient], tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (tmp_path / "secret.mp4").touch()
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (root / "out").symlink_to(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "pipe.mp4")
    answer = ask(folder=root).post("/v1/predict", json={"path": name})
    shown = name.replace("\0", "\\u0000")
    check_error(answer, 404, f"{shown}: there is no such video here")


def test_paths_only_where_the_operator_says_so(ask: Callable[..., TestClient]) -> None:
    answer = ask().post("/v1/predict", json={"path": "a.mp4"})
    check_error(answer, 403, "paths are not served; upload the video (operator: --folder)")


@pytest.mark.parametrize(
    ("request_", "status", "sentence"),
    [
        ({"content": b"{"}, 400, 'the JSON must be {"path": "NAME"}'),
        ({"content": b"[" * 60000}, 400, 'the JSON must be {"path": "NAME"}'),
        ({"json": {"path": 3}}, 400, 'the JSON must be {"path": "NAME"}'),
        ({"content": b" " * 70000}, 413, "the JSON is larger than 65536 bytes"),
        ({"files": {"video": b"x"}}, 400, "the form has no file called 'file'"),
        ({"files": [("file", b"x"), ("file", b"y")]}, 400,
         "Too many files. Maximum number of files is 1."),
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415,
         "send multipart/form-data with a file, or JSON with a path"),
        ({"files": {"file": ("a\n.mp4", b"")}}, 422, "a%0A.mp4: the file is empty"),
        ({"files": {"file": ("../x/n.mp4", b"no video")}}, 422,
         "n.mp4: it is not a video file in a supported container (MP4, MOV, AVI, MKV or WebM)"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_sentence(
    ask: Callable[..., TestClient], request_: dict[str, Any], status: int, sentence: str
) -> None:
    if "content" in request_:
        request_ = {"headers": {"Content-Type": "application/json"}, **request_}
    check_error(ask().post("/v1/predict", **request_), status, sentence)


def test_wrong_addresses_and_numbers(ask: Callable[..., TestClient]) -> None:
    client = ask()
    check_error(client.get("/v2"), 404, "there is nothing for GET /v2")
    check_error(client.get("/v1/predict"), 405, "there is nothing for GET /v1/predict")
    told = client.post("/v1/timeline?step_s=0", json={})
    check_error(told, 400, "step_s: Input should be greater than 0")
    assert client.get("/v2").headers["x-content-type-options"] == "nosniff"


def test_names_sites_and_tokens(ask: Callable[..., TestClient]) -> None:
    client = ask(token="secret")
    told = "the header Authorization: Bearer TOKEN is missing or wrong"
    for wrong in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic secret"}):
        answer = client.get("/v1/model", headers=wrong)
        check_error(answer, 401, told)
        assert answer.headers["www-authenticate"] == "Bearer"
    right = {"Authorization": "Bearer secret"}
    assert client.get("/v1/model", headers=right).status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/healthz", headers={"Host": "localhost"}).status_code == 200
    assert client.get("/healthz", headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get("/healthz", headers={"Origin": HERE}).status_code == 200
    named = ask(hosts=("api.example.org",))
    assert named.get("/healthz").status_code == 421
    assert named.get("/healthz", headers={"Host": "API.example.org:80"}).status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_an_upload_that_is_too_large(ask: Callable[..., TestClient], announced: bool) -> None:
    client = ask(upload_mb=1)
    content = b"x" * 1_100_000
    body = content if announced else iter([content[:600_000], content[600_000:]])
    form = {"Content-Type": "multipart/form-data; boundary=edge"}
    answer = client.post("/v1/predict", content=body, headers=form)
    check_error(answer, 413, "the upload is larger than 1 MB")


def test_an_upload_that_does_not_arrive(
    ask: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("action_recognition.serving.guard.asyncio.wait_for", silence)
    monkeypatch.setattr("asyncio.wait_for", silence)
    with pytest.warns(RuntimeWarning):
        answer = ask().post("/v1/predict", files={"file": b"x"})
    check_error(answer, 408, "the upload takes too long")


def test_who_comes_when_all_places_are_taken_may_try_again(
    ask: Callable[..., TestClient], recognizer: Recognizer, make_video: MakeVideo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = make_video(seconds=1).path
    begun, go = threading.Event(), threading.Event()
    predict = recognizer.predict

    def slow(*arguments: Any, **options: Any) -> Any:
        begun.set()
        assert go.wait(30)
        return predict(*arguments, **options)

    monkeypatch.setattr(recognizer, "predict", slow)
    answers = []
    with ask(waiting=1) as client:
        first = threading.Thread(target=lambda: answers.append(upload(client, path)))
        first.start()
        assert begun.wait(30)
        refused = upload(client, path)
        assert client.get("/healthz").json()["waiting"] == 1
        go.set()
        first.join()
        check_error(refused, 503, "the server is busy; please try again in a moment")
        assert refused.headers["retry-after"] == "5"
        assert [answer.status_code for answer in answers] == [200]
        assert upload(client, path).status_code == 200


def test_who_comes_too_often_may_try_again(ask: Callable[..., TestClient]) -> None:
    client = ask(requests_per_visitor=2)
    statuses = [client.get("/v1/model").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = client.get("/v1/model")
    check_error(refused, 429, "the server is busy; please try again in a moment")
    assert refused.headers["retry-after"] == "5"
    assert client.get("/healthz").status_code == 200


def test_a_fault_of_the_server_is_one_sentence_too(
    ask: Callable[..., TestClient], recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognizer, "predict", lambda *_, **__: 1 / 0)
    answer = ask().post("/v1/predict", files={"file": b"x"})
    check_error(answer, 500, "the server failed; its log says why")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"waiting": 0}, "waiting: 0, must be more than 0"),
        ({"requests": -1}, "requests: -1, must be more than 0"),
        ({"token": " "}, "ACTION_RECOGNITION_TOKEN or --token-file: it is given, but empty"),
        ({"folder": Path("gone")}, "gone: there is no such folder"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as told:
        Settings(**settings)
    assert str(told.value) == sentence
