"""A round's result counts only if the devices find it no worse, through the real Kafka and Redis."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import numpy as np
import pytest
from device_keys import private_key
from hosting import hosting, until_present
from plain_detector import plain_bundle
from small_ward import DEVICES, send_all_vitals

from contracts.messages.federation import MOST_LOSS, RoundPhase
from contracts.messages.verdicts import DeviceState
from contracts.metrics import MODEL_CHANGE
from fl_coordinator.models.lineage import model_lines
from fl_coordinator.models.registry import model_of
from fl_coordinator.program import CoordinatorProgram
from fl_coordinator.rounds import coordinator

pytestmark = pytest.mark.integration


async def finds(device, record, after: float) -> None:
    await device.send_measured(record, 1.0, after)


finds_it_worse, finds_it_better = partial(finds, after=1.5), partial(finds, after=0.5)


async def says_nothing(device, record) -> None:
    pass


def ward(bench, names: str = "abc"):
    return [bench.device(name, value) for name, value in zip(names, (1.0, 2.0, 3.0, 4.0, 5.0), strict=False)]


async def test_what_most_devices_find_worse_is_rejected_with_the_figures_and_the_former_model_stays(bench):
    measures = {"a": finds_it_worse, "b": finds_it_worse, "c": finds_it_better}
    async with bench.taking_part(*ward(bench), measures=measures):
        rounds = await bench.run_rounds(2)
    former = bench.model(0.0).sha256
    assert [(one.phase, one.reason, one.new_model_sha256) for one in rounds.values()] == [
        (RoundPhase.REJECTED, "worse", None)
    ] * 2
    assert [one.model_sha256 for one in rounds.values()] == [former] * 2
    assert rounds[1].candidate_sha256 == bench.model(2.0).sha256
    assert (rounds[1].change, rounds[1].tolerance) == (0.5, bench.settings.model_tolerance)
    assert {name: one.loss_after for name, one in rounds[1].measurements.items()} == {"a": 1.5, "b": 1.5, "c": 0.5}
    assert list(await bench.models()) == [former], "a rejected candidate takes no place of a model that counts"
    (event, _) = await bench.events("round_rejected")
    assert (event.reason, event.detail["change"], event.detail["candidate"]) == (
        "worse",
        0.5,
        rounds[1].candidate_sha256,
    )
    assert MODEL_CHANGE._value.get() == 0.5
    states = [(line.state, line.change) for line in model_lines(rounds, await bench.models())]
    assert states == [("current", None), ("rejected", 0.5)]


async def test_one_liar_of_three_decides_nothing(bench):
    async with bench.taking_part(*ward(bench), measures={"c": partial(finds, after=MOST_LOSS)}):
        record = (await bench.run_rounds())[1]
    assert (record.phase, record.change) == (RoundPhase.COMMITTED, 0.0)
    assert len(record.measurements) == 3


async def test_an_attacked_majority_of_a_quorum_is_outvoted_by_those_that_were_not_drawn(bench):
    """Two of the three that were drawn poison the model and say that it is good. Three of five know better."""
    names = "abcde"
    first, second, honest = random.Random(1).sample(names, 3)  # as the first round draws
    measures = dict.fromkeys(names, finds_it_worse) | {first: finds_it_better, second: finds_it_better}
    async with bench.taking_part(*ward(bench, names), measures=measures):
        record = (await bench.run_rounds(round_target=3, round_over_selection=1.0))[1]
    assert sorted(record.accepted) == sorted([first, second, honest])
    assert sorted(record.measurements) == list(names)
    assert (record.phase, record.reason, record.change) == (RoundPhase.REJECTED, "worse", 0.5)


async def test_when_too_few_devices_measure_nothing_is_accepted(bench):
    async with bench.taking_part(*ward(bench), measures={"b": says_nothing, "c": says_nothing}):
        record = (await bench.run_rounds(validation_deadline_s=1.0))[1]
    assert (record.phase, record.reason) == (RoundPhase.SKIPPED, "too_few_measurements")
    assert (list(record.measurements), record.new_model_sha256) == (["a"], None)


async def test_what_a_device_that_is_flagged_meanwhile_had_part_in_does_not_count_and_is_made_anew_without_it(bench):
    async def is_flagged(device, record) -> None:
        bench.set_status("a", state=DeviceState.SUSPECT)
        await device.send_measured(record)

    async with bench.taking_part(*ward(bench), measures={"b": is_flagged}):
        record = (await bench.run_rounds())[1]
    assert (record.phase, record.accepted, record.excluded) == (RoundPhase.COMMITTED, ["b", "c"], {"a": "suspect"})
    assert (record.new_model_sha256, sorted(record.measurements)) == (bench.model(2.5).sha256, ["b", "c"])
    assert list(await bench.models()) == [bench.model(0.0).sha256, bench.model(2.5).sha256]


async def test_measurements_that_break_the_rules_are_refused_and_set_aside(bench):
    async def misbehaves(device, record) -> None:
        await device.send_measured(record, device_id="b")
        await device.send_measured(record, candidate_sha256="0" * 64)
        await device.send_measured(record, after=2 * MOST_LOSS)
        await device.send_measured(record, after=-1.0)
        await device.send_measured(record, round=record.round + 1)
        await device.send_raw(b'{"kind": "measurement"}')
        device.key = private_key("somebody")
        await device.send_measured(record)

    async with bench.taking_part(*ward(bench), measures={"c": misbehaves}):
        record = (await bench.run_rounds(validation_deadline_s=3.0))[1]
    assert (record.phase, sorted(record.measurements)) == (RoundPhase.COMMITTED, ["a", "b"])
    assert sorted(event.reason for event in await bench.events("update_refused")) == sorted(
        ["wrong_device", "wrong_candidate", "bad_loss", "bad_loss", "wrong_round", "bad_message", "unknown_key"]
    )


async def test_weights_that_are_no_numbers_are_rejected_without_asking_anybody(bench, monkeypatch):
    monkeypatch.setattr(coordinator, "aggregate_stack", lambda *_: {"w": np.float32([0, np.nan, 0])})
    devices = ward(bench)
    async with bench.taking_part(*devices):
        record = (await bench.run_rounds())[1]
    assert (record.phase, record.reason, record.new_model_sha256) == (RoundPhase.REJECTED, "not_finite", None)
    assert [device.asked for device in devices] == [[], [], []]


@pytest.mark.parametrize("learning_rate", [1.0, 1e30])
async def test_devices_that_train_with_an_absurd_learning_rate_make_no_model(federation, bench, learning_rate):
    """The devices measure for themselves. At 1e30 some training diverges to no number at all, and has no answer."""
    settings = federation.model_copy(update={"local_learning_rate": learning_rate, "round_deadline_s": 10.0})
    initial = plain_bundle(0).parameters.network
    await send_all_vitals(settings, {device_id: seed for seed, device_id in enumerate(DEVICES)})
    async with asyncio.timeout(120), hosting(settings):
        await until_present(settings, DEVICES)
        for device_id in DEVICES:
            bench.set_status(device_id)
        await CoordinatorProgram(settings, lambda: initial, rounds_limit=2).run(asyncio.Event())
    rounds = await bench.rounds()
    assert {one.model_sha256 for one in rounds.values()} == {model_of(initial, 0).sha256}
    assert {one.new_model_sha256 for one in rounds.values()} == {None}
    if learning_rate == 1.0:
        assert [(one.phase, one.reason) for one in rounds.values()] == [(RoundPhase.REJECTED, "worse")] * 2
        assert all(len(one.measurements) == len(DEVICES) and one.change > 0.02 for one in rounds.values())
