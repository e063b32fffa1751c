"""A secure stack of its own, with two devices whose names begin alike, and a record in everything that could be read."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from secure_site import DEVICES, REAUTH_S, every_topic

from contracts.configuration.settings import Settings
from fedsecure.local_stack import LocalStack
from fedsecure.security.principals import ADMIN
from fedsecure.security.provisioning import add_devices
from fedsecure.security.site import LOCAL_FOLDER, Site, SiteRecord
from transport.kafka.admin import ensure_topics
from transport.kafka.publisher import Publisher
from transport.redis_client import connect_redis

Login = Callable[[str], Settings]


@pytest.fixture(scope="session")
def secure_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack. Connections to Kafka log in again every few seconds, not every ten minutes."""
    folder = tmp_path_factory.mktemp("secure-stack")
    Site(folder / LOCAL_FOLDER).make(
        SiteRecord("fedsecure", "fedsecure-workers", "127.0.0.1:1", "127.0.0.1:1", reauth_s=REAUTH_S),
        dt.datetime.now(dt.UTC),
    )
    with LocalStack(folder, secure=True, environ={}) as running:
        yield running


@pytest.fixture(scope="session")
def site(secure_stack: LocalStack) -> Site:
    """The installation, with its devices and what could be read of them."""
    assert secure_stack.site is not None
    site = secure_stack.site
    add_devices(site, DEVICES)
    asyncio.run(_fill(site.settings_of(ADMIN)))
    return site


@pytest.fixture
def login(site: Site) -> Login:
    """Return the settings of a principal, as its program has them."""
    return site.settings_of


async def _fill(settings: Settings) -> None:
    topics = settings.topics
    ensure_topics(settings, [*map(topics.vitals_spec, DEVICES), topics.ingest_spec("hl7")])
    async with Publisher(settings) as publisher:
        for topic in every_topic(topics):
            await publisher.send(topic, "key", b"what could be read")
    keys = settings.redis_keys
    with connect_redis(settings) as client:
        client.zadd(keys.devices_last_seen, dict.fromkeys(DEVICES, 1.0))
        client.set(keys.global_blob("aa"), b"weights")
        client.set(keys.coordinator_lease, 1)
        for device in DEVICES:
            client.hset(keys.device(device), "status", "what could be read")
            client.set(keys.update_blob(device, "bb"), b"weights")
