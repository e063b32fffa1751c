"""HL7 messages as gateways write them, made up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

START, END = b"\x0b", b"\x1c\r"
NOON = datetime(2026, 9, 12, 12, 0, tzinfo=UTC).timestamp()


def at(seconds: float) -> str:
    """An HL7 time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S.%f")[:-2] + "+0000"


def message(
    *segments: str,
    control_id: str = "C1",
    kind: str = "ORU^R01^ORU_R01",
    version: str = "2.6",
    sent: str = "20260912120000",
) -> bytes:
    header = rf"MSH|^~\&|GW|WARD|FS|LAB|{sent}||{kind}|{control_id}|P|{version}"
    return ("\r".join((header, *segments)) + "\r").encode()


def obx(code: str, value: str, *, kind: str = "NM", unit: str = "", flags: str = "", status: str = "R", time: str = "",
        equipment: str = "") -> str:  # fmt: skip
    return f"OBX|1|{kind}|{code}|1.1.1|{value}|{unit}||{flags}|||{status}|||{time}||||{equipment}"


HEART = "147842^MDC_ECG_CARD_BEAT_RATE^MDC"
RESP = "151562^MDC_RESP_RATE^MDC"
PULSE = "149530^MDC_PULS_OXIM_PULS_RATE^MDC"


def minute_of(bed: str, seconds: float, rows: Sequence[tuple[str, str]], control_id: str) -> bytes:
    """One bed's values at one time: (identifier, value) each."""
    return message(
        "PID|1||990011^^^H^MR||Muster^Erika", f"PV1||I|{bed}", f"OBR|1|||VITALS|||{at(seconds)}",
        *(obx(code, value) for code, value in rows), control_id=control_id, sent=at(seconds),
    )  # fmt: skip
