"""A protocol that monitors speak, what it hands over, and those there are: each file of `ingest/protocols` with a `PROTOCOL`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from contracts.configuration.settings import Settings
from contracts.errors import FedSecureError, Misconfigured
from contracts.messages.ingest import Reading


@dataclass(frozen=True, slots=True)
class GivenReadings:
    """Readings of the device that is called `given`."""

    given: str
    readings: Sequence[Reading]


class NotUsed(FedSecureError):
    """Nothing of a message can be used. The sentence, without any name or value of a patient, goes back to the sender."""


Deliver = Callable[[Sequence[GivenReadings]], Awaitable[None]]
"""Returns once Kafka has the readings; raises Unavailable (send again later) or NotUsed."""


Listen = Callable[[Settings, Deliver], AbstractAsyncContextManager[int]]
"""Listens while its context is open, delivers what it hears, and gives the port; raises Misconfigured."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A way in. `device_fields` are what may name a device there (FEDSECURE_INGEST_DEVICE_FROM), the first unless set."""

    name: str
    port: int
    device_fields: tuple[str, ...]
    listen: Listen

    def device_from(self, settings: Settings) -> str:
        """Return the field that names devices. Raises Misconfigured for one that this protocol has not."""
        given = settings.ingest_device_from
        if given is None:
            return self.device_fields[0]
        if given.upper() not in self.device_fields:
            raise Misconfigured(f"no device is named by {given!r} in {self.name}: use {', '.join(self.device_fields)}")
        return given.upper()

    def port_of(self, settings: Settings) -> int:
        """Return the port to listen on."""
        return self.port if settings.ingest_port is None else settings.ingest_port


def protocol_names() -> list[str]:
    """Return the protocols there are, without importing them."""
    folder = Path(__file__).parent / "protocols"
    return sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))


def protocol_named(name: str) -> Protocol:
    """Return a protocol. Raises Misconfigured with the list for a name that is none."""
    if name not in protocol_names():
        raise Misconfigured(f"there is no protocol {name!r}; the protocols are {', '.join(protocol_names())}")
    protocol: Protocol = import_module(f"ingest.protocols.{name}").PROTOCOL
    return protocol
