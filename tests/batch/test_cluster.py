"""A cluster of two nodes on this machine, of which one is killed in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

cluster_utils = pytest.importorskip("ray.cluster_utils", reason="the extra scale is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra scale is not installed")

from action_recognition.cli.main import main  # noqa: E402
from action_recognition.recognition.recognizer import Recognizer  # noqa: E402


@pytest.fixture
def cluster() -> Any:
    settings = {"num_cpus": 2, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    made = cluster_utils.Cluster(initialize_head=True, head_node_args=settings)
    yield made
    made.shutdown()


@pytest.mark.slow
def test_a_node_is_killed_and_the_table_is_that_of_one_worker(
    make_video: Callable[..., Any],
    tmp_path: Path,
    tiny_model_path: Path,
    cluster: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from action_recognition.batch.films import Films, Row

    films = tmp_path / "films"
    films.mkdir()
    for k in range(8):
        make_video(f"{k}.mp4", seconds=3).path.rename(films / f"{k}.mp4")
    node = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    cluster.wait_for_nodes()
    command = ["batch", str(films), "--model", str(tiny_model_path), "--piece-minutes", "0.02"]
    more = ["--address", cluster.address, "--workers"]
    apart = ["--decoders", "2", "--output", str(tmp_path / "apart")]
    assert main([*command, *more, "1", *apart]) == 0
    whole, killed = Films.take, []

    def killing(films: Films, row: Row) -> list[Row] | None:
        found = whole(films, row)
        if found and not killed:
            killed.append(node)
            cluster.remove_node(node, allow_graceful=False)
        return found

    monkeypatch.setattr(Films, "take", killing)
    capsys.readouterr()
    assert main([*command, *more, "2", "--json", "--output", str(tmp_path / "out")]) == 0
    assert killed
    summary = json.loads(capsys.readouterr().out)  # and nothing that Ray has to say
    assert (summary["done"], summary["lost"]) == (8, 0)
    rows = table(tmp_path / "out")
    assert rows == table(tmp_path / "apart")
    assert {row["file"] for row in rows} == {str(f) for f in films.iterdir()}
    segments = list(Recognizer.load(tiny_model_path).timeline(films / "0.mp4"))
    for film in films.iterdir():  # all show the same
        found = [row for row in rows if row["file"] == str(film)]
        assert [row["action"] for row in found] == [s.action for s in segments]
        assert [row["start_s"] for row in found] == pytest.approx([s.start_s for s in segments])


def table(folder: Path) -> list[dict[str, Any]]:
    tables = [pq.read_table(part) for part in folder.glob("part-*")]
    rows = [row for found in tables for row in found.to_pylist()]
    return sorted(rows, key=lambda row: (row["file"], row["start_s"]))


@pytest.mark.slow
def test_another_model_on_a_machine_is_one_sentence(
    cluster: Any, tiny_model_path: Path, make_video: Callable[..., Any]
) -> None:
    from action_recognition.batch.engine import answers, engine
    from action_recognition.batch.films import Films
    from action_recognition.batch.settings import Settings
    from action_recognition.batch.sources import find_sources
    from action_recognition.errors import ModelFileError

    files, _ = find_sources([str(make_video("film.mp4", seconds=1).path)])
    settings = Settings(str(tiny_model_path), "0" * 64, 4, 0.2)
    with (
        engine(cluster.address, "cpu", 1, None) as plan,
        pytest.raises(ModelFileError, match="differs between the machines"),
    ):
        list(answers(list(Films({"k": files[0]}).to_do()), settings, plan))
