"""`python -m plain_worker`: a whole worker whose detector anyone can compute."""

from __future__ import annotations

import asyncio
import os
from functools import partial

from plain_engine import PlainEngine

from contracts.configuration.settings import Settings
from streams.worker import run_worker
from transport.logs import configure_logs

if __name__ == "__main__":
    configure_logs("worker")
    settings = Settings()
    os._exit(asyncio.run(run_worker(settings, partial(PlainEngine, settings))))
