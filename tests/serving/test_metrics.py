"""The figures that Prometheus reads of the service."""

from __future__ import annotations

import asyncio
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

from prometheus_client.parser import text_string_to_metric_families

from action_recognition.recognition.recognizer import Recognizer
from action_recognition.serving.app import create_app
from action_recognition.serving.jobs import Jobs
from action_recognition.serving.metrics import Measured, Metrics
from action_recognition.serving.settings import Settings
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
Ask = Callable[..., TestClient]


@pytest.fixture
def ask(tiny_model_path: Path) -> Ask:
    """`ask(**settings)` is a client of a service with these settings."""
    recognizer = Recognizer.load(tiny_model_path)

    def client(**settings: Any) -> TestClient:
        app = create_app(recognizer, Settings(**settings))
        return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)

    return client


def figures(client: TestClient, **headers: str) -> dict[tuple[str, ...], float]:
    """Each figure of the service by its name, without the prefix, and its labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name.removeprefix("action_recognition_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def upload(client: TestClient, path: Path, url: str) -> int:
    return client.post(url, files={"file": (path.name, path.read_bytes(), "video/mp4")}).status_code


@pytest.mark.parametrize("url", ["/v1/predict", "/v1/timeline"])
def test_requests_and_video_are_counted(ask: Ask, make_video: MakeVideo, url: str) -> None:
    client = ask()
    assert upload(client, make_video(seconds=3).path, url) == 200
    found = figures(client)
    assert found["requests_total", url, "2xx"] == 1
    assert found["request_seconds_count", url] == 1
    assert found["request_seconds_sum", url] > 0
    assert found["video_seconds_total",] == pytest.approx(3, abs=0.2)
    assert found["requests_in_hand",] == 0
    assert found["busy_refusals_total",] == 0


def test_a_video_that_cannot_be_read_is_a_failed_request(ask: Ask, tmp_path: Path) -> None:
    client = ask()
    (tmp_path / "no.mp4").write_bytes(b"no video")
    assert upload(client, tmp_path / "no.mp4", "/v1/predict") == 422
    found = figures(client)
    assert found["requests_total", "/v1/predict", "4xx"] == 1
    assert found["video_seconds_total",] == 0


def test_refusals_are_counted(ask: Ask) -> None:
    client = ask(requests_per_visitor=1)
    statuses = [client.get("/v1/model").status_code for _ in range(3)]
    assert statuses == [200, 429, 429]
    found = figures(client)  # not refused itself: who watches must see what is wrong
    assert found["requests_total", "/v1/model", "4xx"] == 2
    assert found["busy_refusals_total",] == 2


def test_no_place_is_a_refusal(
    ask: Ask, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("action_recognition.serving.app.Jobs", lambda _: Jobs(0))
    client = ask()
    assert upload(client, make_video().path, "/v1/predict") == 503
    found = figures(client)
    assert found["requests_total", "/v1/predict", "5xx"] == 1
    assert found["busy_refusals_total",] == 1


def test_strangers_add_no_names(ask: Ask) -> None:
    client = ask()
    for path in ("/wp-login.php", "/v1/models", "/metrics/x"):
        assert client.get(path).status_code == 404
    found = figures(client)
    assert found["requests_total", "other", "4xx"] == 3
    assert not [labels for labels in found if "/wp-login.php" in labels]


def test_it_asks_for_the_token(ask: Ask) -> None:
    client = ask(token="a-long-secret-of-the-operator")
    assert client.get("/metrics").status_code == 401
    found = figures(client, authorization="Bearer a-long-secret-of-the-operator")
    assert found["requests_total", "/metrics", "4xx"] == 1


def test_each_service_has_its_own_figures(ask: Ask) -> None:
    first, second = ask(), ask()
    first.get("/healthz")
    assert ("requests_total", "/healthz", "2xx") in figures(first)
    assert ("requests_total", "/healthz", "2xx") not in figures(second)


def test_what_breaks_is_counted() -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError

    metrics = Metrics(lambda: 0)
    layer = Measured(broken, metrics, [])
    scope = {"type": "http", "path": "/"}
    with pytest.raises(RuntimeError):
        asyncio.run(layer(scope, None, None))  # type: ignore[arg-type]
    text = bytes(metrics.response("").body).decode()
    assert 'action_recognition_requests_total{route="other",status="5xx"} 1.0' in text
