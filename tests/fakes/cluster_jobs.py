"""Jobs for the workers of a cluster, which import them from here."""

from __future__ import annotations

import os
import time

import numpy as np
from threadpoolctl import threadpool_info

from detectors.training.tensorflow import tf


def drawn(seed: int) -> np.ndarray:
    """What a job draws by its own seed. The first ones take longest."""
    time.sleep(0.2 / (1 + seed))
    return np.random.default_rng(seed).normal(size=3)


def refused(seed: int) -> int:
    """A job that cannot be done."""
    raise ValueError(f"seed {seed} is refused")


def threads(_: int) -> set[int]:
    """How many threads BLAS and TensorFlow use."""
    pools = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    return pools | {tf.config.threading.get_intra_op_parallelism_threads()}


def fatal(_: int) -> None:
    """A job that costs its process the life, for want of memory, say."""
    os._exit(9)


def slow(folder: str) -> None:
    """A job that says that it has begun, and takes its time."""
    with open(f"{folder}/begun", "a", encoding="ascii") as file:  # noqa: PTH123 - a worker's few imports
        file.write(f"{os.getpid()}\n")
    time.sleep(20)
