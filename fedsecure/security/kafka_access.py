"""The users and access rules of a running Kafka, through its admin client, whose refusals are in its results."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from fedsecure.security.principals import MECHANISM, Principal
from transport.kafka.admin import connect_admin

ITERATIONS: Final = 8192
_ANYTHING: Final = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)


def grant(settings: Settings, passwords: Mapping[Principal, str]) -> None:
    """Make these principals what they are on Kafka: their passwords, and exactly their rules. Blocks, raises Unavailable."""
    with _admin(settings) as admin:
        _alter(
            admin,
            [
                UserScramCredentialUpsertion(principal.name, MECHANISM, password, iterations=ITERATIONS)
                for principal, password in passwords.items()
            ],
        )
        wanted = {acl for principal in passwords for acl in acls_of(principal)}
        there = {
            acl for acl in _described(admin) if acl.principal in {_user(principal.name) for principal in passwords}
        }
        _create(admin, wanted - there)
        _delete(admin, there - wanted)


def revoke(settings: Settings, names: Collection[str]) -> None:
    """Take everything from these principals: first the rules, which hold from then on, then the log-ins. Raises Unavailable.

    A connection that is open may ask nothing any more; Kafka ends it when its log-in is due again (`connections.max.reauth.ms`).
    """
    with _admin(settings) as admin:
        _delete(admin, {acl for acl in _described(admin) if acl.principal in set(map(_user, names))})
        known = set(admin.describe_user_scram_credentials()) & set(names)
        _alter(admin, [UserScramCredentialDeletion(name, MECHANISM) for name in known])


def acls_of(principal: Principal) -> list[ACL]:
    """Return a principal's rules as Kafka has them, one an operation."""
    return [
        ACL(
            _user(principal.name),
            "*",
            ACLOperation[operation],
            ACLPermissionType.ALLOW,
            ResourcePattern(
                ResourceType[rule.kind.upper()],
                rule.name,
                ACLResourcePatternType.PREFIXED if rule.is_prefix else ACLResourcePatternType.LITERAL,
            ),
        )
        for rule in principal.kafka
        for operation in rule.operations
    ]


def _user(name: str) -> str:
    return f"User:{name}"


def _described(admin: KafkaAdminClient) -> list[ACL]:
    found, _ = admin.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, _ANYTHING))
    return list(found)


def _create(admin: KafkaAdminClient, acls: Iterable[ACL]) -> None:
    if wanted := list(acls):
        _check("rule", admin.create_acls(wanted)["failed"])


def _delete(admin: KafkaAdminClient, acls: Iterable[ACL]) -> None:
    if unwanted := list(acls):
        _check("rule", [error for _, _, error in admin.delete_acls(unwanted) if error is not None])


def _alter(admin: KafkaAdminClient, changes: list[Any]) -> None:
    if changes:
        _check("user", [error for error in admin.alter_user_scram_credentials(changes).values() if error is not None])


def _check(what: str, refusals: list[Any]) -> None:
    wrong = [refusal for refusal in refusals if getattr(refusal, "errno", None) != 0]
    if wrong:
        raise Unavailable(f"Kafka refused {len(wrong)} changes of a {what} ({_said(wrong[0])})")


def _said(refusal: Any) -> str:
    return str(getattr(refusal, "__name__", None) or refusal)


@contextmanager
def _admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    with closing(connect_admin(settings)) as admin:
        try:
            yield admin
        except KafkaError as error:  # its text may repeat the request
            raise Unavailable(f"Kafka did not change its users and rules ({type(error).__name__})") from None
