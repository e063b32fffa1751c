"""Kafka's refusals are in what its admin client returns, not raised: none is passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kafka.errors import ClusterAuthorizationFailedError, NoError

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.redis_keys import RedisKeys
from contracts.topics import Topics
from fedsecure.security import kafka_access
from fedsecure.security.kafka_access import acls_of, grant, revoke
from fedsecure.security.principals import device_principal

DEVICE = device_principal(Topics(), RedisKeys(), "device-a", ["a"])
OTHER = device_principal(Topics(), RedisKeys(), "device-b", ["b"])


class Admin:
    """A Kafka that holds rules and users, and may refuse a kind of change."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.acls = set(acls_of(OTHER))
        self.users: set[str] = {"device-b"}

    def describe_acls(self, _wanted: Any) -> tuple[list[Any], Any]:
        return list(self.acls), NoError

    def create_acls(self, acls: list[Any]) -> dict[str, list[Any]]:
        if self.refuses == "create":
            return {"succeeded": [], "failed": [ClusterAuthorizationFailedError]}
        self.acls |= set(acls)
        return {"succeeded": acls, "failed": []}

    def delete_acls(self, acls: list[Any]) -> list[tuple[Any, list[Any], Any]]:
        if self.refuses == "delete":
            return [(acl, [], ClusterAuthorizationFailedError) for acl in acls]
        self.acls -= set(acls)
        return [(acl, [acl], NoError) for acl in acls]

    def describe_user_scram_credentials(self) -> dict[str, Any]:
        return dict.fromkeys(self.users)

    def alter_user_scram_credentials(self, changes: list[Any]) -> dict[str, str | None]:
        if self.refuses == "alter":
            return {change.user: "not allowed" for change in changes}
        for change in changes:
            is_deletion = type(change).__name__.endswith("Deletion")
            (self.users.discard if is_deletion else self.users.add)(change.user)
        return {change.user: None for change in changes}

    def close(self) -> None:
        pass


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Admin]:
    def made(refuses: str = "") -> Admin:
        admin = Admin(refuses)
        monkeypatch.setattr(kafka_access, "connect_admin", lambda _: admin)
        return admin

    return made


def test_a_principal_gets_exactly_its_rules_and_others_keep_theirs(kafka: Callable[..., Admin]) -> None:
    admin = kafka()
    grown = device_principal(Topics(), RedisKeys(), "device-a", ["a", "c"])
    grant(Settings(), {grown: "secret"})
    assert admin.acls == {*acls_of(grown), *acls_of(OTHER)}
    grant(Settings(), {DEVICE: "secret"})
    assert admin.acls == {*acls_of(DEVICE), *acls_of(OTHER)}, "what it may no longer do is gone"
    revoke(Settings(), ["device-a"])
    assert admin.acls == set(acls_of(OTHER))
    assert admin.users == {"device-b"}
    revoke(Settings(), ["device-a"])  # once more, after one that was cut off


@pytest.mark.parametrize(("refused", "what"), [("create", "rule"), ("alter", "user")])
def test_a_refusal_to_grant_is_an_error(kafka: Callable[..., Admin], refused: str, what: str) -> None:
    kafka(refused)
    with pytest.raises(Unavailable, match=f"refused .* {what}") as error:
        grant(Settings(), {DEVICE: "secret"})
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("refused", ["delete", "alter"])
def test_a_refusal_to_revoke_is_an_error(kafka: Callable[..., Admin], refused: str) -> None:
    kafka(refused)
    with pytest.raises(Unavailable, match="refused"):
        revoke(Settings(), ["device-b"])
