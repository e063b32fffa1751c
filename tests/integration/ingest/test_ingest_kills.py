"""Nothing acknowledged is lost: the ingest and the broker are killed while a gateway sends."""

from __future__ import annotations

import time
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from hl7_messages import HEART, RESP, minute_of

from contracts.configuration.settings import Settings
from fedsecure.local_stack import LocalStack

if TYPE_CHECKING:
    from tests.conftest import WaitUntil
    from tests.integration.ingest.conftest import Arrived, Gateway, StartIngest

pytestmark = pytest.mark.integration

MINUTES = 60
SECONDS = (5, 20, 35, 50)


def heart_of(minute: int, part: int) -> int:
    return 60 + minute % 17 + part


class Ward(Thread):
    """Two beds of which a gateway tells every 15 seconds of event time."""

    def __init__(self, gateway: Gateway, first_minute: int) -> None:
        super().__init__(daemon=True)
        self.gateway = gateway
        self.first_minute = first_minute

    def run(self) -> None:
        for minute in range(MINUTES):
            for part, second in enumerate(SECONDS):
                for bed in ("Bed 1", "Bed 2"):
                    at = (self.first_minute + minute) * 60 + second
                    rows = [(HEART, str(heart_of(minute, part))), (RESP, str(14 + part))]
                    self.gateway.send(minute_of(bed, at, rows, control_id=f"{minute}-{part}"))
        self.gateway.close()


def test_each_minute_arrives_once_and_right_though_ingest_and_broker_are_killed(
    own_stack: LocalStack,
    settings: Settings,
    start_ingest: StartIngest,
    gateway_to: type[Gateway],
    arrived: Arrived,
    wait_until: WaitUntil,
) -> None:
    first, port = start_ingest(settings.model_copy(update={"ingest_silence_s": 5.0}))
    listening_there = settings.model_copy(update={"ingest_silence_s": 5.0, "ingest_port": port})
    ward = Ward(gateway_to(port), int(time.time() // 60) - 2 * MINUTES)
    ward.start()
    wait_until(lambda: ward.gateway.acknowledged >= 100, 60, "100 messages are acknowledged")
    first.kill()
    second, _ = start_ingest(listening_there)
    wait_until(lambda: ward.gateway.acknowledged >= 200, 60, "100 more")
    own_stack.kill("kafka")
    own_stack.start("kafka")
    wait_until(lambda: ward.gateway.acknowledged >= 300, 90, "100 more")
    second.kill()
    third, _ = start_ingest(listening_there)
    ward.join(90)
    assert ward.gateway.acknowledged == 2 * MINUTES * len(SECONDS)
    assert ward.gateway.repeated > 0

    expected = {
        ward.first_minute + minute: [(sum(heart_of(minute, part) for part in range(4)) / 4, 15.5)]
        for minute in range(MINUTES)
    }
    for device_id in ("bed-1", "bed-2"):
        wait_until(lambda: len(arrived.minutes(device_id)) >= MINUTES, 30, "the last minutes are sent")  # noqa: B023
        assert arrived.minutes(device_id) == expected
        assert {(batch.session_id, batch.label) for batch in arrived.batches(device_id)} == {
            (arrived.batches(device_id)[0].session_id, device_id.replace("bed-", "Bed "))
        }
    assert third.stop(10) == 0
