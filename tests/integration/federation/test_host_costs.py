"""What federated rounds cost beyond local training: `pytest tests/integration/federation/test_host_costs.py -s` logs the figures."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import structlog
from hosting import hosting, until_present
from plain_detector import plain_bundle
from rounds_on_record import committed
from small_ward import DEVICES, send_all_vitals

from contracts.messages.federation import ModelUpdate, decode_answer
from detectors.network.layout import CONTEXT_SIZE
from fl_coordinator.program import CoordinatorProgram
from fl_device.host.preparation import TASKS
from fl_device.tasks.task import OwnHours
from fl_device.training.course import Course
from fl_device.training.local import LocalTrainer, programs_of

pytestmark = pytest.mark.integration

log = structlog.get_logger()
ROUNDS = 12
MANY = tuple(f"m{number:02d}" for number in range(50))
MANY_MIN = 360
"""By then each device holds a window out, without which it measures no model."""
MOST_BEYOND_TENSORFLOW_MB = 512


async def test_a_steady_round_takes_less_than_its_local_training_and_compiles_nothing(federation, bench):
    terms = {"round_interval_s": 0.05, "aggregation": "trimmed-mean"}
    settings = federation.model_copy(update=terms)
    await send_all_vitals(settings, {device_id: seed for seed, device_id in enumerate(DEVICES)})
    async with asyncio.timeout(120), hosting(settings):
        await until_present(settings, DEVICES)
        for device_id in DEVICES:
            bench.set_status(device_id)
        traced = _traced()
        started = time.process_time()
        await CoordinatorProgram(settings, lambda: plain_bundle(0).parameters.network, rounds_limit=ROUNDS).run(
            asyncio.Event()
        )
        cpu_s = (time.process_time() - started) / ROUNDS
    rounds = (await bench.rounds()).values()
    assert [one.accepted for one in rounds] == [list(DEVICES)] * ROUNDS
    training_s = dict.fromkeys((one.round for one in rounds), 0.0)
    for device_id in DEVICES:
        for record in await bench.records(settings.topics.fl_updates(device_id)):
            answer = decode_answer(record.value)
            if isinstance(answer, ModelUpdate):
                training_s[answer.round] += answer.train_s
    beyond_s = [one.ended_at - one.gated_at - training_s[one.round] for one in rounds][1:]
    log.info(
        "steady_rounds", n=len(beyond_s), devices=len(DEVICES), beyond_training_median_s=round(float(np.median(beyond_s)), 2),
        beyond_training_most_s=round(max(beyond_s), 2), host_and_coordinator_cpu_s=round(cpu_s, 2),
    )  # fmt: skip
    assert _traced() == traced
    assert cpu_s < len(DEVICES) * _training_cpu_s(settings.local_max_windows)


def _traced() -> int:
    programs = programs_of(TASKS["reconstruction"])
    return int(programs.step.experimental_get_tracing_count() + programs.measure.experimental_get_tracing_count())


def _training_cpu_s(windows: int) -> float:
    """Processor time of one device's local training in a round when it has all the windows it may keep."""
    task = TASKS["reconstruction"]
    rng = np.random.default_rng(0)
    hours = OwnHours(
        z=rng.standard_normal((windows, 60, 2)).astype(np.float32),
        weight=np.ones((windows, 60, 2), np.float32),
        event_minute=np.arange(60) + np.zeros((windows, 1), np.int64),
        context=np.zeros(CONTEXT_SIZE, np.float32),
        half_cell=np.full(2, 0.01, np.float32),
    )
    examples = task.examples(hours)
    trainer = LocalTrainer(task)
    started = time.process_time()
    trainer.train(plain_bundle(0).parameters.network, examples, Course(1, 32, 1e-3, seed=0))
    return time.process_time() - started


def test_fifty_devices_of_one_host_take_part_in_a_round_within_their_memory(federation, bench, spawn, wait_until):
    settings = federation.model_copy(update={"round_quorum": len(MANY), "round_deadline_s": 60.0})
    asyncio.run(send_all_vitals(settings, {device_id: seed for seed, device_id in enumerate(MANY)}, MANY_MIN))
    nothing_compiled = {"TF_XLA_FLAGS": ""}  # the memory that compiling takes is part of a host's
    host = spawn("device", "--all", settings=settings, environ=nothing_compiled)
    imported_mb = _imported_tensorflow_mb()
    wait_until(lambda: "devices_hosted" in host.log, 90, "the devices are hosted")
    asyncio.run(until_present(settings, MANY))
    for device_id in MANY:
        bench.set_status(device_id)
    spawn("coordinator", settings=settings)
    record = wait_until(lambda: committed(settings), 90, "a round is committed")[0]
    assert record.accepted == list(MANY)
    most_mb = _memory_mb(Path(f"/proc/{host.pid}/status").read_text(), "VmHWM")
    log.info(
        "host_memory", devices=len(MANY), minutes_each=MANY_MIN, most_resident_mb=round(most_mb),
        imported_tensorflow_mb=round(imported_mb), beyond_it_mb=round(most_mb - imported_mb),
    )  # fmt: skip
    assert most_mb - imported_mb < MOST_BEYOND_TENSORFLOW_MB


def _imported_tensorflow_mb() -> float:
    code = (
        "from detectors.training.tensorflow import limit_threads, tf\n"
        "limit_threads()\n"
        "tf.constant(1.0)\n"
        "print(open('/proc/self/status').read())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return _memory_mb(done.stdout, "VmRSS")


def _memory_mb(status: str, name: str) -> float:
    """Return a figure of /proc/PID/status, which gives kB, in MB of 2^20 bytes."""
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:")) / 1024
