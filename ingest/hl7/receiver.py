"""Answers HL7 messages: AA only once Kafka has what a message said, AE or AR with the reason otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from contracts.errors import Unavailable
from contracts.metrics import INGEST_MESSAGES, INGEST_READINGS
from ingest.hl7.answers import Code, acknowledge
from ingest.hl7.message import Header, Rejected, read_groups, read_header
from ingest.hl7.observations import Finder, Found
from ingest.protocol import Deliver, NotUsed
from transport.log_throttle import Throttle

log = structlog.get_logger()
NOT_FROM: Final = {
    "no_device": "no device: {field} is empty or no name; FEDSECURE_INGEST_DEVICE_FROM says which field names it",
    "time": "no time to the minute in OBX-14, OBR-7 or MSH-7",
}


class Receiver:
    """Takes framed messages one after the other; `wall` is in epoch seconds."""

    def __init__(self, finder: Finder, deliver: Deliver, wall: Callable[[], float]) -> None:
        self._finder = finder
        self._deliver = deliver
        self._wall = wall
        self._throttle = Throttle()

    async def answer(self, raw: bytes) -> bytes:
        """Return the answer to one message; never raises, whatever it holds."""
        header: Header | None = None
        try:
            header = read_header(raw)
            await self._deliver_all(header, raw)
        except Rejected as error:
            return self._said(header, "AR", str(error))
        except NotUsed as error:
            return self._said(header, "AE", str(error))
        except Unavailable:
            return self._said(header, "AE", "not written down, Kafka does not answer: send it again")
        except Exception as error:  # noqa: BLE001 - one message must not end the gateway's connection; its text may name a patient
            log.error("message_failed", error=type(error).__name__)  # noqa: TRY400 - a traceback may too
            return self._said(header, "AE", "an error here, not in the message; see the ingest's log")
        return self._said(header, "AA", "")

    def refuse(self, beginning: bytes, why: str) -> bytes:
        """Return the answer to a message that is not read to its end."""
        try:
            header = read_header(beginning)
        except Rejected:
            header = None
        return self._said(header, "AR", why)

    async def _deliver_all(self, header: Header, raw: bytes) -> None:
        kind = header.message_type.split(header.component)
        if kind[:2] not in (["ORU", "R01"], ["ORU"]):
            raise Rejected("only ORU^R01 is taken here (MSH-9)")
        if header.version and not header.version.startswith("2."):
            raise Rejected("only HL7 version 2 is taken here (MSH-12)")
        found = self._finder.find(header, read_groups(raw, header))
        for outcome, count in found.outcomes.items():
            INGEST_READINGS.labels(outcome).inc(count)
        if found.given:
            await self._deliver(found.given)
        else:
            self._nothing(found)

    def _nothing(self, found: Found) -> None:
        """Refuse a message whose every reading lacks a device or a time; one without readings of ours is fine."""
        for outcome, sentence in NOT_FROM.items():
            if found.outcomes[outcome]:
                raise NotUsed(sentence.format(field=self._finder.device_from))

    def _said(self, header: Header | None, code: Code, text: str) -> bytes:
        INGEST_MESSAGES.labels(code).inc()
        if text and self._throttle.may_say(text):
            log.warning("message_not_taken", answer=code, reason=text)
        return acknowledge(header, code, text, self._wall())
