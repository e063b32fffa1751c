"""Where a command finds Kafka, Redis, device keys and the demo's records."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from pydantic import SecretStr

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured

if TYPE_CHECKING:
    from replay.demo_records import DemoRecords

ALIASES = {"kafka_bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS", "redis_url": "REDIS_URL"}


def settings_for_running_stack(**overrides: Any) -> Settings:
    """Return the settings with the addresses of the services that run.

    KAFKA_BOOTSTRAP_SERVERS and REDIS_URL come first, each for itself; then the local stack of the
    state folder (`default_state_dir`). Overrides that are None are left out. Nothing is asked over the network.
    Raises Misconfigured if there is none.
    """
    from fedsecure.local_stack import LocalStack

    local = LocalStack()
    endpoints = local.endpoints()
    given = {name: value for name, value in overrides.items() if value is not None}
    settings = Settings(**{"kafka_bootstrap_servers": endpoints.kafka, "redis_url": endpoints.redis_url, **given})
    if local.site is not None and endpoints.kafka_is_local:
        raise Misconfigured(
            f"the local stack in {local.state_dir} asks who somebody is: set FEDSECURE_SECRETS_DIR to the folder of a principal, one of those in "
            f"{local.site.program_folder('')}"
        )
    return settings


def settings_for_source(**overrides: Any) -> Settings:
    """Return the same for a program that uses Kafka alone: where the environment names one, no Redis need be there."""
    if not os.environ.get(ALIASES["kafka_bootstrap_servers"]):
        return settings_for_running_stack(**overrides)
    return Settings(**{name: value for name, value in overrides.items() if value is not None})


def settings_for_device_host(**overrides: Any) -> Settings:
    """Return the settings of a device host: with Kafka from the local stack, it may register keys for new devices.

    That Kafka listens on this machine alone and asks nobody who they are, so whoever reaches it could register a key
    anyway. FEDSECURE_REGISTER_NEW_DEVICES says otherwise, either way.
    """
    from fedsecure.local_stack import LocalStack

    settings = settings_for_running_stack(**overrides)
    if "register_new_devices" in settings.model_fields_set or not LocalStack().endpoints().kafka_is_local:
        return settings
    return settings.model_copy(update={"register_new_devices": True})


def device_key_dir(settings: Settings) -> Path:
    """Return the folder of devices' private keys: FEDSECURE_DEVICE_KEY_DIR, else one in the state folder.

    Installations that share a state folder (other prefixes) share no keys: a signature does not name its installation.
    """
    from fedsecure.local_stack import default_state_dir

    return settings.device_key_dir or default_state_dir() / "device-keys" / settings.prefix


def environ_of(settings: Settings) -> dict[str, str]:
    """Return the environment variables that give a program these settings (those that are not the defaults)."""
    environ = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value is None or value == field.default:
            continue
        variable = ALIASES.get(name, f"FEDSECURE_{name.upper()}")
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        environ[variable] = ",".join(value) if isinstance(value, tuple) else str(value)
    return environ


say_on_stderr = partial(typer.echo, err=True)


def find_demo_records(
    names: Sequence[str], *, offline: bool, say: Callable[[str], None] = say_on_stderr
) -> DemoRecords:
    """Return the records of these names (`demo`: all), kept in the state folder once they were fetched.

    FEDSECURE_OFFLINE is as good as `offline`. Blocks, at most some seconds without a network; raises Misconfigured and
    Unavailable as `replay.demo_records` does.
    """
    from fedsecure.local_stack import default_state_dir
    from replay.demo_records import demo_records, wanted_records

    settings = Settings()
    kept = default_state_dir() / "records"
    wanted = wanted_records(names)
    return demo_records(wanted, kept, server=settings.records_url, offline=offline or settings.offline, say=say)
