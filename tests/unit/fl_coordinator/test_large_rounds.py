"""A round of two hundred devices: written a few dozen times, and gone on with when the coordinator dies between two of them."""

from __future__ import annotations

import pytest
from round_world import TOPICS, Killed, World

from contracts.configuration.settings import Settings
from contracts.messages.federation import FlEvent, RoundPhase, decode_federation
from contracts.messages.verdicts import DeviceState

DEVICES = [f"d{number:03}" for number in range(200)]


def world_of_all() -> World:
    """All answer as soon as the round is open."""
    world = World(Settings(round_quorum=50), dict.fromkeys(DEVICES, DeviceState.BENIGN))

    def everybody_answers() -> None:
        world.script.extend(world.answer(name, world.records()[-1]) for name in DEVICES)

    world.script.append(everybody_answers)
    return world


def accepted_events(world: World) -> list[str | None]:
    events = [decode_federation(FlEvent, value) for topic, value in world.sent if topic == TOPICS.fl_events]
    return [event.device_id for event in events if event.kind == "update_accepted"]


async def test_what_is_written_of_a_large_round_grows_as_its_devices_do_not_as_their_square():
    world = world_of_all()
    record = await world.coordinator().run_round(1)
    assert (record.phase, record.accepted) == (RoundPhase.COMMITTED, DEVICES)
    assert len(world.records()) < 90, "some thirty of the answers, some thirty of the measurements, and one a phase"


@pytest.mark.parametrize("sends", [100, 137, 190])
async def test_answers_that_were_not_on_record_yet_count_for_the_next_coordinator(sends: int):
    world = world_of_all()
    world.dies_at = sends
    with pytest.raises(Killed):
        await world.coordinator().run_round(1)
    on_record, taken_in = world.latest()[1].accepted, accepted_events(world)
    assert on_record == sorted(map(str, taken_in))[: len(on_record)]
    assert len(on_record) <= len(taken_in)
    world.dies_at = None
    world.script[:0] = world.delivered  # they lie on the devices' topics
    record = await world.coordinator().resume_round(world.latest()[1])
    assert (record.phase, record.accepted) == (RoundPhase.COMMITTED, DEVICES)
    assert set(record.updates) == set(DEVICES)
