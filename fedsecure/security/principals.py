"""Who may do what on Kafka and Redis: the one table that ACLs, tests and docs/security-principals.md are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from contracts.redis_keys import RedisKeys
from contracts.topics import Topics

Operation = Literal["CREATE", "DESCRIBE", "READ", "WRITE"]
ADMIN: Final = "admin"
BROKER: Final = "broker"
MECHANISM: Final = "SCRAM-SHA-512"
SUPER_USERS: Final = (BROKER, ADMIN)
EVERY_CLIENT: Final = ("+@connection", "-@dangerous", "+info")
"""Redis commands of whoever logs in: to say who it is, to ask for an answer and which server gives it, not to look at other clients or to end them."""
READS_STATES: Final = ("+hget", "+zrange")


@dataclass(frozen=True, slots=True)
class KafkaRule:
    """What is allowed on a topic or group; with `is_prefix` on every one whose name begins so. READ and WRITE imply DESCRIBE."""

    name: str
    operations: tuple[Operation, ...]
    is_prefix: bool = False
    kind: Literal["topic", "group"] = "topic"


@dataclass(frozen=True, slots=True)
class RedisRules:
    """Keys as Redis writes them (`~pattern` to read and write, `%R~pattern` to read) and the commands that a program uses."""

    keys: tuple[str, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """One name that a program or device logs in under. What is not listed is denied. Without `redis` it has no user there."""

    name: str
    is_for: str
    kafka: tuple[KafkaRule, ...] = ()
    redis: RedisRules | None = None


def program_principals(topics: Topics, keys: RedisKeys, worker_group: str) -> tuple[Principal, ...]:
    """Return the principals of the programs of one installation, the administrator first."""
    return (
        Principal(ADMIN, "the administrator's commands; super user", redis=RedisRules(("~*", "&*"), ("+@all",))),
        *_sources(topics),
        _worker(topics, keys, worker_group),
        _coordinator(topics, keys),
        *_consoles(topics, keys, worker_group),
        _gate(topics, keys),
    )


def device_principal(topics: Topics, keys: RedisKeys, name: str, device_ids: Sequence[str]) -> Principal:
    """Return the principal of a host of these devices: of its own device's, where it has only one, and of nobody else's.

    Names are whole ones: a prefix `device-1` would also be one of `device-10`.
    """
    return Principal(
        name,
        f"`fedsecure device` for {', '.join(device_ids)}",
        (
            *_topics("READ", topics.fl_rounds, topics.models, topics.bundles, topics.bundle_files),
            *_topics("READ", *map(topics.vitals, device_ids)),
            *(KafkaRule(topics.fl_updates(device_id), ("READ", "WRITE")) for device_id in device_ids),
        ),
        RedisRules(
            (
                f"%R~{keys.prefix}:blob:global:*",
                *(f"~{keys.update_blob(device_id, '*')}" for device_id in device_ids),
            ),
            ("+eval", "+del", "+get", "+incr", "+pexpire", "+pttl", "+set", "+strlen"),
        ),
    )


def _sources(topics: Topics) -> tuple[Principal, ...]:
    writes = _vitals(topics, "CREATE", "READ", "WRITE")  # READ: to go on after the last minute that is there
    journals = KafkaRule(topics.ingest(""), ("CREATE", "READ", "WRITE"), is_prefix=True)
    beside = (*_topics("WRITE", topics.truth), *_topics("READ", topics.replay_commands))
    return (
        Principal("replay", "`fedsecure replay`", (*writes, *beside)),
        Principal("ingest", "`fedsecure ingest`", (*writes, journals)),
    )


def _worker(topics: Topics, keys: RedisKeys, group: str) -> Principal:
    kafka = (
        *_vitals(topics, "READ"),
        *_topics("WRITE", topics.scores, topics.dead_letters),
        KafkaRule(topics.device_status, ("READ", "WRITE")),
        *_topics("READ", topics.bundles, topics.bundle_files),
        KafkaRule(group, ("READ",), kind="group"),
    )
    # A script may do what its user may, and no more: to load one opens nothing.
    scripts = ("+eval", "+evalsha", "+script|exists", "+script|load")
    states = (f"~{keys.device('*')}", f"~{keys.prefix}:devices:*")
    claims = ("+del", "+get", "+incr", "+pexpire", "+pttl", "+set")
    redis = RedisRules(states, (*scripts, *claims, "+hdel", "+hget", "+hmget", "+hset", "+type", "+zadd"))
    return Principal("worker", "`fedsecure worker`, all of a group", kafka, redis)


def _coordinator(topics: Topics, keys: RedisKeys) -> Principal:
    kafka = (
        KafkaRule(topics.fl_updates_prefix, ("READ",), is_prefix=True),
        *_topics("WRITE", topics.dead_letters),
        *(KafkaRule(name, ("READ", "WRITE")) for name in (topics.fl_rounds, topics.models, topics.fl_events)),
        *_topics("READ", topics.fl_keys, topics.fl_rollbacks),
        # It takes a promotion back by itself.
        *(KafkaRule(name, ("READ", "WRITE")) for name in (topics.bundles, topics.bundle_files)),
    )
    own = (f"~{keys.prefix}:fl:*", f"~{keys.global_blob('*')}", f"%R~{keys.prefix}:blob:up:*")
    commands = ("+del", "+eval", "+get", "+hget", "+hset", "+mget", "+set", "+strlen", "+type", "+zrange")
    redis = RedisRules((*_read_states(keys), *own), commands)
    return Principal("coordinator", "`fedsecure coordinator`, the active one and those that wait", kafka, redis)


def _consoles(topics: Topics, keys: RedisKeys, group: str) -> tuple[Principal, ...]:
    told = (topics.scores, topics.device_status, topics.truth, topics.fl_rounds, topics.fl_events, topics.fl_keys)
    kafka = (
        *_topics("READ", *told),
        *_vitals(topics, "READ"),
        KafkaRule(group, ("DESCRIBE",), kind="group"),
    )
    redis = RedisRules(_read_states(keys), READS_STATES)
    inject = _topics("WRITE", topics.replay_commands)
    by_hand = "`fedsecure console --allow-inject`: the same, and attacks by hand"
    return (
        Principal("console", "`fedsecure console`", kafka, redis),
        Principal("console-inject", by_hand, (*kafka, *inject), redis),
    )


def _gate(topics: Topics, keys: RedisKeys) -> Principal:
    is_for = "`fedsecure gate`, and the gate in front of another framework's strategy"
    return Principal("gate", is_for, _topics("READ", topics.fl_keys), RedisRules(_read_states(keys), READS_STATES))


def _read_states(keys: RedisKeys) -> tuple[str, ...]:
    return f"%R~{keys.device('*')}", f"%R~{keys.prefix}:devices:*"


def _vitals(topics: Topics, *operations: Operation) -> tuple[KafkaRule, ...]:
    """Return the rules for all vitals: of one topic a patient, and of the shared one."""
    return KafkaRule(topics.vitals_prefix, operations, is_prefix=True), KafkaRule(topics.vitals_shared, operations)


def _topics(operation: Operation, *names: str) -> tuple[KafkaRule, ...]:
    return tuple(KafkaRule(name, (operation,)) for name in names)
