"""Settings that cannot go together, and numbers that make no sense, are refused at the start with every variable named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.configuration.settings import Settings, variable_of
from contracts.errors import Misconfigured
from transport.kafka.options import aiokafka_options, kafka_python_options
from transport.redis_client import connect_redis, connect_redis_async

NUMBERS = [
    name
    for name, field in Settings.model_fields.items()
    if {int, float} & {field.annotation, *getattr(field.annotation, "__args__", ())}
]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"round_target": 2, "round_quorum": 3}, {"FEDSECURE_ROUND_TARGET", "FEDSECURE_ROUND_QUORUM"}),
        ({"redis_ca_file": "ca.pem"}, {"FEDSECURE_REDIS_CA_FILE", "REDIS_URL"}),
        ({"kafka_ca_file": "ca.pem"}, {"FEDSECURE_KAFKA_CA_FILE", "FEDSECURE_KAFKA_SECURITY_PROTOCOL"}),
        ({"kafka_username": "u", "kafka_password": "p"}, {"KAFKA_USERNAME", "KAFKA_PASSWORD", "FEDSECURE_KAFKA_SECURITY_PROTOCOL"}),
        ({"kafka_username": "u", "kafka_security_protocol": "SASL_SSL"}, {"FEDSECURE_KAFKA_PASSWORD"}),
        ({"kafka_password": "p", "kafka_security_protocol": "SASL_SSL"}, {"FEDSECURE_KAFKA_USERNAME"}),
        ({"kafka_security_protocol": "SASL_PLAINTEXT"}, {"FEDSECURE_KAFKA_USERNAME", "FEDSECURE_KAFKA_PASSWORD"}),
        ({"dp_noise": 0.1}, {"FEDSECURE_DP_NOISE", "FEDSECURE_DP_CLIP"}),
        ({"batch_wait_s": 10.0, "session_timeout_s": 10.0}, {"FEDSECURE_BATCH_WAIT_S", "FEDSECURE_SESSION_TIMEOUT_S"}),
        ({"batch_wait_s": 5.0, "stale_cap_s": 5.0}, {"FEDSECURE_BATCH_WAIT_S", "FEDSECURE_STALE_CAP_S"}),
        ({"console_token": "x" * 20, "console_token_file": "f"}, {"FEDSECURE_CONSOLE_TOKEN", "FEDSECURE_CONSOLE_TOKEN_FILE"}),
        ({"console_tls_cert_file": "c"}, {"FEDSECURE_CONSOLE_TLS_CERT_FILE", "FEDSECURE_CONSOLE_TLS_KEY_FILE"}),
        ({"console_tls_key_file": "k"}, {"FEDSECURE_CONSOLE_TLS_CERT_FILE", "FEDSECURE_CONSOLE_TLS_KEY_FILE"}),
    ],
)  # fmt: skip
def test_a_pair_that_cannot_work_is_refused_and_both_are_named(given: dict[str, Any], named: set[str]) -> None:
    with pytest.raises(Misconfigured) as wrong:
        Settings(**given)
    assert all(name in str(wrong.value) for name in named), wrong.value


def test_pairs_that_work_are_taken() -> None:
    Settings(round_target=3, round_quorum=3)
    Settings(redis_ca_file=Path("ca.pem"), redis_url="rediss://h")
    Settings(kafka_security_protocol="SASL_SSL", kafka_username="u", kafka_password="p", kafka_ca_file=Path("ca.pem"))
    Settings(dp_noise=0.1, dp_clip=1.0)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "-1", "1e300", "9" * 30, "one"])
def test_a_number_that_makes_no_sense_is_refused_by_its_variable(
    name: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable_of(name), number)
    with pytest.raises(Misconfigured, match=f"^{variable_of(name)}: ") as wrong:
        Settings()
    assert "\n" not in str(wrong.value)


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(variable_of(name), "")
    assert Settings().model_fields_set == set()


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"", "PEM"), (b"\x00\xff" * 99, "PEM"), ("folder", "cannot be read")],
)
def test_a_ca_file_that_is_none_is_named(tmp_path: Path, content: bytes | str | None, said: str) -> None:
    file = tmp_path / "ca.pem"
    if content == "folder":
        file.mkdir()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    kafka = Settings(kafka_security_protocol="SSL", kafka_ca_file=file)
    redis = Settings(redis_url="rediss://h", redis_ca_file=file)
    for make, settings in (
        (aiokafka_options, kafka),
        (kafka_python_options, kafka),
        (connect_redis, redis),
        (connect_redis_async, redis),
    ):
        with pytest.raises(Misconfigured, match=f"_CA_FILE: .*ca.pem .*{said}"):
            make(settings)
