"""The answer says what became of a message, and nothing that is in it."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest
import structlog
from hl7_messages import HEART, NOON, message, obx
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Unavailable
from contracts.metrics import INGEST_MESSAGES
from ingest.hl7.catalogue import Catalogue
from ingest.hl7.observations import ObservationReader
from ingest.hl7.receiver import Receiver
from ingest.protocol import GivenReadings, NotUsed

WHOLE = message("PID|||4711^^^H||Muster^Erika", "PV1||I|ICU^^1", obx(HEART, "80"), control_id="77")


class Delivery:
    """Takes what is delivered, or fails as told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[GivenReadings] = []

    async def __call__(self, given: Sequence[GivenReadings]) -> None:
        if self.error:
            raise self.error
        self.taken += given


def receiver(delivery: Delivery, device_from: str = "PV1-3") -> Receiver:
    return Receiver(
        ObservationReader(Catalogue(), device_from, ZoneInfo("UTC"), False, lambda: NOON), delivery, lambda: NOON
    )


def segments(answer: bytes) -> dict[str, list[str]]:
    return {line.split("|")[0]: line.split("|") for line in answer.decode().split("\r") if line}


async def answered(raw: bytes, delivery: Delivery, **options: str) -> list[str]:
    return segments(await receiver(delivery, **options).answer(raw))["MSA"]


async def test_it_is_acknowledged_once_it_is_delivered_and_never_before() -> None:
    delivery = Delivery()
    before = INGEST_MESSAGES.labels("AA")._value.get()
    assert await answered(WHOLE, delivery) == ["MSA", "AA", "77"]
    assert [each.given for each in delivery.taken] == ["ICU 1"]
    assert INGEST_MESSAGES.labels("AA")._value.get() == before + 1


async def test_the_header_of_the_answer_is_the_messages_turned_round() -> None:
    header = segments(await receiver(Delivery()).answer(WHOLE))["MSH"]
    assert header[2:6] == ["FS", "LAB", "GW", "WARD"]
    assert (header[8], header[11]) == ("ACK^R01^ACK", "2.6")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unavailable("Kafka at 10.0.0.9:9092"), "send it again"),
        (NotUsed("the clock"), "the clock"),
        (ValueError("Erika"), "error here"),
    ],
)
async def test_what_is_not_written_down_is_an_error_with_its_reason(error: Exception, said: str) -> None:
    _, code, control_id, text = await answered(WHOLE, Delivery(error))
    assert (code, control_id) == ("AE", "77")
    assert said in text
    assert "10.0.0.9" not in text
    assert "Erika" not in text


@pytest.mark.parametrize(
    ("raw", "control_id"),
    [
        (b"GET / HTTP/1.1", ""), (message(kind="ADT^A01", control_id="5"), "5"), (message(kind="ORU^R40", control_id="6"), "6"),
        (message(version="3.0", control_id="8"), "8"), (message(control_id="9") + message(), "9"),
    ],
)  # fmt: skip
async def test_what_will_never_be_taken_is_rejected(raw: bytes, control_id: str) -> None:
    assert (await answered(raw, Delivery()))[1:3] == ["AR", control_id]


async def test_a_message_that_names_no_device_says_which_field_is_empty() -> None:
    assert "OBX-18 is empty" in (await answered(WHOLE, Delivery(), device_from="OBX-18"))[3]


async def test_a_message_without_heart_or_breath_is_fine_and_nothing_is_delivered() -> None:
    delivery = Delivery()
    spo2 = message("PV1||I|1", obx("150456^MDC_PULS_OXIM_SAT_O2^MDC", "97"))
    assert (await answered(spo2, delivery))[1] == "AA"
    assert delivery.taken == []


async def test_nothing_of_a_patient_is_in_answers_or_logs() -> None:
    with structlog.testing.capture_logs() as logs:
        answers = [
            await receiver(Delivery(error)).answer(raw)
            for error in (None, NotUsed("x"), ValueError("4711"))
            for raw in (WHOLE, WHOLE.replace(b"ORU^R01", b"ADT^A01"), WHOLE[3:])
        ]
    for secret in ("Muster", "Erika", "4711", "80"):
        assert all(secret.encode() not in answer.replace(b"LAB", b"") for answer in answers), secret
        assert secret not in str(logs), secret


@given(st.binary(max_size=300), st.integers(0, len(WHOLE)))
async def test_whatever_comes_is_answered(noise: bytes, at: int) -> None:
    for raw in (noise, WHOLE[:at] + noise, WHOLE[:at] + noise + WHOLE[at:]):
        assert segments(await receiver(Delivery()).answer(raw))["MSA"][1] in {"AA", "AE", "AR"}
