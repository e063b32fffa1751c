"""`fedsecure device re-enrol`: let a device's enrolment begin anew, after its monitor or its patient changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import typer

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from contracts.identifiers import device_ids_of
from contracts.messages.verdicts import DeviceStatus
from contracts.messages.vitals import VitalsBatch, encode_vitals
from fedsecure.endpoints import settings_for_running_stack
from fedsecure.options import Devices


def re_enrol(devices: Devices) -> None:
    """Begin a device's enrolment anew: its profile and its baseline are dropped, whatever its state.

    For a device whose monitor, patient or treatment changed, or whose enrolment was unusual (the status says so). It takes
    no part in rounds until it has enrolled again. The order travels in the device's own vitals topic, after all minutes
    sent so far, so that its worker and its host obey it at the same minute.

    Exit code 1: Kafka or Redis does not answer; 2: no worker knows such a device.

    Examples:

    - `fedsecure device re-enrol p000020`
    """
    from fl_coordinator.gate.device_view import read_devices
    from transport.redis_client import connect_redis

    named = device_ids_of(devices)
    settings = settings_for_running_stack()
    with connect_redis(settings) as client:
        known = {
            view.device_id: view.status
            for view in read_devices(client, settings.redis_keys, now=time.time(), cap_s=settings.stale_cap_s)
        }
    missing = [given_name for device_id, given_name in named.items() if known.get(device_id) is None]
    if missing:
        raise Misconfigured(f"no worker knows {', '.join(missing)}; see `fedsecure status`")
    orders = [order_for(status, time.time()) for device_id in named if (status := known[device_id]) is not None]
    asyncio.run(_send(settings, orders))
    for given_name in named.values():
        typer.echo(f"{given_name}: its enrolment begins anew with its next minute")


def order_for(status: DeviceStatus, now: float) -> VitalsBatch:
    """Return the message that tells a device's readers to begin its enrolment anew. `now` is in epoch seconds."""
    return VitalsBatch(
        device_id=status.device_id,
        session_id=status.session_id,
        observed_at=from_event_minute(status.applied_through + 1),
        heart_rate_bpm=[],
        resp_rate_bpm=[],
        batch_interval_s=status.batch_interval_s,
        sent_at=now,
        re_enrol=True,
    )


async def _send(settings: Settings, orders: Sequence[VitalsBatch]) -> None:
    from transport.kafka.publisher import Publisher

    is_shared = settings.topic_layout == "shared"
    async with Publisher(settings) as publisher:
        for order in orders:
            topic = settings.topics.vitals_shared if is_shared else settings.topics.vitals(order.device_id)
            await publisher.send(topic, order.device_id, encode_vitals(order))
