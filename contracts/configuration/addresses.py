"""The addresses of Redis and Kafka, checked, and shown without secrets."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

REDIS_PORT: Final = 6379
SENTINEL_PORT: Final = 26379
REDIS_REFUSED: Final = (
    "is no address of a Redis: write redis://HOST:6379/0, rediss://HOST:6379/0 (TLS), unix:///PATH?db=0 or, with Sentinels, "
    "redis+sentinel://HOST:26379,HOST:26379/NAME/0 (rediss+sentinel:// for TLS). It is not shown, as it may hold a password; in one, / # ? @ [ ] & and % must be percent-encoded (%2F %23 %3F %40 %5B %5D %26 %25)"
)
KAFKA_REFUSED: Final = "is no address of a broker: write HOST:PORT without a scheme or a password, several with commas, an IPv6 address as [::1]:9092"
_NAME: Final = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?"
_HOST: Final = rf"(?P<host>{_NAME})"
_LOGIN: Final = r"(?:(?!(?:\d{1,3}\.){3}\d{1,3}:)[^\s@/?#\[\]]*@)?"  # who is called as an address is one, and what follows a password
_QUERY: Final = r"(?:\?(?P<query>[^\s@#\[\]]*))?"
_SERVER: Final = re.compile(
    rf"(?P<scheme>rediss?)://{_LOGIN}{_HOST}(?::(?P<port>\d{{1,5}}))?(?:/(?P<db>\d{{0,5}}))?{_QUERY}"
)
_SENTINELS: Final = re.compile(
    rf"(?P<scheme>rediss?\+sentinel)://{_LOGIN}(?P<hosts>(?:{_NAME})(?::\d{{1,5}})?(?:,(?:{_NAME})(?::\d{{1,5}})?)*)"
    rf"/(?P<service>[A-Za-z0-9._-]+)(?:/(?P<db>\d{{0,5}}))?{_QUERY}"
)
_SENTINEL: Final = re.compile(rf"{_HOST}(?::(?P<port>\d{{1,5}}))?")
_SOCKET: Final = re.compile(rf"(?P<scheme>unix)://{_LOGIN}(?P<path>/[^\s@?#\[\]]+){_QUERY}")
_BROKER: Final = re.compile(rf"{_HOST}:(?P<port>\d{{1,5}})")
_OPTIONS: Final = {"db", "username", "password", "client_name", "health_check_interval"}
_SENTINEL_OPTIONS: Final = {"sentinel_username", "sentinel_password"}
_TLS_OPTIONS: Final = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """What may be shown of a Redis URL: no name, no password, no option.

    With Sentinels `sentinels` (host and port of each) say who is asked for the primary, and `service` what they call it.
    """

    scheme: str
    where: str
    database: int
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.where}{'?db=' if self.scheme == 'unix' else '/'}{self.database}"

    @property
    def is_tls(self) -> bool:
        return self.scheme.startswith("rediss")


def parse_redis(url: str) -> RedisAddress:
    """Return what may be shown of a Redis URL. Raises ValueError, without a word of it, for one that can be read in two ways.

    The client takes whatever its parser makes of a password that nobody encoded: a wrong host, or half a password.
    """
    match = _SERVER.fullmatch(url) or _SENTINELS.fullmatch(url) or _SOCKET.fullmatch(url)
    if match is None:
        raise ValueError(REDIS_REFUSED)
    scheme, parts = match["scheme"], match.groupdict()
    options = _options(parts["query"], scheme)
    if scheme == "unix":
        return RedisAddress(scheme, unquote(parts["path"]), _database(options.get("db")))
    if scheme.endswith("+sentinel"):
        return _sentinels(scheme, parts, _database(options.get("db", parts["db"])))
    where = f"{_checked_host(parts['host'], REDIS_REFUSED)}:{_checked_port(parts['port'] or REDIS_PORT, REDIS_REFUSED)}"
    return RedisAddress(scheme, where, _database(options.get("db", parts["db"])))


def _sentinels(scheme: str, parts: dict[str, str], database: int) -> RedisAddress:
    found = [match for host in parts["hosts"].split(",") if (match := _SENTINEL.fullmatch(host)) is not None]
    sentinels = [
        (_checked_host(each["host"], REDIS_REFUSED), _checked_port(each["port"] or SENTINEL_PORT, REDIS_REFUSED))
        for each in found
    ]
    where = ",".join(f"{host}:{port}" for host, port in sentinels)
    hosts = tuple((host.strip("[]"), port) for host, port in sentinels)
    return RedisAddress(scheme, f"{where}/{parts['service']}", database, hosts, parts["service"])


def checked_brokers(text: str) -> str:
    """Return Kafka's addresses without blanks. Raises ValueError, without a word of them, when one is no HOST:PORT."""
    brokers = [part.strip() for part in text.split(",")]
    for broker in brokers:
        match = _BROKER.fullmatch(broker)
        if match is None:
            raise ValueError(KAFKA_REFUSED)
        _checked_host(match["host"], KAFKA_REFUSED)
        _checked_port(match["port"], KAFKA_REFUSED)
    return ",".join(brokers)


def shown_host(host: str) -> str:
    """Return a host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def _options(query: str | None, scheme: str) -> dict[str, str]:
    known = _OPTIONS | (_TLS_OPTIONS if scheme.startswith("rediss") else set())
    known |= _SENTINEL_OPTIONS if scheme.endswith("+sentinel") else set()
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:  # its text holds the query
        raise ValueError(REDIS_REFUSED) from None
    options = dict(pairs)
    if len(options) < len(pairs) or not options.keys() <= known:
        raise ValueError(REDIS_REFUSED)
    return options


def _database(text: str | None) -> int:
    if text and not re.fullmatch(r"[0-9]{1,5}", text):
        raise ValueError(REDIS_REFUSED)
    return int(text) if text else 0


def _checked_host(host: str, refused: str) -> str:
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise ValueError(refused) from None
    return host


def _checked_port(port: str | int, refused: str) -> int:
    if not 1 <= int(port) <= 65535:
        raise ValueError(refused)
    return int(port)
