"""Whose workers carry out a study's jobs, as its command was told, and what is said when they are lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from contracts.errors import Misconfigured, Unavailable
from fedsecure.extras import require_extra
from fedsecure.study_output import GOES_ON

if TYPE_CHECKING:
    from experiments.common.workers.processes import CarryOut

Backend = Annotated[
    Literal["processes", "dask", "ray"],
    typer.Option(
        help="Who works: processes of this machine, or the workers of a dask or ray cluster, which have the same FedSecure "
        "installed; changes nothing but time."
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Address of the cluster: tcp://host:8786 of dask (default DASK_SCHEDULER_ADDRESS), host:6379 or ray://host:10001 "
        "of ray (default RAY_ADDRESS, else the one that runs here)."
    ),
]


@dataclass(frozen=True, slots=True)
class Workers:
    """Who works: `processes` of this machine, or a cluster."""

    backend: Literal["processes", "dask", "ray"]
    scheduler: str | None
    processes: int

    def check(self, command: str) -> None:
        """Raise Misconfigured when the options do not fit one another or the backend's package is not installed."""
        if self.backend != "processes":
            require_extra(self.backend, f"{command} --backend {self.backend}")
        elif self.scheduler is not None:
            raise Misconfigured("--scheduler names a cluster: add --backend dask or --backend ray")

    @contextmanager
    def used(self, files: Sequence[Path] = (), goes_on: str = GOES_ON) -> Iterator[CarryOut]:
        """Yield what carries out jobs that read these `files`. Workers that are lost become Unavailable, with what to do then."""
        with worker_processes_used(goes_on), _cluster_used(goes_on), self._workers(files) as carry_out:
            yield carry_out

    def _workers(self, files: Sequence[Path]) -> AbstractContextManager[CarryOut]:
        if self.backend == "dask":
            from experiments.common.workers.dask import dask_cluster

            return dask_cluster(self.scheduler, files)
        if self.backend == "ray":
            from experiments.common.workers.ray import ray_cluster

            return ray_cluster(self.scheduler, files)
        from experiments.common.workers.processes import mapped_over

        return nullcontext(mapped_over(self.processes))


@contextmanager
def worker_processes_used(goes_on: str = GOES_ON) -> Iterator[None]:
    """Turn worker processes that were ended from outside into Unavailable, with what to do then."""
    try:
        yield
    except BrokenProcessPool:
        raise Unavailable(f"a worker process was ended from outside, perhaps for want of memory; {goes_on}") from None


@contextmanager
def _cluster_used(goes_on: str) -> Iterator[None]:
    """Turn a cluster's workers that are lost into Unavailable, with what to do then."""
    from experiments.common.workers.cluster import WorkersLostError

    try:
        yield
    except WorkersLostError:
        raise Unavailable(
            f"the cluster's workers were ended, perhaps for want of memory, or its scheduler was; {goes_on}"
        ) from None
