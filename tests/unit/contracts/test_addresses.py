"""Addresses are read strictly, and whatever way a password stands in one, nothing of it is ever shown."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis import RedisError, SSLConnection

from contracts.configuration.addresses import checked_brokers, parse_redis
from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fedsecure.local_stack.external import external_services
from transport.redis_client import connect_redis

MARKS = ("HunterOne", "HunterTwo")
PASSWORDS = st.text(max_size=12).map(lambda middle: MARKS[0] + middle + MARKS[1])
AWKWARD = st.text("/#?@[]&%:=,\\ \t\n\x00é", max_size=8).map(lambda middle: MARKS[0] + middle + MARKS[1])
PLACES = (
    "redis://:{}@127.0.0.1:1/0", "redis://user:{}@127.0.0.1:1/0", "redis://{}@127.0.0.1:1", "rediss://:{}@[::1]:1/2",
    "redis://127.0.0.1:1/0?password={}", "redis://127.0.0.1:1/0?db=1&password={}&username={}", "redis://127.0.0.1:1/0#{}",
    "redis://127.0.0.1:1/{}", "unix:///nowhere.sock?password={}", "unix://:{}@/nowhere.sock", "{}", "redis://h?{}=1", "redis:/{}@h",
    "redis://:{}@{}@h/0", "redis://127.0.0.1:1/0?db={}", "redis://127.0.0.1:{}",
    "redis+sentinel://u:{}@127.0.0.1:1,127.0.0.1:2/ward/0", "redis+sentinel://127.0.0.1:1/ward?sentinel_password={}", "redis+sentinel://h/{}",
)  # fmt: skip


@example(password="HunterOne@HunterTwo", place="redis://127.0.0.1:{}", is_encoded=False)
@given(password=PASSWORDS | AWKWARD, place=st.sampled_from(PLACES), is_encoded=st.booleans())
def test_a_password_is_shown_nowhere_however_it_stands_in_the_address(
    password: str, place: str, is_encoded: bool
) -> None:
    url = place.replace("{}", quote(password, safe="") if is_encoded else password)
    said = ""
    try:
        service = external_services({"REDIS_URL": url})["redis"]
        settings = Settings(redis_url=url)
        said += service.shown + repr(service) + repr(settings)
        with contextlib.closing(connect_redis(settings)) as client:
            said += json.dumps(asdict(service.status()), default=str)
            client.ping()
    except (Misconfigured, RedisError) as error:
        said += repr(error) + repr(error.__cause__)
    assert not any(mark in said for mark in MARKS), said


@given(
    password=PASSWORDS | AWKWARD,
    place=st.sampled_from(["{}@b:1", "SASL_SSL://u:{}@b:1", "b:1,{}:2:3", "b:1?password={}", "b:{}"]),
)
def test_a_password_in_kafkas_address_is_not_repeated(password: str, place: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        Settings(kafka_bootstrap_servers=place.replace("{}", password))
    assert not any(mark in repr(wrong.value) for mark in MARKS)


@given(password=PASSWORDS | AWKWARD)
def test_an_encoded_password_reaches_redis_as_it_is(password: str) -> None:
    for place in ("redis://:{}@h:1/3", "redis://h:1/3?password={}", "unix:///s?db=3&password={}"):
        with connect_redis(Settings(redis_url=place.replace("{}", quote(password, safe="")))) as client:
            assert client.connection_pool.connection_kwargs["password"] == password
            assert client.connection_pool.connection_kwargs["db"] == 3


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hunter2@redis.test:2/0", "redis://redis.test:2/0"),
        ("redis://redis", "redis://redis:6379/0"),
        ("rediss://my_redis/7", "rediss://my_redis:6379/7"),
        ("redis://h/1?db=4", "redis://h:6379/4"),
        ("redis://[::1]:7/0", "redis://[::1]:7/0"),
        ("redis+sentinel://u:hunter2@a:1,b,[::1]:3/ward.1/2?sentinel_password=x", "redis+sentinel://a:1,b:26379,[::1]:3/ward.1/2"),
        ("rediss+sentinel://a/ward", "rediss+sentinel://a:26379/ward/0"),
        ("unix:///run/re%20dis.sock?db=2&password=x", "unix:///run/re dis.sock?db=2"),
    ],
)  # fmt: skip
def test_scheme_host_port_and_database_are_shown(url: str, shown: str) -> None:
    assert str(parse_redis(url)) == shown
    with connect_redis(Settings(redis_url=url)) as client:
        assert client.connection_pool.connection_kwargs.get("db", 0) == parse_redis(url).database


def test_the_servers_and_their_sentinels_have_log_ins_of_their_own_and_tls_together():
    url = "rediss+sentinel://me:p%2Fss@a:1,[::1]:2/ward/3?sentinel_username=asker&sentinel_password=s%40x&ssl_cert_reqs=none"
    with connect_redis(Settings(redis_url=url)) as client:
        of_servers = client.connection_pool.connection_kwargs
        assert {name: of_servers[name] for name in ("username", "password", "db", "ssl_cert_reqs")} == {
            "username": "me", "password": "p/ss", "db": 3, "ssl_cert_reqs": "none",
        }  # fmt: skip
        sentinels = [each.connection_pool for each in client.connection_pool.sentinel_manager.sentinels]
        assert [(each.connection_kwargs["host"], each.connection_kwargs["port"]) for each in sentinels] == [
            ("a", 1),
            ("::1", 2),
        ]
        assert {each.connection_kwargs["password"] for each in sentinels} == {"s@x"}
        assert {each.connection_kwargs["username"] for each in sentinels} == {"asker"}
        assert {issubclass(each.connection_class, SSLConnection) for each in sentinels} == {True}
        assert issubclass(client.connection_pool.connection_class, SSLConnection)


@pytest.mark.parametrize(
    "url",
    [
        "", "nonsense", "http://h", "redis://", "redis:///0", "redis://h:0", "redis://h:65536/0", "redis://h:x/0", "redis://h/x", "redis://h/0/1",
        "redis://[::1", "redis://[1.2.3]:1", "redis://h/0?db=x", "redis://h/0?db=1&db=2", "redis://h?nobody=1", "redis://h?ssl_ca_certs=/x",
        "redis://a@b@h", "unix://", "unix://h/s", "rediss://h?ssl_cert_reqs=sometimes", "REDIS://h", "redis://h:6379/0 ",
        "redis+sentinel://h", "redis+sentinel://h/", "redis+sentinel://h,/ward", "redis+sentinel://h/ward/x", "redis://h?sentinel_password=x", "redis://a,b/0",
        "redis+sentinel://h:0/ward", "redis+sentinel://[1.2.3]/ward", "redis+sentinel://h/ward?db=1&db=2",
    ],
)  # fmt: skip
def test_any_other_address_of_redis_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"REDIS_URL is no address of a Redis: write redis://.*percent-encoded"):
        connect_redis(Settings(redis_url=url))


@pytest.mark.parametrize("servers", ["h:9092", "[::1]:9092", "a-1.b_c:1,10.0.0.1:65535"])
def test_addresses_of_brokers_are_taken(servers: str) -> None:
    assert checked_brokers(servers) == servers
    assert checked_brokers(servers.replace(",", " , ")) == servers


@pytest.mark.parametrize(
    "servers",
    [
        "",
        "h",
        "h:",
        ":9092",
        "h:x",
        "h:0",
        "h:65536",
        "::1:9092",
        "[::1]",
        "[x]:1",
        "kafka://h:9092",
        "h:1,",
        "h:1,,h:2",
        "h:1 h:2",
    ],
)
def test_any_other_address_of_a_broker_is_refused(servers: str) -> None:
    with pytest.raises(Misconfigured, match="KAFKA_BOOTSTRAP_SERVERS is no address of a broker: write HOST:PORT"):
        Settings(kafka_bootstrap_servers=servers)
