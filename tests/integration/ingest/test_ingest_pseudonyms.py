"""With the site's key no name and no number of a patient leaves the process, whatever a message holds."""

from __future__ import annotations

import socket
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hl7_messages import HEART, RESP, at, message, obx
from kafka import KafkaAdminClient

from contracts.configuration.settings import Settings
from transport.kafka.options import kafka_python_options

if TYPE_CHECKING:
    from tests.conftest import WaitUntil
    from tests.integration.ingest.conftest import Arrived, StartIngest

pytestmark = pytest.mark.integration

SECRETS = (b"4711007", b"Muster", b"Erika", b"Bett 9")


def messages(now_s: float) -> list[bytes]:
    """One bed's two minutes, and messages of the same patient that are refused in every way there is."""
    patient = "PID|1||4711007^^^H^MR||Muster^Erika^^^", "PV1||I|ICU^^Bett 9"
    whole = [
        message(*patient, f"OBR|1||||||{at(now_s + later)}", obx(HEART, "77"), obx(RESP, "17"), control_id=str(later))
        for later in (-300, -200)
    ]
    return [
        *whole,
        message(*patient, f"OBR|1||||||{at(now_s - 200_000)}", obx(HEART, "77")),
        message(*patient, obx(HEART, "77", time="Erika")),
        message("PV1||I|ICU^^Bett 9", "NTE|1||Erika Muster 4711007", f"OBR|1||||||{at(now_s)}", obx(HEART, "77")),
        message(*patient, kind="ADT^A01"),
        message(*patient)[9:],
        b"MSH|^~\\&|" + b"\xff" * 20 + b"Muster",
    ]


def exchanged(port: int, sent: list[bytes]) -> bytes:
    answers = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as gateway:
        for each in sent:
            gateway.sendall(b"\x0b" + each + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                answer += gateway.recv(4096)
            answers += answer
    return answers


def test_nothing_of_a_patient_is_in_kafka_answers_log_or_metrics(
    settings: Settings, start_ingest: StartIngest, arrived: Arrived, wait_until: WaitUntil, tmp_path: Path
) -> None:
    key = tmp_path / "site.key"
    key.write_text("0123456789abcdef0123456789abcdef")
    program, port = start_ingest(
        settings.model_copy(update={"ingest_silence_s": 1.0, "metrics_port": 0}),
        "--pseudonym-key-file", str(key), "--device-from", "PID-3",
    )  # fmt: skip
    answers = exchanged(port, messages(time.time()))
    assert [answers.count(f"MSA|{code}".encode()) for code in ("AA", "AE", "AR")] == [2, 3, 3]

    admin = KafkaAdminClient(**kafka_python_options(settings))
    topics = [topic for topic in admin.list_topics() if topic.startswith(f"{settings.prefix}.")]
    admin.close()
    (vitals,) = [topic for topic in topics if topic.startswith(settings.topics.vitals_prefix)]
    wait_until(lambda: list(arrived.values(vitals)), 30, "its minutes are sent")
    assert settings.topics.device_of_vitals(vitals).startswith("d-")
    kafka = b"".join(
        [*(topic.encode() for topic in topics), *(value for topic in topics for value in arrived.values(topic))]
    )
    metrics_port = (
        next(line for line in program.log.splitlines() if "probes_listen" in line).split('"port": ')[1].split(",")[0]
    )
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=5) as page:
        metrics = page.read()
    assert program.stop(10) == 0
    for secret in (*SECRETS, key.read_bytes()):
        for where, said in (
            ("Kafka", kafka),
            ("answers", answers),
            ("log", program.log.encode()),
            ("metrics", metrics),
        ):
            assert secret not in said, (secret, where)
