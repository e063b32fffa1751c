"""Every setting of every program, read from the environment (prefix FEDSECURE_) once at start."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AliasChoices,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contracts.errors import Misconfigured
from contracts.redis_keys import RedisKeys
from contracts.rule_names import RuleName
from contracts.topics import Topics


class Settings(BaseSettings):
    """All programs' settings; a program reads only the fields it needs. Raises Misconfigured naming each wrong variable."""

    model_config = SettingsConfigDict(env_prefix="FEDSECURE_", frozen=True, populate_by_name=True, extra="ignore")

    # Where the services are
    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:9092", validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers")
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0", validation_alias=AliasChoices("REDIS_URL", "redis_url"), repr=False
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: str = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: Path | None = None
    redis_ca_file: Path | None = None
    blob_dir: Path | None = Field(
        None, description="weights in files of this folder, which coordinator and devices must share, not in Redis"
    )
    prefix: str = Field("fedsecure", pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    topic_layout: Literal["per-patient", "shared"] = "per-patient"
    shared_partitions: int = Field(8, ge=1)

    # Metrics and probes: 0 takes a free port, unset serves none
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(None, ge=0, le=65535)
    max_device_series: int = Field(200, ge=0, description="above this many devices no per-device metric is exported")

    # Workers
    worker_group: str = "fedsecure-workers"
    worker_id: str | None = Field(None, description="set for static group membership")
    devices: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="edge mode: judge these only, without a group"
    )
    bundle_dir: Path | None = Field(None, description="a bundle other than the one that ships")
    rule: RuleName = Field("common-scale", description="how scores become votes; paper-fig3 is the paper's threshold")
    enrolment_min: int = Field(600, ge=120, description="valid minutes before a device's profile is frozen")
    session_timeout_s: float = Field(10.0, gt=0)
    batch_max_messages: int = Field(512, ge=1)
    batch_wait_s: float = Field(0.05, gt=0)
    discovery_interval_s: float = Field(1.0, gt=0)
    max_invalid_in_row: int = Field(20, ge=1)
    stale_cap_s: float = Field(2100.0, gt=0)

    # Federation
    round_interval_s: float = Field(60.0, gt=0)
    round_deadline_s: float = Field(20.0, gt=0)
    round_quorum: int = Field(3, ge=1)
    aggregation: str = Field("trimmed-mean", description="the rule that makes one model of the updates")
    round_target: int | None = Field(None, ge=1, description="answers that are enough; unset: all that come in time")
    round_over_selection: float = Field(1.3, ge=1, description="with a target: so many times as many are asked")
    coordinator_lease_s: float = Field(10.0, ge=1, description="silence after which another coordinator takes over")
    local_epochs: int = Field(1, ge=1)
    local_batch_size: int = Field(32, ge=1)
    local_learning_rate: float = Field(1e-3, gt=0)
    proximal_mu: float = Field(
        0.0, ge=0, description="FedProx: how strongly local training is held to the global model"
    )
    dp_clip: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="the longest an update may leave its device (L2 norm); unset: as it is",
    )
    dp_noise: float = Field(0.0, ge=0, allow_inf_nan=False, description="noise on it, in clips (its deviation)")
    presence_s: float = Field(15.0, ge=1, description="a device host unheard of for so long takes no part in rounds")
    local_max_windows: int = Field(256, ge=1)
    vote_horizon_min: int = Field(120, ge=0)
    device_key_dir: Path | None = Field(None, description="devices' private keys; by default in the state folder")
    register_new_devices: bool = Field(
        default=False, description="a device host may register keys for devices that have none: for trials only"
    )

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_sentence(cls, values: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return check(values)
        except ValidationError as error:
            wrong = (f"{_variable(found['loc'][0])}: {found['msg']}" for found in error.errors(include_input=False))
            raise Misconfigured("; ".join(wrong)) from None

    @field_validator("devices", mode="before")
    @classmethod
    def _split_devices(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("dp_noise")
    @classmethod
    def _needs_a_clip(cls, noise: float, others: ValidationInfo) -> float:
        if noise > 0 and others.data.get("dp_clip", 1.0) is None:
            raise ValueError("noise is measured in clips: set FEDSECURE_DP_CLIP (--dp-clip) too")
        return noise

    @cached_property
    def topics(self) -> Topics:
        return Topics(self.prefix)

    @cached_property
    def redis_keys(self) -> RedisKeys:
        return RedisKeys(self.prefix)


def _variable(name: int | str) -> str:
    """Return the environment variable of a field; a field with a name of its own comes under that already."""
    text = str(name)
    return text if text.isupper() else f"FEDSECURE_{text.upper()}"
