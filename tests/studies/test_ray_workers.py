"""A ray cluster carries out what the processes of one machine do. Only where ray is installed, which `make setup` leaves out."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cluster_jobs
import pytest
from ray_cluster import ray_cluster_here

from contracts.errors import Misconfigured, Unavailable
from experiments.common.workers import cluster
from fedsecure.study_workers import Workers

pytest.importorskip("ray", reason="ray is not installed: .tools/bin/uv sync --all-extras")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    short = tempfile.TemporaryDirectory(prefix="ray-")  # pytest's is too long for ray's sockets
    with short as folder, ray_cluster_here(Path(folder), 2) as answers_at:
        yield answers_at


def test_results_come_in_order_and_a_job_has_one_thread(address):
    with Workers("ray", address, 1).used() as carry_out:
        drawn = list(carry_out(cluster_jobs.drawn, range(8)))
        assert set().union(*carry_out(cluster_jobs.threads, range(4))) == {1}
    assert [values.tolist() for values in drawn] == [cluster_jobs.drawn(seed).tolist() for seed in range(8)]


def test_what_a_job_raises_is_raised_here(address):
    with Workers("ray", address, 1).used() as carry_out, pytest.raises(ValueError, match="seed 3 is refused"):
        list(carry_out(cluster_jobs.refused, [3]))


def test_workers_that_are_ended_again_and_again_end_the_study_with_a_sentence(address):
    with pytest.raises(Unavailable, match="workers were ended"), Workers("ray", address, 1).used() as carry_out:
        list(carry_out(cluster_jobs.fatal, range(2)))


@pytest.mark.parametrize("package", ["fedsecure", "no-such"])
def test_a_worker_with_other_packages_is_refused_before_any_job(address, monkeypatch, package):
    monkeypatch.setattr(cluster, "versions", lambda: {package: "0"})
    refused = pytest.raises(Misconfigured, match=f"a worker of the cluster has .*{package}")
    with refused, Workers("ray", address, 1).used():
        pass


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("127.0.0.1:1", "no ray cluster answers at 127.0.0.1:1: "),
        ("nowhere", "nowhere names no ray cluster: give host:6379"),
    ],
)
def test_a_cluster_that_is_none_is_a_sentence(name, said):
    with pytest.raises((Unavailable, Misconfigured), match=re.escape(said)), Workers("ray", name, 1).used():
        pass
