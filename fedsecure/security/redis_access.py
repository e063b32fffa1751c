"""The users of Redis: as a file that it starts with, and changed while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import redis

from contracts.errors import Unavailable
from fedsecure.security.principals import EVERY_CLIENT, Principal

NOBODY: Final = "user default off resetpass resetkeys resetchannels -@all"


def rules_of(principal: Principal, password_sha256: str) -> tuple[str, ...]:
    """Return the words that make a user what its principal is, whatever it was before."""
    allowed = principal.redis
    assert allowed is not None
    # The password itself is nowhere in Redis, and on no wire.
    return ("reset", "on", f"#{password_sha256}", *allowed.keys, "-@all", *EVERY_CLIENT, *allowed.commands)


def users_file(principals: Iterable[Principal], password_sha256: Mapping[str, str]) -> str:
    """Return Redis' `aclfile`: those principals that have a user there, and nobody else."""
    with_user = [principal for principal in principals if principal.redis is not None]
    lines = [f"user {each.name} {' '.join(rules_of(each, password_sha256[each.name])[1:])}" for each in with_user]
    return "\n".join([NOBODY, *lines]) + "\n"


def set_user(client: redis.Redis, principal: Principal, password_sha256: str) -> None:
    """Make or change a user of the running Redis. Its connections stay, under the new rules. Raises Unavailable."""
    _ask(client, "SETUSER", principal.name, *rules_of(principal, password_sha256))


def delete_user(client: redis.Redis, name: str) -> None:
    """Delete a user, which ends its connections at once. Raises Unavailable."""
    _ask(client, "DELUSER", name)


def users(client: redis.Redis) -> set[str]:
    """Return the names of all users. Raises Unavailable."""
    return {name.decode() if isinstance(name, bytes) else str(name) for name in _ask(client, "USERS")}


def _ask(client: redis.Redis, *words: str) -> Any:
    try:
        return client.execute_command("ACL", *words)  # type: ignore[no-untyped-call]
    except redis.RedisError as error:  # its text may repeat the words
        raise Unavailable(f"Redis did not change its users ({type(error).__name__})") from None
