"""The table of rights: the page repeats it, and what must never be allowed is not in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from secure_site import DEVICES

from contracts.redis_keys import RedisKeys
from contracts.topics import Topics
from fedsecure.security.describe import page
from fedsecure.security.kafka_access import acls_of
from fedsecure.security.principals import Principal, device_principal, program_principals
from fedsecure.security.redis_access import rules_of, users_file

ROOT = Path(__file__).parents[3]
TOPICS, KEYS = Topics(), RedisKeys()
PROGRAMS = program_principals(TOPICS, KEYS, "fedsecure-workers")
ALL = (*PROGRAMS, *(device_principal(TOPICS, KEYS, f"device-{device}", [device]) for device in DEVICES))


def named(name: str) -> Principal:
    return next(each for each in ALL if each.name == name)


def test_the_page_repeats_the_table() -> None:
    assert (ROOT / "docs/security-principals.md").read_text() == page()


def test_only_the_administrator_registers_keys() -> None:
    assert not [
        each.name for each in ALL for rule in each.kafka if rule.name == TOPICS.fl_keys and "WRITE" in rule.operations
    ]


def test_a_device_is_allowed_whole_names_only() -> None:
    assert not [rule for rule in named("device-bed-1").kafka if rule.is_prefix]
    assert all("bed-10" not in rule.name for rule in named("device-bed-1").kafka)


def test_nobody_but_a_super_user_has_rights_on_the_cluster_or_may_delete() -> None:
    kinds = {(acl.resource_pattern.resource_type.name, acl.operation.name) for each in ALL for acl in acls_of(each)}
    assert {kind for kind, _ in kinds} == {"TOPIC", "GROUP"}
    assert {operation for _, operation in kinds} == {"CREATE", "DESCRIBE", "READ", "WRITE"}


def test_another_installations_names_are_not_allowed() -> None:
    others = program_principals(Topics("other"), RedisKeys("other"), "other-workers")
    names = [rule.name for each in others for rule in each.kafka]
    keys = [pattern for each in others if each.redis and each.name != "admin" for pattern in each.redis.keys]
    assert all(name.startswith("other") for name in names)
    assert all("~other:" in pattern for pattern in keys)


@pytest.mark.parametrize("name", ["worker", "coordinator", "console", "device-bed-1"])
def test_a_user_of_redis_begins_with_nothing_and_takes_nothing_dangerous(name: str) -> None:
    words = rules_of(named(name), "00" * 32)
    assert words[0] == "reset"
    assert not {"+@all", "~*", "allkeys", "nopass", "+@dangerous", "+@admin"} & set(words)


def test_the_file_of_users_turns_the_nameless_one_off_and_holds_no_password() -> None:
    hashes = {each.name: f"{number:064x}" for number, each in enumerate(ALL)}
    lines = users_file(ALL, hashes).splitlines()
    assert lines[0].startswith("user default off ")
    assert [line.split()[1] for line in lines[1:]] == [each.name for each in ALL if each.redis]
    assert not [line for line in lines if ">" in line]
