"""The device host as a program: it finds its devices, trains on their own clean windows and answers real rounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from random_bundle import random_bundle

from contracts.event_time import to_event_minute
from contracts.federation import RoundPhase, RoundRecord
from contracts.settings import Settings
from contracts.vitals import VitalsBatch, encode_vitals
from detectors.bundle import save_bundle
from detectors.model import Model
from detectors.scoring.runtime import Reconstructor
from detectors.weight_layout import autoencoder_shapes
from experiments.federation_engine import Federation, World
from experiments.federation_plan import FULL, Run
from experiments.federation_timeline import timeline
from fl_coordinator.history import History, read_history
from fl_coordinator.program import CoordinatorProgram
from fl_device.key_folder import KeyFolder
from fl_device.program import DeviceProgram
from fl_device.reconstruction import Reconstruction
from replay.recording import Recording
from transport.publisher import Publisher
from transport.redis_client import connect_redis
from transport.topic_admin import ensure_topics
from transport.weights import decode_weights, encode_weights

pytestmark = pytest.mark.integration

DEVICES = ("p1", "p2", "p3", "p4", "p5")
ENROLMENT_MIN, HORIZON_MIN, RECORDED_MIN, PACK = 120, 60, 400, 20
START = datetime(2150, 1, 1, tzinfo=UTC)


@pytest.fixture
def federation(settings: Settings, tmp_path) -> Settings:
    """Settings of a small federation whose detector never flags: its devices are benign once enrolled."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    save_bundle(random_bundle(0, threshold=1e9), folder)
    return settings.model_copy(
        update={
            "bundle_dir": folder, "enrolment_min": ENROLMENT_MIN, "vote_horizon_min": HORIZON_MIN,
            "round_interval_s": 1.0, "round_quorum": 5, "device_key_dir": tmp_path / "keys",
            "register_new_devices": True,
        }
    )  # fmt: skip


def recorded(device_id: str, seed: int, minutes: int = RECORDED_MIN) -> Recording:
    minute = np.arange(minutes)
    noise = np.random.default_rng(seed).normal(0, 1, (2, minutes))
    heart = 80 + 8 * np.sin(minute / 90 + seed) + noise[0]
    breath = 17 + 2 * np.sin(minute / 50 + seed) + noise[1]
    return Recording(device_id, to_event_minute(START), heart, breath)


async def send_vitals(settings: Settings, device_id: str, seed: int, recorded_min: int = RECORDED_MIN) -> None:
    ensure_topics(settings, [settings.topics.vitals_spec(device_id)])
    recording = recorded(device_id, seed, recorded_min)
    heart, breath = recording.heart_rate_bpm, recording.resp_rate_bpm
    async with Publisher(settings) as publisher:
        for start in range(0, recorded_min, PACK):
            batch = VitalsBatch(
                device_id=device_id,
                session_id=1,
                observed_at=START + timedelta(minutes=start),
                heart_rate_bpm=heart[start : start + PACK].tolist(),
                resp_rate_bpm=breath[start : start + PACK].tolist(),
                batch_interval_s=1.0,
                sent_at=time.time(),
            )
            await publisher.send(settings.topics.vitals(device_id), device_id, encode_vitals(batch))


def history_of(settings: Settings) -> History:
    return asyncio.run(read_history(settings))


def committed(settings: Settings) -> list[RoundRecord]:
    records = history_of(settings).rounds.values()
    return [record for record in records if record.phase is RoundPhase.COMMITTED]


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
    model = history_of(settings).models[rounds[-1].new_model_sha256]
    assert {name: array.shape for name, array in decode_weights(model.weights).items()} == autoencoder_shapes()


def test_a_device_that_nobody_registered_is_named_with_the_command_that_registers_it(
    federation, bench, spawn, wait_until
):
    settings = federation.model_copy(update={"register_new_devices": False, "round_quorum": 1})
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
    settings = federation.model_copy(update={"round_quorum": 1, "round_deadline_s": 60.0, "aggregation": "fedavg"})
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
    plan = replace(FULL, rounds=1, first_round_min=RECORDED_MIN, enrolment_min=ENROLMENT_MIN)
    bundle = random_bundle(0, threshold=1e9)
    model = Model(Reconstructor(bundle.autoencoder, bundle.blind_spot), bundle.knowledge)
    lines = [timeline(model, recorded(name, seed), plan, HORIZON_MIN) for seed, name in enumerate(names)]
    world = World(tuple(lines), {}, {}, (), to_event_minute(START), bundle.autoencoder)
    in_one_process = Federation(Reconstruction(), plan, world)
    in_one_process.carry_out(Run("x", gate="live", rule="trimmed-mean", screen=True), lambda share: None)
    for name, array in in_one_process.weights.items():
        np.testing.assert_allclose(array, live[name], atol=2e-6)
    assert max(np.abs(live[name] - array).max() for name, array in bundle.autoencoder.items()) > 1e-3


# --- a host that dies, restarts, leaves, or has a wrong clock -----------------------------------------------------


@asynccontextmanager
async def hosting(settings: Settings, clock_off_s: float = 0.0) -> AsyncIterator[None]:
    """A host in this process, with a clock of its own, asked to stop at the end."""
    stop = asyncio.Event()
    host = DeviceProgram(
        settings, None, KeyFolder(settings.device_key_dir), clock=lambda: time.time() + clock_off_s
    )  # fmt: skip
    running = asyncio.create_task(host.run(stop))
    try:
        while host.not_ready_because():
            assert not running.done(), await running
            await asyncio.sleep(0.05)
        yield
    finally:
        stop.set()
        await running


async def answers_of(bench, device_id: str) -> list[bytes]:
    return [record.value for record in await bench.records(bench.settings.topics.fl_updates(device_id))]


@pytest.mark.parametrize("clock_off_s", [-7 * 3600.0, 3600.0], ids=["hours-behind", "an-hour-ahead"])
async def test_a_host_whose_clock_is_hours_wrong_takes_part_in_every_round(federation, bench, clock_off_s):
    settings = federation.model_copy(update={"round_quorum": 1, "aggregation": "fedavg"})
    bundle = random_bundle(0)
    await send_vitals(settings, "p1", seed=3)
    async with asyncio.timeout(90), hosting(settings, clock_off_s):
        await until_present(bench, "p1")
        coordinator = CoordinatorProgram(settings, lambda: bundle.autoencoder, rounds_limit=2)
        await coordinator.run(asyncio.Event())
    assert [(one.phase, one.accepted) for one in (await bench.rounds()).values()] == [
        (RoundPhase.COMMITTED, ["p1"])
    ] * 2


async def test_a_restarted_host_answers_no_round_twice_and_one_that_leaves_is_not_waited_for(federation, bench):
    settings = federation.model_copy(
        update={"round_quorum": 2, "aggregation": "fedavg", "round_deadline_s": 60.0, "round_interval_s": 0.3}
    )
    bundle = random_bundle(0)
    restarted = asyncio.Event()

    async def once_the_host_is_back(device, record) -> None:
        await restarted.wait()
        await device.send(record, blob=encode_weights(bundle.autoencoder))

    await send_vitals(settings, "p1", seed=3)
    coordinator = CoordinatorProgram(settings, lambda: bundle.autoencoder, rounds_limit=1)
    answers = {"hand": once_the_host_is_back}
    async with asyncio.timeout(120), bench.taking_part(bench.device("hand", 1.0), answers=answers):
        async with hosting(settings):
            await until_present(bench, "p1")
            running = asyncio.create_task(coordinator.run(asyncio.Event()))
            while not (sent := await answers_of(bench, "p1")):
                await asyncio.sleep(0.1)
        with connect_redis(settings) as redis:
            assert not redis.exists(settings.redis_keys.presence("p1"))
        await send_vitals(settings, "p1", seed=3, recorded_min=2 * PACK)  # it would train differently now
        async with hosting(settings):
            await until_present(bench, "p1")
            restarted.set()
            await running
        assert await answers_of(bench, "p1") == sent
    record = (await bench.rounds())[1]
    assert (record.phase, record.accepted) == (RoundPhase.COMMITTED, ["hand", "p1"])


async def until_present(bench, device_id: str) -> None:
    """Wait until a host says that it runs the device, and let it stand benign."""
    with connect_redis(bench.settings) as redis:
        while not redis.exists(bench.settings.redis_keys.presence(device_id)):
            await asyncio.sleep(0.05)
    bench.set_status(device_id)


def test_a_host_killed_while_it_trains_answers_the_open_round_after_its_restart(federation, bench, spawn, wait_until):
    settings = federation.model_copy(
        update={"round_quorum": 1, "aggregation": "fedavg", "round_deadline_s": 90.0, "local_epochs": 400}
    )
    asyncio.run(send_vitals(settings, "p1", seed=3))
    host = spawn("device", "--all", settings=settings)
    wait_until(lambda: "devices_hosted" in host.log, 90, "the device is hosted")
    bench.set_status("p1")
    coordinator = spawn("coordinator", settings=settings)
    wait_until(
        lambda: "cohort=['p1']" in coordinator.log or '"cohort": ["p1"]' in coordinator.log, 30, "a round is open"
    )
    host.kill()
    killed_in = history_of(settings).last_round
    assert asyncio.run(answers_of(bench, "p1")) == []
    spawn("device", "--all", settings=settings)
    record = wait_until(lambda: committed(settings), 90, "the round is committed")[0]
    assert (record.round, record.accepted) == (killed_in, ["p1"])
    assert len(asyncio.run(answers_of(bench, "p1"))) >= 1
