"""The settings of an ingest: where it listens, what it takes for a device's name, what it bounds."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings


class IngestSettings(BaseSettings):
    """A part of `contracts.configuration.settings.Settings`, which gives the variables their prefix."""

    ingest_host: str = Field("127.0.0.1", description="address an ingest listens on for the monitors' gateway")
    ingest_port: int | None = Field(
        None, ge=0, le=65535, description="port for it; 0 takes a free one, unset the protocol's own (hl7: 2575)"
    )
    ingest_name: str = Field(
        "hl7",
        pattern=r"^[a-z0-9][a-z0-9-]{0,40}$",
        description="names an ingest's journal topic: an ingest that is started again under its name goes on there",
    )
    ingest_device_from: str | None = Field(
        None, description="the field that names the device, hl7: PV1-3 (the bed, unless set), OBX-18 or PID-3"
    )
    ingest_zone: str = Field("UTC", description="time zone of times that name none, as Europe/Berlin")
    ingest_mapping_file: Path | None = Field(None, description="a vendor's own codes, YAML")
    ingest_pseudonym_key_file: Path | None = Field(
        None, description="the site's key: devices are then called by an HMAC of their name, which stays here"
    )
    ingest_keep_test_data: bool = Field(
        default=False, description="use values marked as test, demonstration or calibration"
    )
    ingest_any_clock: bool = Field(
        default=False, description="take times more than a day from now: to play recorded messages"
    )
    ingest_max_message_bytes: int = Field(
        1_048_576, ge=1024, le=16_777_216, description="a longer message is refused and its connection closed"
    )
    ingest_max_connections: int = Field(200, ge=1, le=10_000, description="connections at once; more are closed")
    ingest_max_devices: int = Field(
        2000, ge=1, le=100_000, description="devices since the start; values of more are refused"
    )
    ingest_message_within_s: float = Field(
        30.0, gt=0, le=86_400, description="a message that has begun must end within so long"
    )
    ingest_grace_s: float = Field(
        10.0, ge=0, le=3_600, description="event time after a minute's end in which its values may still come"
    )
    ingest_silence_s: float = Field(
        90.0, gt=0, le=86_400, description="wall time without a new value after which a minute is sent as it is"
    )
    ingest_tls_cert_file: Path | None = Field(None, description="the ingest's certificate, PEM: connections are TLS")
    ingest_tls_key_file: Path | None = Field(
        None, validate_default=True, description="the key of that certificate, PEM"
    )
    ingest_tls_client_ca_file: Path | None = Field(
        None, description="gateways need a certificate that this CA signed, PEM"
    )

    @field_validator("ingest_zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, OSError, ValueError):  # the first is ZoneInfo's for a name that it does not know
            raise ValueError(f"there is no time zone {zone!r}; use an IANA name, as UTC or Europe/Berlin") from None
        return zone

    @field_validator("ingest_tls_key_file")
    @classmethod
    def _goes_with_its_certificate(cls, key: Path | None, others: ValidationInfo) -> Path | None:
        if (key is None) != (others.data.get("ingest_tls_cert_file") is None):
            raise ValueError(
                "a certificate and its key go together: set FEDSECURE_INGEST_TLS_CERT_FILE too, or neither"
            )
        return key

    @field_validator("ingest_tls_client_ca_file")
    @classmethod
    def _needs_tls(cls, ca: Path | None, others: ValidationInfo) -> Path | None:
        if ca is not None and others.data.get("ingest_tls_cert_file") is None:
            raise ValueError("certificates of gateways need TLS: set FEDSECURE_INGEST_TLS_CERT_FILE and its key too")
        return ca
