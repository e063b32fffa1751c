"""A dask cluster carries out what the processes of one machine do, with the same results, and its faults are sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import cluster_jobs
import dask
import pytest
from dask_cluster import dask_cluster_here

from contracts.errors import Misconfigured, Unavailable
from experiments.common.workers import cluster
from experiments.common.workers import dask as dask_workers
from experiments.common.workers.dask import dask_cluster

TWO = ("--nworkers", "2", "--nthreads", "1")


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dask_cluster_here(tmp_path_factory.mktemp("cluster"), *TWO) as address:
        yield address


def test_results_come_in_order_and_a_job_has_one_thread(scheduler):
    with dask_cluster(scheduler, []) as carry_out:
        drawn = list(carry_out(cluster_jobs.drawn, range(8)))
        assert set().union(*carry_out(cluster_jobs.threads, range(4))) == {1}
    assert [values.tolist() for values in drawn] == [cluster_jobs.drawn(seed).tolist() for seed in range(8)]


def test_what_a_job_raises_is_raised_here(scheduler):
    with dask_cluster(scheduler, []) as carry_out, pytest.raises(ValueError, match="seed 3 is refused"):
        list(carry_out(cluster_jobs.refused, [3]))


@contextmanager
def refused(error: type[Exception], said: str) -> Iterator[None]:
    with pytest.raises(error, match=re.escape(said)):
        yield


OTHERS = {
    "fedsecure": f"a worker of the cluster has fedsecure {version('fedsecure')}, here is 0: install the same there",
    "no-such": "a worker of the cluster has no no-such: install no-such 0 there, as here",
}


@pytest.mark.parametrize("package", OTHERS)
def test_a_worker_with_other_packages_is_refused_before_any_job(scheduler, monkeypatch, package):
    monkeypatch.setattr(cluster, "versions", lambda: {package: "0"})
    with refused(Misconfigured, OTHERS[package]), dask_cluster(scheduler, []):
        pass


def test_a_worker_that_joins_later_with_another_version_carries_out_nothing():
    with refused(Misconfigured, OTHERS["fedsecure"]):
        cluster.on_worker(cluster_jobs.fatal, {"fedsecure": "0"}, 1)


def test_a_file_that_a_worker_does_not_see_as_it_is_here_is_named(scheduler, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a worker's own folder is another
    Path("mine.py").write_text("a = 1\n")
    with dask_cluster(scheduler, [tmp_path / "mine.py"]):
        pass
    with refused(Misconfigured, "does not see mine.py as it is here"), dask_cluster(scheduler, [Path("mine.py")]):
        pass


def test_a_worker_of_several_threads_is_refused(tmp_path):
    with (
        dask_cluster_here(tmp_path / "threads", "--nworkers", "1", "--nthreads", "2") as address,
        refused(Misconfigured, "runs several jobs in one process: start it with --nthreads 1"),
        dask_cluster(address, []),
    ):
        pass


def test_a_cluster_without_workers_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_workers, "FIRST_ANSWER_S", 0.5)
    with (
        dask_cluster_here(tmp_path / "nobody") as address,
        refused(Unavailable, f"no worker of the dask cluster at {address} answers within"),
        dask_cluster(address, []),
    ):
        pass


def test_a_scheduler_that_is_none_is_a_sentence(monkeypatch):
    monkeypatch.setattr(dask_workers, "CONNECT_S", 0.5)
    with (
        refused(Unavailable, "no dask scheduler answers at tcp://127.0.0.1:1: "),
        dask_cluster("tcp://127.0.0.1:1", []),
    ):
        pass
    with refused(Misconfigured, "nowhere names no dask scheduler: give tcp://host:8786"), dask_cluster("nowhere", []):
        pass
    tls = "tls://127.0.0.1:1"
    with refused(Misconfigured, f"{tls} speaks TLS: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE"), dask_cluster(tls, []):
        pass
    with refused(Misconfigured, "no dask cluster is named: give --scheduler"), dask_cluster(None, []):
        pass


def test_dasks_own_setting_names_the_scheduler():
    setting = dask.config.set({"scheduler-address": "nowhere"})  # as DASK_SCHEDULER_ADDRESS does
    with setting, refused(Misconfigured, "nowhere names no dask scheduler"), dask_cluster(None, []):
        pass
