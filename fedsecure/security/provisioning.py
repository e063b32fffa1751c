"""Puts an installation's principals in force on its running Kafka and Redis, and takes one back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id
from fedsecure.security import kafka_access, redis_access
from fedsecure.security.principals import ADMIN, Principal
from fedsecure.security.site import Site
from transport.kafka.admin import ensure_topics
from transport.redis_client import connect_redis


def apply(site: Site) -> list[Principal]:
    """Make every principal what the table and its files say, and the fixed topics. May be called again at any time. Raises Unavailable."""
    settings = site.settings_of(ADMIN)
    principals = list(site.principals().values())
    site.write_users()
    _put_in_force(site, settings, principals)
    devices = sorted({device for ids in site.record.devices.values() for device in ids})
    ensure_topics(settings, [*settings.topics.fixed(), *map(settings.topics.fl_updates_spec, devices)])
    return principals


def add_devices(site: Site, device_ids: Sequence[str], host: str | None = None) -> list[Principal]:
    """Give each device a principal of its own, or all of them one as the devices of a `host`. Raises Misconfigured, Unavailable.

    What a device has already stays: a second call ends what a first one could not.
    """
    for device_id in device_ids:
        check_device_id(device_id)
    record = site.record
    added: dict[str, tuple[str, ...]]
    if host is None:
        added = {f"device-{device_id}": (device_id,) for device_id in device_ids}
    else:
        name = f"host-{check_device_id(host)}"
        added = {name: tuple(dict.fromkeys((*record.devices.get(name, ()), *device_ids)))}
    held = {device: name for name, ids in record.devices.items() if name not in added for device in ids}
    if taken := sorted(set(device_ids) & held.keys()):
        raise Misconfigured(
            f"{taken[0]} is the device of the principal {held[taken[0]]} already: revoke it there first "
            f"(`fedsecure secure revoke {taken[0]}`)"
        )
    site.change(devices=record.devices | added)
    settings, principals = site.settings_of(ADMIN), site.principals()
    # Made here: a device may create nothing.
    ensure_topics(settings, [settings.topics.fl_updates_spec(device_id) for device_id in device_ids])
    new = [principals[name] for name in added]
    _put_in_force(site, settings, new)
    return new


def revoke_device(site: Site, device_id: str) -> str:
    """Take everything from a device, and return the principal that it had. Its host keeps what is for other devices.

    In force on Redis and for every question to Kafka when this returns. Raises Misconfigured, Unavailable.
    """
    record = site.record
    name = next((name for name, ids in record.devices.items() if device_id in ids), None)
    if name is None:
        known = ", ".join(sorted(device for ids in record.devices.values() for device in ids)) or "none"
        raise Misconfigured(f"{device_id} has no principal here (devices that have: {known})")
    settings = site.settings_of(ADMIN)
    left = tuple(each for each in record.devices[name] if each != device_id)
    if left:
        site.change(devices=record.devices | {name: left})
        _put_in_force(site, settings, [site.principals()[name]])
        return name
    kafka_access.revoke(settings, [name])
    with connect_redis(settings) as client:
        redis_access.delete_user(client, name)
    # Last: whoever is interrupted before can call it again.
    site.change(devices={other: ids for other, ids in record.devices.items() if other != name})
    site.forget(name)
    return name


def _put_in_force(site: Site, settings: Settings, principals: Iterable[Principal]) -> None:
    chosen = list(principals)
    kafka_access.grant(settings, {principal: site.kafka_password(principal.name) for principal in chosen})
    with connect_redis(settings) as client:
        for principal in chosen:
            if principal.redis is not None and principal.name != ADMIN:
                redis_access.set_user(client, principal, site.redis_password_sha256(principal.name))
