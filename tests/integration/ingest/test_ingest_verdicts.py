"""Twenty beds that a gateway tells of are judged as a replay of the same minutes is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hl7_messages import HEART, PULSE, RESP, at, message, obx

from contracts.configuration.settings import Settings
from contracts.messages.verdicts import decode_scores
from replay.attacks import AttackSpec, inject
from replay.options import ReplayOptions
from replay.program import run
from replay.recording import Recording
from replay.sources.synthetic import synthetic_cohort

if TYPE_CHECKING:
    from tests.conftest import Spawn, WaitUntil
    from tests.integration.ingest.conftest import Arrived, Gateway, StartIngest

pytestmark = pytest.mark.integration

BEDS = 20
MINUTES = 420
Line = tuple[float | None, bool, str]


def cohort() -> list[Recording]:
    """Synthetic patients in the year their simulation has, a quarter of them poisoned in the last hours."""
    clean = synthetic_cohort(3, BEDS, MINUTES)
    attacked = [AttackSpec("data-poisoning-2", each.device_id, 280, 140, "strong", 1) for each in clean[::4]]
    poisoned = {spec.device: spec for spec in attacked}
    return [inject(each, poisoned[each.device_id]).recording if each.device_id in poisoned else each for each in clean]


def bed_at(recording: Recording, minute: int) -> list[str]:
    """The segments of one bed at some second of a minute; what is missing is sent without a value."""
    rows = zip(
        (HEART, RESP, PULSE),
        (recording.heart_rate_bpm, recording.resp_rate_bpm, recording.pulse_bpm),
        strict=True,
    )
    time = at((recording.first_event_minute + minute) * 60 + (minute * 7) % 60)
    said = [
        obx(code, "", status="X") if math.isnan(channel[minute]) else obx(code, str(channel[minute]))
        for code, channel in rows
        if channel is not None
    ]
    return [f"PID|||{recording.device_id}", f"PV1||I|{recording.device_id}", f"OBR|1||||||{time}", *said]


def verdicts(arrived: Arrived, settings: Settings) -> dict[tuple[str, int], Line]:
    lines: dict[tuple[str, int], Line] = {}
    for value in arrived.values(settings.topics.scores):
        batch = decode_scores(value)
        for minute, score, flagged, state in zip(
            batch.event_minute, batch.score, batch.flagged, batch.state, strict=True
        ):
            lines[batch.device_id, minute] = (score, flagged, str(state))
    return lines


def test_their_verdicts_are_those_of_a_replay_of_the_same_minutes(
    settings: Settings,
    other_settings: Settings,
    spawn: Spawn,
    start_ingest: StartIngest,
    gateway_to: type[Gateway],
    arrived_under: type[Arrived],
    wait_until: WaitUntil,
) -> None:
    recordings = cohort()
    judged = {"enrolment_min": 120, "discovery_interval_s": 0.3}
    live = settings.model_copy(update={**judged, "ingest_silence_s": 3.0})
    replayed = other_settings.model_copy(update=judged)
    for each in (live, replayed):
        spawn("worker", settings=each)

    _, port = start_ingest(live, "--any-clock")
    gateways = gateway_to(port), gateway_to(port)
    for minute in range(MINUTES):
        for number, gateway in enumerate(gateways):
            beds = [segment for each in recordings[number::2] for segment in bed_at(each, minute)]
            gateway.send(message(*beds, control_id=f"{number}-{minute}"))
    run(replayed, recordings, options=ReplayOptions(speed=None, pack_min=30))

    found = {}
    for each in (live, replayed):
        arrived = arrived_under(each)
        wait_until(lambda: len(verdicts(arrived, each)) >= BEDS * MINUTES, 90, f"{each.prefix} is judged")  # noqa: B023
        found[each.prefix] = verdicts(arrived, each)
    assert found[live.prefix].keys() == found[replayed.prefix].keys()
    for key, (score, flagged, state) in found[live.prefix].items():
        expected, *rest = found[replayed.prefix][key]
        assert [flagged, state] == rest, key
        assert (score is None) == (expected is None), key
        assert score is None or score == pytest.approx(expected, abs=1e-6), key
    decided = [line for line in found[live.prefix].values() if line[0] is not None]
    assert len(decided) >= BEDS * 10
    assert {line[1] for line in decided} == {False, True}
    for gateway in gateways:
        gateway.close()
