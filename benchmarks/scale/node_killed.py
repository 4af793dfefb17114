"""A batch on a cluster of two nodes, one of which is killed in the middle, against a plain loop.

    python benchmarks/scale/node_killed.py --clips 1000 --films 10 --minutes 20

Both nodes run on this machine, with one core each. The node is killed once a tenth of the videos
have their rows: films go first, so that is about half of the time. Prints what was done, lost and
doubled, and whether the table is that of the loop; ends with exit code 1 if it is not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from ray.cluster_utils import Cluster

from material import add_material_options, loop, same, table, videos_of, write_videos
from measuring import machine

NODE = {"num_cpus": 1, "object_store_memory": 200 * 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_material_options(parser)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        videos, out = Path(folder, "videos"), Path(folder, "out")
        hours = write_videos(videos, options.clips, options.films, options.minutes)
        print(f"{machine()}; {len(videos_of(videos))} videos, {hours:.2f} hours\n", flush=True)
        summary = run(videos, out)
        expected = loop(videos_of(videos))
        rows = [row for part in out.glob("part-*") for row in pq.read_table(part).to_pylist()]
        doubled = len(rows) - len({(row["file"], row["start_s"]) for row in rows})
        equal = same(table(out), expected)
    print(
        f"done {summary['done']} of {summary['files']} in {summary['elapsed_s']:.0f} s, "
        f"lost {summary['lost']}, errors {summary['errors']}, rows {len(rows)}, doubled {doubled}, "
        f"{'equal' if equal else 'NOT equal'} to the loop"
    )
    sys.exit(not equal or doubled > 0)


def run(videos: Path, out: Path) -> dict[str, float]:
    """Runs the batch; kills a node in the middle."""
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    node = cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    command = [sys.executable, "-m", "action_recognition", "batch", str(videos)]
    more = ["--output", str(out), "--address", cluster.address, "--workers", "2", "--json"]
    count = len(videos_of(videos))
    batch = subprocess.Popen([*command, *more], stdout=subprocess.PIPE)
    started = time.monotonic()
    while batch.poll() is None and len(table(out)) < count / 10:
        time.sleep(1)
    if batch.poll() is None:
        print(
            f"node killed after {time.monotonic() - started:.0f} s, {len(table(out))} videos done"
        )
        cluster.remove_node(node, allow_graceful=False)
    printed, _ = batch.communicate()
    cluster.shutdown()
    found: dict[str, float] = json.loads(printed)
    return found


if __name__ == "__main__":
    main()
