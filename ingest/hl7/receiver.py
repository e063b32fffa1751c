"""Answers HL7 messages: AA only once Kafka has what a message said, AE or AR with the reason otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal

import structlog

from contracts.errors import Unavailable
from contracts.metrics import INGEST_MESSAGES, INGEST_READINGS
from ingest.hl7.message import Header, Rejected, read_groups, read_header
from ingest.hl7.observations import ObservationReader
from ingest.protocol import Deliver, NotUsed
from transport.log_throttle import Throttle

log = structlog.get_logger()
Code = Literal["AA", "AE", "AR"]
LONGEST_ECHO: Final = 199
LONGEST_TEXT: Final = 250
_ESCAPES: Final = str.maketrans({"|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "\\": "\\E\\", "&": "\\T\\"})
NOT_FROM: Final = {
    "no_device": "no device: {field} is empty or no name; FEDSECURE_INGEST_DEVICE_FROM says which field names it",
    "time": "no time to the minute in OBX-14, OBR-7 or MSH-7",
}


class Receiver:
    """Takes framed messages one after the other. `wall` is in epoch seconds."""

    def __init__(self, reader: ObservationReader, deliver: Deliver, wall: Callable[[], float]) -> None:
        self._reader = reader
        self._deliver = deliver
        self._wall = wall
        self._throttle = Throttle()

    async def answer(self, raw: bytes) -> bytes:
        """Return the answer to one message. Never raises, whatever it holds."""
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
        message = self._reader.read(header, read_groups(raw, header))
        for outcome, count in message.outcomes.items():
            INGEST_READINGS.labels(outcome).inc(count)
        if message.given:
            await self._deliver(message.given)
            return
        # Every reading lacks a device or a time; a message without readings of ours is fine.
        for outcome, sentence in NOT_FROM.items():
            if message.outcomes[outcome]:
                raise NotUsed(sentence.format(field=self._reader.device_from))

    def _said(self, header: Header | None, code: Code, text: str) -> bytes:
        INGEST_MESSAGES.labels(code).inc()
        if text and self._throttle.may_say(text):
            log.warning("message_not_taken", answer=code, reason=text)
        return acknowledge(header, code, text, self._wall())


def acknowledge(header: Header | None, code: Code, text: str, now_s: float) -> bytes:
    """Return the answer to a message (`header` None: it had none that could be read). `now_s` is in epoch seconds.

    Of the message it holds the control id and, unless it is rejected, the names of sending and receiving application.
    """
    at = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%d%H%M%S+0000")
    control_id = _echo(header.control_id) if header else ""
    # In a header that is none a patient's name may stand where a program's does.
    known = header if code != "AR" else None
    ours = tuple(map(_echo, known.receiver)) if known and known.receiver[0] else ("FEDSECURE", "")
    theirs = tuple(map(_echo, known.sender)) if known else ("", "")
    version = _echo(header.version) if header and header.version else "2.6"
    own_id = _echo(f"A{control_id}")
    lines = (
        f"MSH|^~\\&|{ours[0]}|{ours[1]}|{theirs[0]}|{theirs[1]}|{at}||ACK^R01^ACK|{own_id}|P|{version}",
        f"MSA|{code}|{control_id}" + (f"|{text.translate(_ESCAPES)[:LONGEST_TEXT]}" if text else ""),
    )
    return ("\r".join(lines) + "\r").encode("utf-8", "replace")


def _echo(value: str) -> str:
    """Return a field of the message as it may stand in an answer: printable, short, in our delimiters."""
    return "".join(character for character in value if character.isprintable() and character != "|")[:LONGEST_ECHO]
