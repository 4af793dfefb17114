"""The files that start a cluster: Ray and the shell take them, and their commands exist.

No cluster is needed: machines of Kubernetes are held against its own schema, and what stands around
them against the fields that KubeRay 1.7 documents.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from action_recognition.cli import batch, train
from action_recognition.cli.main import make_parser

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "examples" / "cluster"
PAGE = ROOT / "docs" / "scale.md"
TRAINING = ROOT / "docs" / "how-to" / "train-on-several-machines.md"


def read_cluster() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((CLUSTER / "ray-cluster.yaml").read_text("utf-8"))
    return config


def read_job() -> dict[str, Any]:
    """What is asked of KubeRay."""
    job: dict[str, Any] = yaml.safe_load((CLUSTER / "kubernetes.yaml").read_text("utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    found: dict[str, Any] = job["spec"]
    return found


def groups(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The head and the groups of workers."""
    cluster = job["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def commands(path: Path) -> list[list[str]]:
    """The arguments of each `action-recognition` that a file starts."""
    text = path.read_text("utf-8").replace("\\\n", " ")
    text = text.replace(' "${resume[@]}"', "").replace(" #", "\n#")
    found = re.findall(r"^[^#\n`]*\baction-recognition ([a-z].*)$", text, re.MULTILINE)
    return [shlex.split(command.rstrip("'")) for command in found]


def test_ray_takes_the_cluster_file() -> None:
    util = pytest.importorskip("ray.autoscaler._private.util")
    config = util.prepare_config(read_cluster())
    util.validate_config(config)
    assert config["max_workers"] == len(config["provider"]["worker_ips"])


def test_the_first_machine_is_the_same_in_the_whole_cluster_file() -> None:
    config = read_cluster()
    start = config["head_start_ray_commands"][-1]
    assert f"--node-ip-address={config['provider']['head_ip']} " in start


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")
@pytest.mark.parametrize("name", ["slurm.sh", "train-slurm.sh"])
def test_bash_takes_the_slurm_scripts(name: str) -> None:
    checked = subprocess.run(
        ["bash", "-n", CLUSTER / name], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_kubernetes_takes_the_machines_of_the_job() -> None:
    validator = pytest.importorskip("kubernetes_validate")
    found = groups(read_job())
    assert len(found) == 2
    for group in found:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, **group["template"]}
        validator.validate(pod, validator.latest_version(), strict=True)


def test_kuberay_knows_the_fields_around_them() -> None:
    job = read_job()
    cluster = job["rayClusterSpec"]
    head, workers = groups(job)
    assert set(job) <= {
        "entrypoint", "submissionMode", "backoffLimit", "shutdownAfterJobFinishes",
        "ttlSecondsAfterFinished", "rayClusterSpec",
    }  # fmt: skip
    assert job["submissionMode"] in ("K8sJobMode", "HTTPMode", "SidecarMode", "InteractiveMode")
    assert job["shutdownAfterJobFinishes"] is True
    assert job["backoffLimit"] > 0
    assert set(cluster) <= {
        "rayVersion", "authOptions", "enableInTreeAutoscaling", "headGroupSpec",
        "workerGroupSpecs",
    }  # fmt: skip
    assert cluster["authOptions"] == {"mode": "token"}
    assert set(head) == {"rayStartParams", "template"}
    assert set(workers) == {"groupName", "replicas", "minReplicas", "maxReplicas", *head}
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    for group in (head, workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_the_job_has_a_core_for_each_worker_and_one_image() -> None:
    job = read_job()
    head, workers = (group["template"]["spec"]["containers"][0] for group in groups(job))
    options = make_parser().parse_args(shlex.split(job["entrypoint"])[1:])
    assert options.run is batch.run
    assert options.address == "auto"
    cores = int(workers["resources"]["limits"]["cpu"])
    assert options.workers == cores * groups(job)[1]["maxReplicas"]
    for container in (head, workers):
        assert container["resources"]["limits"] == container["resources"]["requests"]
    assert (head["image"], head["envFrom"]) == (workers["image"], workers["envFrom"])
    page = PAGE.read_text("utf-8")
    assert f"-t {head['image']} ." in page
    assert f"create secret generic {head['envFrom'][0]['secretRef']['name']} " in page


def test_the_job_has_the_version_of_ray_that_the_image_gets() -> None:
    constraints = (ROOT / "constraints.txt").read_text("utf-8")
    version = read_job()["rayClusterSpec"]["rayVersion"]
    assert f"\nray=={version}\n" in constraints
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "--build-arg EXTRA=kubernetes " in PAGE.read_text("utf-8")
    assert any("ray[default]" in need for need in project["optional-dependencies"]["kubernetes"])


@pytest.mark.parametrize(
    ("path", "count"), [(CLUSTER / "slurm.sh", 1), (PAGE, 4)], ids=["slurm.sh", "scale.md"]
)
def test_the_commands_exist(path: Path, count: int) -> None:
    found = commands(path)
    assert len(found) == count
    for arguments in found:
        assert make_parser().parse_args(arguments).run is batch.run


def test_the_page_shows_both_files() -> None:
    page = PAGE.read_text("utf-8")
    for path in (CLUSTER / "ray-cluster.yaml", CLUSTER / "slurm.sh"):
        assert f"--8<--\nexamples/cluster/{path.name}\n--8<--" in page


@pytest.mark.parametrize(
    ("path", "count"), [(CLUSTER / "train-slurm.sh", 1), (TRAINING, 7)], ids=["script", "page"]
)
def test_the_commands_of_training_exist(path: Path, count: int) -> None:
    found = commands(path)
    assert len(found) == count
    for arguments in found:
        assert make_parser().parse_args(arguments).run is train.run_train


def test_the_page_of_training_shows_the_script() -> None:
    assert "--8<--\nexamples/cluster/train-slurm.sh\n--8<--" in TRAINING.read_text("utf-8")
