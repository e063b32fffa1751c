"""The settings by what they are for. A function takes the part that it reads."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from contracts.configuration.addresses import checked_brokers, parse_redis
from contracts.configuration.ingest import IngestSettings
from contracts.messages.federation import TaskName
from contracts.messages.verdicts import RuleName
from contracts.redis_keys import RedisKeys
from contracts.topics import Topics


def _names_of(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names_of)]
"""Names with commas between."""


class ServiceSettings(BaseSettings):
    """Where the services are, and what is called how there."""

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:9092",
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers"),
        description="where Kafka is, host:port (IPv6: [::1]:9092), several with commas",
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        repr=False,
        description="where Redis is, or Sentinels that know (redis+sentinel://HOST:26379,HOST:26379/NAME/0); may hold a password (/ # ? @ in it as %2F %23 %3F %40), never shown",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how clients speak to Kafka"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how clients log in to Kafka, with SASL_*"
    )
    kafka_username: str | None = Field(None, description="the principal of this program")
    kafka_password: SecretStr | None = Field(None, description="its password; never logged")
    kafka_ca_file: Path | None = Field(None, description="the CA that signed the broker's certificate, PEM")
    redis_ca_file: Path | None = Field(
        None, description="the same for Redis; needs a rediss:// or rediss+sentinel:// URL"
    )
    blob_dir: Path | None = Field(
        None, description="weights in files of this folder, which coordinator and devices must share, not in Redis"
    )
    prefix: str = Field(
        "fedsecure",
        pattern=r"^[a-z0-9][a-z0-9-]{0,40}$",
        description="begins every topic and Redis key of an installation",
    )
    topic_layout: Literal["per-patient", "shared"] = Field(
        "per-patient", description="a vitals topic each, or one keyed topic for thousands of devices"
    )
    shared_partitions: int = Field(
        8, ge=1, le=10_000, description="partitions of that one topic: the most workers that can share it"
    )

    @field_validator("redis_url")
    @classmethod
    def _check_redis(cls, url: str) -> str:
        parse_redis(url)
        return url

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _check_kafka(cls, servers: str) -> str:
        return checked_brokers(servers)

    @cached_property
    def topics(self) -> Topics:
        return Topics(self.prefix)

    @cached_property
    def redis_keys(self) -> RedisKeys:
        return RedisKeys(self.prefix)


class RecordingSettings(BaseSettings):
    """Where the demo's recordings come from."""

    offline: bool = Field(
        default=False, description="never fetch the demo's recordings: synthetic patients take their places"
    )
    records_url: str | None = Field(
        None, description="a server laid out as PhysioNet's that the demo's recordings are fetched from instead"
    )


class ProbeSettings(BaseSettings):
    """Where a program shows its metrics and its health."""

    metrics_host: str = Field(
        "127.0.0.1", description="address that /metrics, /healthz and /readyz are served on; :: is every one, IPv6 too"
    )
    metrics_port: int | None = Field(None, ge=0, le=65535, description="0 takes a free port, unset serves none")
    max_device_series: int = Field(
        200, ge=0, le=1_000_000, description="above this many devices no per-device metric is exported"
    )
    watched_cert_files: Names = Field(
        (),
        description="further certificates (PEM) whose expiry is shown, say the broker's, beside those that settings name",
    )


class WorkerSettings(BaseSettings):
    """How workers share and judge devices."""

    worker_group: str = Field("fedsecure-workers", description="workers of one group share the devices")
    worker_id: str | None = Field(None, description="set for static group membership")
    devices: Names = Field((), description="edge mode: judge these only (ids or names), without a group")
    bundle_dir: Path | None = Field(None, description="a bundle other than the one that ships")
    rule: RuleName = Field("common-scale", description="how scores become votes; paper-fig3 is the paper's threshold")
    enrolment_min: int = Field(600, ge=120, le=20_160, description="valid minutes before a device's profile is frozen")
    session_timeout_s: float = Field(
        10.0, ge=1, le=1800, description="silence after which a worker's devices go to another"
    )
    batch_max_messages: int = Field(512, ge=1, le=100_000, description="messages scored at once, at most")
    batch_wait_s: float = Field(0.05, gt=0, le=60, description="how long a batch waits to be filled")
    discovery_interval_s: float = Field(
        1.0, ge=0.1, le=3600, description="how often new devices' topics are looked for"
    )
    max_invalid_in_row: int = Field(
        20, ge=1, le=1_000_000, description="invalid messages in a row after which a device is not benign"
    )
    stale_cap_s: float = Field(
        2100.0, gt=0, le=604_800, description="silence after which a device is stale, however slowly it sends"
    )


class FederationSettings(BaseSettings):
    """How rounds are held, what devices train, and what becomes of the models."""

    federated_task: TaskName = Field(
        "reconstruction", description="what the global model learns; the same for the coordinator and all device hosts"
    )
    round_interval_s: float = Field(60.0, ge=0.1, le=604_800, description="from the start of a round to the next")
    round_deadline_s: float = Field(20.0, ge=0.1, le=86_400, description="how long devices have for their answers")
    round_quorum: int = Field(3, ge=1, le=100_000, description="fewest devices of a round; with fewer it is skipped")
    aggregation: str = Field("trimmed-mean", description="the rule that makes one model of the updates")
    round_target: int | None = Field(
        None, ge=1, le=100_000, description="answers that are enough; unset: all that come in time"
    )
    round_over_selection: float = Field(1.3, ge=1, le=100, description="with a target: so many times as many are asked")
    model_tolerance: float = Field(
        0.02, ge=0, le=1, description="by so much the devices may find a new model worse, as a share of the loss before"
    )
    validation_deadline_s: float = Field(10.0, ge=0.1, le=86_400, description="how long devices have to measure it")
    validators: int = Field(64, ge=1, le=100_000, description="so many devices at most measure a new model, by lot")
    coordinator_lease_s: float = Field(
        10.0, ge=1, le=3600, description="silence after which another coordinator takes over"
    )
    local_epochs: int = Field(1, ge=1, le=1000, description="passes over a device's windows in a round")
    local_batch_size: int = Field(32, ge=1, le=100_000, description="windows a step of local training")
    local_learning_rate: float = Field(1e-3, gt=0, le=10, description="step size of Adam in local training")
    proximal_mu: float = Field(
        0.0, ge=0, le=1e6, description="FedProx: how strongly local training is held to the global model"
    )
    dp_clip: float | None = Field(
        None, gt=0, le=1e9, description="the longest an update may leave its device (L2 norm); unset: as it is"
    )
    dp_noise: float = Field(0.0, ge=0, le=1e6, description="noise on it, in clips (its deviation)")
    presence_s: float = Field(
        15.0, ge=1, le=3600, description="a device host unheard of for so long takes no part in rounds"
    )
    local_max_windows: int = Field(256, ge=1, le=100_000, description="windows a device trains on, the newest")
    vote_horizon_min: int = Field(
        120, ge=0, le=10_080, description="minutes a device must stay benign after a window before it trains on it"
    )
    device_key_dir: Path | None = Field(None, description="devices' private keys; by default in the state folder")
    models_kept: int = Field(16, ge=2, le=1000, description="so many newest global models keep their weights on record")
    bundles_kept: int = Field(4, ge=2, le=64, description="so many released bundles keep their files")
    rollback_watch_s: float = Field(
        14_400.0, ge=0, le=604_800, description="a promotion is watched for so long after its release; 0: never"
    )
    rollback_rise: float = Field(
        0.1, gt=0, lt=1, description="by so much the share of devices that leave benign must rise for a rollback"
    )
    rollback_least_devices: int = Field(3, ge=2, le=100_000, description="and so many devices must have left at least")
    register_new_devices: bool = Field(
        default=False, description="a device host may register keys for devices that have none: for trials only"
    )


class ConsoleSettings(BaseSettings):
    """Where the console is, and what opens it."""

    console_host: str = Field(
        "127.0.0.1", description="address the console listens on; beyond loopback it asks for a token"
    )
    console_port: int = Field(8100, ge=0, le=65535, description="port of the console; 0 takes a free one")
    console_names: Names = Field(
        (), description="host names under which people open the console, beside localhost and plain addresses"
    )
    console_published_on: str | None = Field(
        None, description="the address that a container's port is published on: a loopback one needs no token"
    )
    console_token: SecretStr | None = Field(
        None, description="what people log in with, 16 characters or more; never shown or logged"
    )
    console_token_file: Path | None = Field(None, description="the same from a file")
    console_session_s: float = Field(
        30 * 86_400.0, ge=60, le=366 * 86_400, description="a browser stays logged in for so long after its login"
    )
    console_tls_cert_file: Path | None = Field(
        None,
        description="the console's certificate, PEM: it is then served by HTTPS; a renewed one is taken within a minute",
    )
    console_tls_key_file: Path | None = Field(None, description="the key of that certificate, PEM")


# Fields stand in the order of the bases from the last to the first.
class AllParts(
    ConsoleSettings,
    FederationSettings,
    WorkerSettings,
    ProbeSettings,
    RecordingSettings,
    ServiceSettings,
    IngestSettings,
):
    """Every setting, whatever it is for."""
