"""The one place that imports TensorFlow, which trains and never judges: quietly, on the CPU, one thread if asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from threadpoolctl import threadpool_limits

_EAGER_KERAS: Final = "keras.src.optimizers"


@contextmanager
def _standard_error_closed() -> Iterator[None]:
    """TensorFlow's libraries write start-up notes straight to descriptor 2, before any of their log levels holds."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _keras_left_for_later() -> Iterator[None]:
    """A device trains without Keras, two fifths of TensorFlow's import: `tf.keras` loads it on first use.

    TensorFlow's last step imports this module for its side effects only and goes on without it.
    """
    sys.modules[_EAGER_KERAS] = None  # type: ignore[assignment]  # makes its import fail
    try:
        yield
    finally:
        del sys.modules[_EAGER_KERAS]


def _import_quietly() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN's summation order depends on the machine
    if "tensorflow" in sys.modules or _EAGER_KERAS in sys.modules:
        return import_module("tensorflow")
    with _standard_error_closed(), _keras_left_for_later():
        return import_module("tensorflow")


tf: Any = _import_quietly()


def limit_threads() -> None:
    """Give TensorFlow and BLAS one thread: a core a process, no pool that stalls its neighbours.

    BLAS threads spin while they wait and save no time on small products. Call it before the first operation;
    raises RuntimeError when TensorFlow already runs with more threads.
    """
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() != 1:
        threading.set_intra_op_parallelism_threads(1)
    if threading.get_inter_op_parallelism_threads() != 1:
        threading.set_inter_op_parallelism_threads(1)
    threadpool_limits(1, "blas")
