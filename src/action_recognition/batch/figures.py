"""What Prometheus reads of a batch while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from action_recognition.batch.summary import Summary
from action_recognition.errors import UsageError


class Figures(Collector):
    """The figures of one batch, those of all machines gathered here.

    Attributes: `summary`, the batch so far; to be set as it goes on.
    """

    def __init__(self) -> None:
        self.summary = Summary(0)

    def collect(self) -> Iterator[Metric]:
        """Yields all figures as they are now."""
        summary = self.summary
        yield _now("videos_named", "Videos that the batch was given", summary.files)
        yield _now(
            "videos_unread", "Videos that no machine could reach, at the end", len(summary.unread)
        )
        yield _now("videos_lost", "Videos that ended every worker, at the end", summary.lost)
        yield _by(
            "videos", "Videos that have their rows, by how they got them", "outcome",
            {
                "recognised": summary.done - summary.errors,
                "error": summary.errors,
                "skipped": summary.skipped,
            },
        )  # fmt: skip
        yield _one("video_seconds", "Video that has its rows now", summary.video_s)
        yield _one("bytes", "Sizes of the files that have their rows now", summary.bytes_done)
        yield _one("segments", "Rows with a segment", summary.segments)
        yield _now("bytes_to_do", "Sizes of all files that had no rows before", summary.bytes)
        yield _now("left_seconds", "Time until the end, by the sizes of the files", summary.left_s)
        nodes = dict(summary.nodes)
        yield _by(
            "pieces", "Videos and pieces of long ones that were looked at", "node",
            {name: node.pieces for name, node in nodes.items()},
        )  # fmt: skip
        yield _by(
            "work_seconds", "Time that workers took for them", "node",
            {name: node.work_s for name, node in nodes.items()},
        )  # fmt: skip
        yield _by(
            "network_seconds", "Of it, time in which the network ran", "node",
            {name: node.network_s for name, node in nodes.items()},
        )  # fmt: skip
        yield _by(
            "workers", "Worker processes that have worked, those started again included", "node",
            {name: len(node.workers) for name, node in nodes.items()},
        )  # fmt: skip


def _now(name: str, text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(f"action_recognition_batch_{name}", text)
    if value is not None:
        family.add_metric([], value)
    return family


def _one(name: str, text: str, value: float) -> Metric:
    family = CounterMetricFamily(f"action_recognition_batch_{name}", text)
    family.add_metric([], value)
    return family


def _by(name: str, text: str, label: str, values: dict[str, float]) -> Metric:
    family = CounterMetricFamily(f"action_recognition_batch_{name}", text, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family


@contextmanager
def served(address: str, port: int) -> Iterator[Figures]:
    """Figures that Prometheus can ask for until the end of the context.

    Parameters:
        address, port: where to listen.

    Raises:
        UsageError: that is not possible.
    """
    figures, registry = Figures(), CollectorRegistry()
    registry.register(figures)
    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as error:
        raise UsageError(f"{address}:{port}: cannot listen there ({error.strerror})") from None
    try:
        yield figures
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
