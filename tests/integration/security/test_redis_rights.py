"""Every user of the real Redis over TLS: what its row allows works, and what it does not is refused where there is something to read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from contracts.configuration.settings import Settings
from fedsecure.security.site import Site
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration
Login = Callable[[str], Settings]
Call = Callable[[redis.Redis], object]
DENIED = (
    "no permissions",
    "acl failure in script",
    "can't access at least one of the keys",
    "can't run this command",
)
WRITES_A_STATUS = "return redis.call('HSET', KEYS[1], 'status', 'benign')"

CALLS: dict[str, Call] = {
    "reads the devices": lambda client: client.zrange("fedsecure:devices:last_seen", 0, -1),
    "reads a status": lambda client: client.hget("fedsecure:device:bed-1", "status"),
    "writes a status": lambda client: client.hset("fedsecure:device:bed-1", "status", "benign"),
    "writes a status by a script": lambda client: client.eval(WRITES_A_STATUS, 1, "fedsecure:device:bed-1"),
    "hides a status from a script's keys": lambda client: client.eval(
        "return redis.call('HSET', 'fedsecure:device:bed-1', 'status', 'benign')", 0
    ),
    "takes the lease": lambda client: client.set("fedsecure:fl:lease", 2),
    "reads a global model": lambda client: client.get("fedsecure:blob:global:aa"),
    "writes a global model": lambda client: client.set("fedsecure:blob:global:aa", b"mine"),
    "reads the first bed's update": lambda client: client.get("fedsecure:blob:up:bed-1:bb"),
    "writes the first bed's update": lambda client: client.set("fedsecure:blob:up:bed-1:bb", b"mine"),
    "reads the tenth bed's update": lambda client: client.get("fedsecure:blob:up:bed-10:bb"),
    "writes the tenth bed's update": lambda client: client.set("fedsecure:blob:up:bed-10:bb", b"mine"),
    "lists all keys": lambda client: client.keys("*"),
    "reads another installation's": lambda client: client.get("elsewhere:fl:lease"),
    "reads the users": lambda client: client.acl_list(),
    "changes the server": lambda client: client.config_set("maxmemory", 0),
    "ends another client": lambda client: client.client_kill_filter(_type="normal", skipme=True),
    "deletes everything": lambda client: client.flushall(),
}
MAY = {
    "worker": {"reads a status", "writes a status", "writes a status by a script", "hides a status from a script's keys"},
    "coordinator": {
        "reads the devices", "reads a status", "takes the lease", "reads a global model", "writes a global model",
        "reads the first bed's update", "reads the tenth bed's update",
    },
    "console": {"reads the devices", "reads a status"},
    "console-inject": {"reads the devices", "reads a status"},
    "gate": {"reads the devices", "reads a status"},
    "device-bed-1": {"reads a global model", "reads the first bed's update", "writes the first bed's update"},
    "device-bed-10": {"reads a global model", "reads the tenth bed's update", "writes the tenth bed's update"},
}  # fmt: skip


def refusal_of(client: redis.Redis, call: Call) -> str | None:
    try:
        call(client)
    except redis.exceptions.ResponseError as error:
        return str(error).lower()
    return None


@pytest.mark.parametrize("name", MAY)
def test_a_user_may_what_its_row_says_and_nothing_else(name: str, login: Login) -> None:
    with connect_redis(login(name)) as client:
        refusals = {title: refusal_of(client, call) for title, call in CALLS.items()}
    mistyped = [said for said in refusals.values() if said and not any(word in said for word in DENIED)]
    assert mistyped == []
    assert {title for title, said in refusals.items() if said is None} == MAY[name]


def test_every_user_is_one_of_the_tables_and_the_nameless_one_is_off(site: Site, login: Login) -> None:
    with connect_redis(login("admin")) as client:
        users = {line.split()[1]: line.split() for line in client.acl_list()}
    assert users.keys() == {"default", "admin", *MAY} | {
        name for name in users if name.startswith(("device-", "host-"))
    }
    assert "off" in users["default"]
    assert all("on" in words and "nopass" not in words for name, words in users.items() if name != "default")


def test_a_program_without_a_row_for_redis_has_no_user_there(site: Site) -> None:
    assert not (site.program_folder("replay") / "REDIS_URL").exists()
    assert not (site.program_folder("ingest") / "REDIS_URL").exists()
