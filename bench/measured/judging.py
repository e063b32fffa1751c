"""The judgement of a minute, all of it, in one thread: against the network alone, and that against its matrix products."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from bench.row import Row, repeated
from bench.ward import BEFORE_MIN, ENROLMENT_MIN, FIRST_HOUR_MIN, Ward, device_name, ward_of
from detectors.detector import Detector
from detectors.engine.engine import DetectionEngine
from detectors.network.layout import CONTEXT_SIZE, EMITTED, STEP_INPUTS, UNITS
from detectors.network.runtime import DensityNetwork
from streams.collecting import collect_seldom

BATCH: Final = 512
MINUTE_GOAL_US: Final = 40.0
NETWORK_GOAL: Final = 2.5
REPEATS: Final = 5


def measure(*, quick: bool) -> list[Row]:
    """Return the cost of a minute by its packing, of a window in the network, and of the network's own matrix products."""
    repeats = 2 if quick else REPEATS
    minutes = 60 if quick else 150
    ward = ward_of(BATCH, BEFORE_MIN + repeats * minutes)
    rows = [
        repeated(
            f"a minute's judgement, {pack} a message",
            judging_us(ward, pack, repeats, minutes),
            "us",
            goal=MINUTE_GOAL_US,
        )
        for pack in (1, 30)
    ]
    network, products = zip(*(_network_us() for _ in range(repeats)), strict=True)
    rows.append(repeated(f"the network, a window in a batch of {BATCH}", list(network), "us"))
    rows.append(repeated("its matrix products alone", list(products), "us"))
    shares = [whole / bound for whole, bound in zip(network, products, strict=True)]
    rows.append(repeated("the network to its matrix products", shares, "x", goal=NETWORK_GOAL))
    return rows


def judging_us(ward: Ward, pack: int, repeats: int, minutes: int) -> list[float]:
    """Return microseconds of processor time a minute, by repetition; all devices are enrolled before."""
    engine = enrolled_engine(ward)
    start = BEFORE_MIN
    costs = []
    for turn in range(repeats):
        first = start + turn * minutes
        batches = [ward.chunks(at, at + pack) for at in range(first, first + minutes, pack)]
        began = time.process_time()
        for batch in batches:
            engine.apply(batch)
        costs.append((time.process_time() - began) / (ward.devices * minutes) * 1e6)
    return costs


def enrolled_engine(ward: Ward, until_min: int = BEFORE_MIN) -> DetectionEngine:
    """Return an engine that has judged every device for an hour after its enrolment or longer, in a process set up as a worker's."""
    collect_seldom()
    engine = DetectionEngine(Detector.load().model, enrolment_min=ENROLMENT_MIN)
    for device in range(ward.devices):
        engine.open(device_name(device), None)
    for start in range(0, until_min, FIRST_HOUR_MIN):
        engine.apply(ward.chunks(start, start + FIRST_HOUR_MIN))
    return engine


def _network_us() -> tuple[float, float]:
    """Return microseconds a window of the network, and of its recurrent matrix products alone, interleaved."""
    detector = Detector.load()
    weights = detector.model.parameters.network
    assert weights is not None
    network = DensityNetwork(weights)
    rng = np.random.default_rng(0)
    z = rng.normal(size=(BATCH, 60, 2)).astype(np.float32)
    weight = np.ones_like(z)
    context = rng.normal(size=(BATCH, CONTEXT_SIZE)).astype(np.float32)
    half = np.full((BATCH, 2), 0.05, np.float32)
    kernel = rng.normal(size=(4 * UNITS, UNITS + STEP_INPUTS)).astype(np.float32)
    seen = rng.normal(size=(UNITS + STEP_INPUTS, BATCH)).astype(np.float32)
    out = np.empty((4 * UNITS, BATCH), np.float32)
    steps = (EMITTED.stop - 1) + (59 - EMITTED.start)  # both directions, each to the last minute that is emitted
    network.normal_scores(z, weight, context, half)
    whole = bound = 0.0
    for _ in range(8):
        began = time.process_time()
        network.normal_scores(z, weight, context, half)
        between = time.process_time()
        for _ in range(steps):
            np.matmul(kernel, seen, out=out)
        whole += between - began
        bound += time.process_time() - between
    return whole / (8 * BATCH) * 1e6, bound / (8 * BATCH) * 1e6
