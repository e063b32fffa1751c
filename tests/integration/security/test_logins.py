"""Who does not show who it is, or does not know the other, gets nothing; and a device that is revoked loses what it had."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import SecretStr
from secure_site import REAUTH_S

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from fedsecure.local_stack.answers import kafka_answers
from fedsecure.security.authority import Certified, issue, new_authority
from fedsecure.security.provisioning import add_devices, revoke_device
from fedsecure.security.site import Site
from transport.kafka.admin import connect_admin
from transport.kafka.options import aiokafka_options
from transport.kafka.publisher import Publisher
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration
Login = Callable[[str], Settings]
NOBODY: dict[str, Any] = {"kafka_username": None, "kafka_password": None}
PLAIN = NOBODY | {"kafka_security_protocol": "PLAINTEXT", "kafka_ca_file": None}


@pytest.fixture
def other_ca(tmp_path: Path) -> Path:
    file = tmp_path / "other-ca.pem"
    file.write_bytes(new_authority("another", dt.datetime.now(dt.UTC)).certificate)
    return file


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kafka_password": SecretStr("wrong")}, "refused the log-in of worker"),
        ({"kafka_username": "nobody"}, "refused the log-in of nobody"),
        ({"kafka_security_protocol": "SSL", **NOBODY}, "does not answer"),
        (PLAIN, "does not answer"),
    ],
    ids=["wrong password", "unknown user", "no password", "plaintext to the TLS port"],
)
def test_kafka_lets_nobody_in_who_does_not_log_in(login: Login, change: dict[str, Any], said: str) -> None:
    settings = login("worker").model_copy(update=change)
    with pytest.raises(Unavailable, match=said) as refused:
        connect_admin(settings)
    assert "wrong" not in str(refused.value)
    assert kafka_answers(login("worker")), "and it would have, with the right one"


async def test_a_wrong_password_is_named_by_the_other_client_too(login: Login) -> None:
    with pytest.raises(Unavailable, match="refused the log-in of worker"):
        async with Publisher(login("worker").model_copy(update={"kafka_password": SecretStr("wrong")})):
            pass


def test_a_client_does_not_talk_to_a_kafka_of_another_authority(login: Login, other_ca: Path) -> None:
    with pytest.raises(Unavailable, match="certificate"):
        connect_admin(login("worker").model_copy(update={"kafka_ca_file": other_ca}))


async def test_a_client_does_not_talk_to_a_server_whose_certificate_has_run_out(
    login: Login, site: Site, tmp_path: Path
) -> None:
    authority = Certified((site.folder / "ca.key").read_bytes(), site.ca_file.read_bytes())
    now, context = dt.datetime.now(dt.UTC), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old = issue(authority, "broker", ["127.0.0.1"], now, dt.timedelta(minutes=-1))
    (tmp_path / "old.pem").write_bytes(old.key + old.certificate)
    context.load_cert_chain(tmp_path / "old.pem")
    talked: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talked.append(await reader.read(1))

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server:
        where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = login("worker").model_copy(update={"kafka_bootstrap_servers": where})
        with pytest.raises(Unavailable, match="certificate"):
            await asyncio.to_thread(connect_admin, settings)
    assert not any(talked)


def test_a_controller_talks_only_to_a_broker(secure_stack: Any, site: Site) -> None:
    port = secure_stack._state.read()["kafka"].ports["controller"]
    context = ssl.create_default_context(cafile=str(site.ca_file))
    with pytest.raises((OSError, ssl.SSLError), match=r"CERTIFICATE_REQUIRED|certificate required|reset"):
        _asks(context, port)


def _asks(context: ssl.SSLContext, port: int) -> None:
    """Ask as somebody without a certificate would."""
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        secured.sendall(b"\0\0\0\0")
        secured.recv(1)


@pytest.mark.parametrize(
    "url", [":wrong@", "worker:wrong@", "nobody:wrong@", ""], ids=["default", "wrong password", "unknown user", "none"]
)
def test_redis_lets_nobody_in_who_does_not_log_in(login: Login, url: str) -> None:
    there = login("worker").redis_url.rpartition("@")[2]
    settings = login("worker").model_copy(update={"redis_url": f"rediss://{url}{there}"})
    with connect_redis(settings) as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.ping()


def test_redis_is_not_spoken_to_in_plain_words_or_under_another_authority(login: Login, other_ca: Path) -> None:
    good = login("worker")
    plain = good.model_copy(update={"redis_url": good.redis_url.replace("rediss:", "redis:"), "redis_ca_file": None})
    for settings in (plain, good.model_copy(update={"redis_ca_file": other_ca})):
        with connect_redis(settings) as client, pytest.raises(redis.exceptions.ConnectionError):
            client.ping()
    with connect_redis(good) as client:
        assert client.ping()


def test_a_redis_whose_certificate_has_run_out_is_left(login: Login, site: Site, tmp_path: Path) -> None:
    authority = Certified((site.folder / "ca.key").read_bytes(), site.ca_file.read_bytes())
    old = issue(authority, "redis", ["127.0.0.1"], dt.datetime.now(dt.UTC), dt.timedelta(minutes=-1))
    (tmp_path / "old.pem").write_bytes(old.certificate)
    (tmp_path / "old.key").write_bytes(old.key)
    with connect_redis(login("admin")) as admin:
        admin.execute_command(
            "CONFIG", "SET", "tls-cert-file", str(tmp_path / "old.pem"), "tls-key-file", str(tmp_path / "old.key")
        )
        try:
            with (
                connect_redis(login("worker")) as client,
                pytest.raises(redis.exceptions.ConnectionError, match="expired"),
            ):
                client.ping()
        finally:
            admin.execute_command(
                "CONFIG", "SET", "tls-cert-file", str(site.certificate("redis")), "tls-key-file", str(site.key("redis"))
            )
    with connect_redis(login("worker")) as client:
        assert client.ping()


async def test_a_revoked_device_loses_what_it_has_open_and_nobody_else_notices(site: Site, login: Login) -> None:
    await asyncio.to_thread(add_devices, site, ["leaver", "stayer"])
    leaver, stayer = login("device-leaver"), login("device-stayer")
    own = leaver.topics.fl_updates("leaver")
    with connect_redis(leaver) as left, connect_redis(stayer) as stays:
        left.set(leaver.redis_keys.presence("leaver"), 1)
        stays.set(stayer.redis_keys.presence("stayer"), 1)
        number = stays.client_id()
        async with _reader(leaver) as consumer, Publisher(stayer) as publisher:
            await publisher.send(stayer.topics.fl_updates("stayer"), "stayer", b"before")
            assert await consumer.end_offsets([TopicPartition(own, 0)])
            await asyncio.to_thread(revoke_device, site, "leaver")
            began = time.monotonic()
            with pytest.raises(redis.exceptions.RedisError):
                left.get(leaver.redis_keys.presence("leaver"))
            with pytest.raises(KafkaError):
                await asyncio.wait_for(consumer.end_offsets([TopicPartition(own, 0)]), REAUTH_S)
            await publisher.send(stayer.topics.fl_updates("stayer"), "stayer", b"after")
            assert stays.get(stayer.redis_keys.presence("stayer"))
            assert stays.client_id() == number, "the same connection"
            await _until_ended(consumer, TopicPartition(own, 0), began + 3 * REAUTH_S)
    with pytest.raises(Misconfigured, match="no principal device-leaver"):
        login("device-leaver")
    with pytest.raises(Unavailable, match="refused the log-in of device-leaver"):
        await asyncio.to_thread(connect_admin, leaver)


def _reader(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(**aiokafka_options(settings), group_id=None, request_timeout_ms=5000, retry_backoff_ms=200)


async def _until_ended(consumer: AIOKafkaConsumer, partition: TopicPartition, deadline: float) -> None:
    """Go on asking until no connection of the client is left."""
    while any(connection.connected() for connection in consumer._client._conns.values()):
        assert time.monotonic() < deadline, "a connection of a revoked device stays open"
        await asyncio.gather(asyncio.wait_for(consumer.end_offsets([partition]), 1.0), return_exceptions=True)
        await asyncio.sleep(0.3)


def test_a_host_keeps_what_is_for_its_other_devices(site: Site, login: Login) -> None:
    (principal,) = add_devices(site, ["one", "two"], host="ward")
    assert principal.name == "host-ward"
    assert revoke_device(site, "one") == "host-ward"
    with connect_redis(login("host-ward")) as client:
        client.set(login("host-ward").redis_keys.presence("two"), 1)
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.set(login("host-ward").redis_keys.presence("one"), 1)
    with pytest.raises(Misconfigured, match="two is the device of the principal host-ward already"):
        add_devices(site, ["two"])
    revoke_device(site, "two")
    with pytest.raises(Misconfigured, match="two has no principal here"):
        revoke_device(site, "two")
