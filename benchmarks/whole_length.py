"""Whole films: `Recognizer.timeline` with an answer a second, against the decoder alone.

    python benchmarks/whole_length.py --plot docs/whole-length.png
    python benchmarks/whole_length.py --minutes 1 10      # shorter

Films are drawn, H.264 at 30 frames/s; a long one repeats ten seconds. Each measurement has a
process of its own, so that its peak memory is its own; the decoder's and the network's take turns.
Prints a Markdown table: speeds in times real time, peak memory, and the share of the decoder's
speed that is reached. The decoder decodes every frame of the same file and does nothing else.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av

from action_recognition.cli.options import add_model_option
from measuring import machine, print_table

FPS, PIECE_S = 30, 10
SMALL, SIZES = (320, 240), ((320, 240), (1280, 720), (1920, 1080))
Measured = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--minutes", type=float, nargs="+", default=[1, 10, 120], help="lengths at 320x240"
    )
    parser.add_argument("--large-minutes", type=float, default=2, help="length at 720p, 1080p")
    add_model_option(parser)
    parser.add_argument("--plot", type=Path, help="PNG of speed and memory over length")
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], options.one[1], options.model)))
        return
    films = [(SMALL, minutes) for minutes in options.minutes]
    films += [(size, options.large_minutes) for size in SIZES[1:]]
    print(f"{machine()}; an answer a second\n")
    header = ["film", "minutes", "decoder alone, x", "timeline, x", "share", "peak memory MB"]
    found: list[Measured] = []
    print_table(header, (row(measured) for measured in run(films, options.model, found)))
    if options.plot:
        plot([measured for measured in found if measured["size"] == SMALL], options.plot)


def run(
    films: Sequence[tuple[tuple[int, int], float]], model: str | None, found: list[Measured]
) -> Iterator[Measured]:
    """Measures one film after the other; they are added to `found`."""
    with tempfile.TemporaryDirectory() as folder:
        for size, minutes in films:
            path = Path(folder) / "film.mp4"
            write_film(path, size, minutes)
            ways = {what: in_process(what, path, model) for what in ("decode", "timeline")}
            found.append({"size": size, "minutes": minutes, **ways})
            yield found[-1]


def measure(what: str, file: str, model: str | None) -> dict[str, float]:
    """Seconds and peak memory of one way through a film; the model is loaded before."""
    if what == "decode":
        started = time.perf_counter()
        with av.open(file) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for _ in container.decode(stream):
                pass
    else:
        from action_recognition import Recognizer

        recognizer = Recognizer.load(model)
        started = time.perf_counter()
        for _ in recognizer.timeline(file, step_s=1.0):
            pass
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kB on Linux
    return {"seconds": round(seconds, 2), "peak_mb": round(peak)}


def in_process(what: str, path: Path, model: str | None) -> dict[str, float]:
    """`measure` in a new process."""
    command = [sys.executable, __file__, "--one", what, str(path)]
    command += ["--model", model] if model else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def write_film(path: Path, size: tuple[int, int], minutes: float) -> None:
    """Ten seconds of the drawn figure, its packets repeated without encoding them again."""
    from action_recognition.dashboard.media.figure import film, jumping_then_resting

    piece = path.with_name("piece.mp4")
    piece.write_bytes(film(PIECE_S, jumping_then_resting, fps=FPS, size=size))
    repeat(piece, path, round(minutes * 60 / PIECE_S), PIECE_S)


def repeat(piece: Path, path: Path, times: int, each_s: float) -> None:
    """A film that shows a piece of so many seconds again and again, without encoding it anew."""
    with av.open(str(path), "w") as output:
        stream = None
        for turn in range(times):
            with av.open(str(piece)) as source:
                taken = source.streams.video[0]
                if stream is None:
                    stream = output.add_stream_from_template(taken)
                assert taken.time_base is not None
                shift = round(turn * each_s / taken.time_base)
                for packet in source.demux(taken):
                    if packet.dts is None:
                        continue
                    assert packet.pts is not None
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = stream
                    output.mux(packet)


def row(measured: Measured) -> list[object]:
    """A row of the table."""
    seconds = 60 * measured["minutes"]
    decode, timeline = (measured[what]["seconds"] for what in ("decode", "timeline"))
    width, height = measured["size"]
    return [
        f"{width}x{height}", f"{measured['minutes']:g}", f"{seconds / decode:.0f}",
        f"{seconds / timeline:.1f}", f"{decode / timeline:.0%}", measured["timeline"]["peak_mb"],
    ]  # fmt: skip


def plot(rows: Sequence[Measured], path: Path) -> None:
    """Seconds and peak memory over the length of the film."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    FigureCanvasAgg(figure)
    time_axes, memory_axes = figure.subplots(1, 2)
    minutes = [row["minutes"] for row in rows]
    for what, label in (("timeline", "timeline"), ("decode", "decoder alone")):
        seconds = [row[what]["seconds"] for row in rows]
        time_axes.plot(minutes, seconds, marker="o", label=label)
    memory = [row["timeline"]["peak_mb"] for row in rows]
    memory_axes.plot(minutes, memory, marker="o")
    time_axes.set(xlabel="minutes of film", ylabel="seconds of work", xscale="log", yscale="log")
    time_axes.legend()
    memory_axes.set(xlabel="minutes of film", ylabel="peak memory, MB", xscale="log")
    memory_axes.set_ylim(0, 1.2 * max(memory))
    for axes in (time_axes, memory_axes):
        axes.set_xticks(minutes, [f"{m:g}" for m in minutes])
        axes.minorticks_off()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
