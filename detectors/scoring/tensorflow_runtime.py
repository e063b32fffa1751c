"""The one place that imports TensorFlow: quietly, on the CPU, with the threads that a scoring process should use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


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


def _import_quietly() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN's summation order depends on the machine
    if "tensorflow" in sys.modules:
        return import_module("tensorflow")
    with _standard_error_closed():
        return import_module("tensorflow")


tf: Any = _import_quietly()


def limit_threads() -> None:
    """Give TensorFlow one thread, as a scoring process wants it: a core a process, no pool that stalls its neighbours.

    Call it before the first operation; raises RuntimeError when TensorFlow already runs with more threads.
    """
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() != 1:
        threading.set_intra_op_parallelism_threads(1)
    if threading.get_inter_op_parallelism_threads() != 1:
        threading.set_inter_op_parallelism_threads(1)
