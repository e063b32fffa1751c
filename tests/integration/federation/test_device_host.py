"""The device host as a program: it finds its devices, trains on their own clean windows and answers real rounds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from plain_detector import plain_bundle
from rounds_on_record import committed, history_of
from small_ward import DEVICES, ENROLMENT_MIN, HORIZON_MIN, RECORDED_MIN, START, recorded, send_vitals

from contracts.event_time import to_event_minute
from detectors.detector import Detector
from detectors.network.layout import CONTEXT_STATISTICS, network_shapes
from experiments.federation.engine import Federation, World
from experiments.federation.plan import FULL, Run
from experiments.federation.tasks import STUDIED
from experiments.federation.timeline import timeline
from fl_device.tasks.forecast import Forecast
from transport.blobs.weights import decode_weights

pytestmark = pytest.mark.integration


def test_hosted_devices_train_in_turn_and_each_round_goes_on_from_the_model_before(
    federation, bench, spawn, wait_until
):
    settings = federation
    for seed, device_id in enumerate(DEVICES[:4]):
        asyncio.run(send_vitals(settings, device_id, seed))
    host = spawn("device", "--all", settings=settings)
    wait_until(lambda: "devices_hosted" in host.log, 90, "the devices are hosted")
    for device_id in DEVICES:
        bench.set_status(device_id)
    coordinator = spawn("coordinator", settings=settings)
    wait_until(lambda: "round_skipped" in coordinator.log, 30, "a round without the fifth device is skipped")
    asyncio.run(send_vitals(settings, DEVICES[4], seed=4))
    rounds = wait_until(lambda: len(found := committed(settings)) >= 4 and found, 60, "four rounds are committed")
    assert spawn("device", "rotate", DEVICES[0], settings=settings).wait(60) == 0
    last = history_of(settings).last_round
    wait_until(lambda: committed(settings)[-1].round > last + 1, 60, "rounds go on with the new key, without a restart")
    assert spawn("device", "revoke", DEVICES[1], settings=settings).wait(60) == 0
    wait_until(lambda: coordinator.log.count("not_registered") >= 2, 30, "a revoked device is not invited")
    assert coordinator.stop(10) == 0
    assert host.stop(10) == 0
    full = [record for record in rounds if len(record.accepted) == len(DEVICES)]
    assert full
    for before, after in pairwise(rounds):
        assert after.model_sha256 == before.new_model_sha256
    losses = [record.loss for record in full]
    assert losses[-1] < losses[0]
    weights = decode_weights(history_of(settings).models[rounds[-1].new_model_sha256].weights)
    assert {name: array.shape for name, array in weights.items()} == network_shapes()
    for name, array in plain_bundle(0).parameters.network.items():
        assert np.array_equal(weights[name], array) == (name in CONTEXT_STATISTICS), name


def test_a_device_that_nobody_registered_is_named_with_the_command_that_registers_it(
    federation, bench, spawn, wait_until
):
    settings = federation.model_copy(update={"register_new_devices": False, "round_quorum": 1, "aggregation": "fedavg"})
    asyncio.run(send_vitals(settings, "p1", seed=1))
    host = spawn("device", "--device", "p1", settings=settings)
    wait_until(lambda: "fedsecure device register p1" in host.log, 90, "the log says how to register the device")
    wait_until(lambda: "devices_hosted" in host.log, 90, "the device is hosted")
    bench.set_status("p1")
    coordinator = spawn("coordinator", settings=settings)
    wait_until(lambda: "not_registered" in coordinator.log, 30, "the device is not invited")
    assert committed(settings) == []
    assert spawn("device", "register", "p1", settings=settings).wait(60) == 0
    record = wait_until(lambda: committed(settings), 60, "a round is committed, without a restart")[-1]
    assert record.accepted == ["p1"]


def test_a_device_without_released_windows_says_so_and_no_round_waits_for_it(federation, bench, spawn, wait_until):
    terms = {"round_quorum": 1, "round_deadline_s": 60.0, "aggregation": "fedavg", "federated_task": "forecast"}
    settings = federation.model_copy(update=terms)
    asyncio.run(send_vitals(settings, "p1", seed=1))
    asyncio.run(send_vitals(settings, "young", seed=2, recorded_min=ENROLMENT_MIN + 20))
    host = spawn("device", "--device", "p1", "--device", "young", settings=settings)
    wait_until(lambda: "devices_hosted" in host.log, 90, "the devices are hosted")
    for device_id in ("p1", "young"):
        bench.set_status(device_id)
    spawn("coordinator", settings=settings)
    record = wait_until(lambda: committed(settings), 30, "a round is committed")[-1]
    assert record.accepted == ["p1"]
    assert record.excluded == {"young": "no_data"}
    assert record.task == "forecast"
    assert decode_weights(history_of(settings).models[record.model_sha256].weights).keys() == Forecast().shapes.keys()


def test_the_studys_federation_in_one_process_makes_the_same_model(federation, bench, spawn, wait_until):
    settings = federation.model_copy(update={"round_quorum": 3, "round_deadline_s": 60.0})
    names = DEVICES[:3]
    for seed, device_id in enumerate(names):
        asyncio.run(send_vitals(settings, device_id, seed))
    host = spawn("device", "--all", settings=settings)
    wait_until(lambda: "devices_hosted" in host.log, 90, "the devices are hosted")
    for device_id in names:
        bench.set_status(device_id)
    spawn("coordinator", settings=settings)
    record = wait_until(lambda: committed(settings), 60, "a round is committed")[0]
    assert record.accepted == list(names)
    live = decode_weights(history_of(settings).models[record.new_model_sha256].weights)

    assert record.round == 1
    terms = {"enrolment_min": ENROLMENT_MIN, "learning_rate": settings.local_learning_rate}
    plan = replace(FULL, rounds=1, first_round_min=RECORDED_MIN, **terms)
    bundle = plain_bundle(0, threshold=1e9)
    model = Detector.of(bundle).model
    lines = [timeline(model, recorded(name, seed), plan, HORIZON_MIN) for seed, name in enumerate(names)]
    world = World(tuple(lines), {}, {}, (), to_event_minute(START), bundle.parameters.network)
    in_one_process = Federation(STUDIED["reconstruction"], plan, world)
    in_one_process.carry_out(Run("x", gate="live", rule="trimmed-mean", screen=True, accept=True), lambda share: None)
    for name, array in in_one_process.weights.items():
        np.testing.assert_allclose(array, live[name], atol=2e-6)
    assert max(np.abs(live[name] - array).max() for name, array in bundle.parameters.network.items()) > 5e-4
