"""A cluster's workers make what processes of this machine make, to the last bit, and losing them or Ctrl-C ends in a sentence."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import cluster_jobs
import numpy as np
import pytest
from dask_cluster import dask_cluster_here
from ray_cluster import ray_cluster_here

from contracts.errors import Unavailable
from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle
from detectors.training.cohort import Population
from detectors.training.patients import patients_of
from detectors.training.scores.table_build import Attacks, PatientJob, built
from experiments.common.injection import core_cases, inject_case
from experiments.common.workers.processes import carried_out, mapped_over
from experiments.federation.plan import QUICK, runs
from experiments.federation.study import Job, run_job
from fedsecure.study_workers import Workers
from replay.sources.synthetic import synthetic_stays

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("one_thread")]

TWO = ("--nworkers", "2", "--nthreads", "1")


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    with dask_cluster_here(tmp_path / "cluster", *TWO) as address:
        yield address


@pytest.fixture(params=["dask", "ray"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workers]:
    """Two processes of a cluster."""
    if request.param == "dask":
        with dask_cluster_here(tmp_path / "cluster", *TWO) as address:
            yield Workers("dask", address, 1)
        return
    pytest.importorskip("ray", reason="ray is not installed: .tools/bin/uv sync --all-extras")
    short = tempfile.TemporaryDirectory(prefix="ray-")  # pytest's is too long for ray's sockets
    with short as folder, ray_cluster_here(Path(folder), 2) as address:
        yield Workers("ray", address, 1)


def test_patients_are_measured_to_the_same_bit_by_processes_and_by_a_cluster(cluster):
    network = load_bundle(DEFAULT_BUNDLE).parameters.network
    patients, _ = patients_of([Population("few", synthetic_stays(5, 3, 1500), is_real=False)])
    attacks = Attacks(core_cases()[:2], inject_case, distortions=1)
    jobs = [PatientJob(patient, np.empty((0, 2)), attacks, 7, network) for patient in patients]
    alone = built(jobs, mapped_over(1)).arrays()
    with cluster.used() as carry_out:
        others = [built(jobs, mapped_over(2)).arrays(), built(jobs, carry_out).arrays()]
    assert len(alone["values"]) > 100
    for arrays in others:
        assert arrays.keys() == alone.keys()
        assert {name for name in alone if arrays[name].tobytes() != alone[name].tobytes()} == set()


def test_federations_come_out_to_the_same_bit_by_processes_and_by_a_cluster(cluster):
    plan = replace(QUICK, rounds=3)
    jobs = [Job(plan, 1, run, DEFAULT_BUNDLE) for run in runs(plan)[:3]]
    here = list(carried_out(run_job, jobs, 2))
    with cluster.used() as carry_out:
        there = list(carry_out(run_job, jobs))
    for one, other in zip(here, there, strict=True):
        for field in fields(one[0]):
            if field.name == "cpu_s":  # what it took
                continue
            ours, theirs = (np.asarray(getattr(outcome[0], field.name)) for outcome in (one, other))
            assert ours.tobytes() == theirs.tobytes(), field.name


def test_workers_that_are_ended_again_and_again_end_the_study_with_a_sentence(scheduler):
    with pytest.raises(Unavailable, match=r"workers were ended, .*; the same command goes on"):  # noqa: SIM117
        with Workers("dask", scheduler, 2).used() as carry_out:
            list(carry_out(cluster_jobs.fatal, range(2)))


def train(out: Path, scheduler: str) -> subprocess.Popen[str]:
    words = ["train", "--quick", "--out", str(out), "--backend", "dask", "--scheduler", scheduler]
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "fedsecure", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_ends_a_training_and_says_that_the_same_command_goes_on(tmp_path, scheduler, wait_until):
    training = train(tmp_path / "bundle", scheduler)
    wait_until(lambda: list(tmp_path.glob("bundle.work/network-*.npz")), 200, "patients are measured next")
    training.send_signal(signal.SIGINT)
    said = training.communicate(timeout=60)[1].splitlines()
    assert said[-2:] == ["network: done", "stopped; the same command goes on from the last finished stage"]
    assert training.returncode == 130


def test_a_scheduler_that_is_ended_ends_a_training_with_a_sentence(tmp_path, wait_until):
    with dask_cluster_here(tmp_path / "cluster", *TWO) as scheduler:
        training = train(tmp_path / "bundle", scheduler)
        wait_until(lambda: list(tmp_path.glob("bundle.work/network-*.npz")), 200, "patients are measured next")
    before, said = training.communicate(timeout=200)[1].splitlines()[-2:]
    assert before == "network: done"
    assert re.fullmatch(r"fedsecure: the cluster's workers were ended, .*; the same command goes on .*", said)
    assert training.returncode == 1
