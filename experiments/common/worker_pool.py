"""Worker processes, a core each, which leave Ctrl-C to their parent and never outlive what uses them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, Final

THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What the usual libraries of matrix products read when they are loaded."""


class _Worker(SpawnProcess):
    """A process with one thread for matrix products, which leaves Ctrl-C to its parent from its first import on."""

    def start(self) -> None:
        # A child inherits what is blocked. Here Ctrl-C only waits: ignored, it would be lost.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        threads = {name: os.environ.get(name) for name in THREADS}
        os.environ.update(dict.fromkeys(THREADS, "1"))
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            for name, value in threads.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


class _Context(SpawnContext):
    Process = _Worker


CONTEXT: Final = _Context()
"""Where what is shared with the processes is made."""


@contextmanager
def worker_pool(processes: int, initializer: Callable[..., object], *arguments: Any) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool whose processes call the initializer first. To be used in the main thread.

    However the block ends, no process is left, and what was not begun by then is dropped. An error or Ctrl-C ends what was begun, too.
    """
    executor = ProcessPoolExecutor(processes, mp_context=CONTEXT, initializer=initializer, initargs=arguments)
    try:
        yield executor
    except BaseException:
        for process in multiprocessing.active_children():
            if isinstance(process, _Worker):
                process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
