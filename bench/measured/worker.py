"""A worker end to end, from Kafka to Redis and Kafka, by how many minutes come in a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

import numpy as np

from bench.measured.judging import judging_us
from bench.measured.stages import stage_us
from bench.row import Row
from bench.services import filled, local_services, wait_until, worker
from bench.ward import BEFORE_MIN, Ward, ward_of
from contracts.configuration.settings import Settings
from fedsecure.local_stack.status import Endpoints

DEVICES: Final = 100
LEAST_RATE: Final = {32: 12_000.0, 1: 4_000.0}
LEAST_SHARE: Final = {32: 0.6}
BARE_MIN: Final = 1280
LEAST_OF_TWO: Final = 1.8
APART: Final = "in one thread, 100 messages at once"
SAME_CORES: Final = "the broker runs on the same cores"


def measure(*, quick: bool) -> list[Row]:
    """Return minutes a second and processor time a minute of one worker, with and without Faust, and of two."""
    plans = ((32, 1920 if quick else 4800), (1, 192 if quick else 576))
    with local_services() as endpoints:
        return [row for pack, minutes in plans for row in _of_one_packing(endpoints, pack, minutes)]


def _of_one_packing(endpoints: Endpoints, pack: int, minutes: int) -> list[Row]:
    ward = ward_of(DEVICES, BEFORE_MIN + minutes)
    name = f"{pack} a message"
    alone_us = float(np.median(judging_us(ward, pack, 2, 3 * 32)))
    stages = stage_us(ward, pack)
    one = _rate(filled(endpoints, ward, pack), ward, [{}])
    short = ward_of(DEVICES, BEFORE_MIN + min(minutes, BARE_MIN))
    bare = _rate(filled(endpoints, short, pack), short, [{"edge_devices": short.devices}])
    two = _rate(filled(endpoints, ward, pack), ward, [{"name": "a"}, {"name": "b"}])
    return [
        Row(f"one worker, {name}", one.a_second, "minutes/s", LEAST_RATE[pack], "least"),
        Row(f"its processor time a minute, {name}", one.us_a_minute, "us"),
        Row(f"judging alone to all of it, {name}", alone_us / one.us_a_minute, "share", LEAST_SHARE.get(pack), "least"),
        Row(f"a bare aiokafka loop instead of Faust, {name}", bare.a_second, "minutes/s"),
        Row(f"its processor time a minute without Faust, {name}", bare.us_a_minute, "us"),
        Row(f"two workers to one, {name}", two.a_second / one.a_second, "x", LEAST_OF_TWO, "least", note=SAME_CORES),
        *(Row(f"{stage}, {name}", cost_us, "us", note=APART) for stage, cost_us in stages.items()),
    ]


class Rate(NamedTuple):
    """Minutes a second, and microseconds of processor time a minute."""

    a_second: float
    us_a_minute: float


def _rate(settings: Settings, ward: Ward, workers: Sequence[Mapping[str, Any]]) -> Rate:
    """Return how fast workers go together from the last enrolment to the end."""
    with ExitStack() as running:
        started = [running.enter_context(worker(settings, **options)) for options in workers]
        start = wait_until(started, ward.devices * BEFORE_MIN)
        end = wait_until(started, ward.devices * ward.minutes)
    judged = end.minutes - start.minutes
    return Rate(judged / (end.at - start.at), (end.cpu_s - start.cpu_s) / judged * 1e6)
