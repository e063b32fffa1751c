"""Write docs/security-principals.md, the table of `principals.py`: `python -m fedsecure.security.describe`."""

from __future__ import annotations

import sys
from typing import Final

from contracts.redis_keys import RedisKeys
from contracts.topics import Topics
from fedsecure.security.principals import (
    EVERY_CLIENT,
    SUPER_USERS,
    KafkaRule,
    Principal,
    device_principal,
    program_principals,
)

HEAD: Final = """# Who may do what on Kafka and Redis

In the secure mode each program and each device logs in under a name of its own and may do what stands here; everything else is denied. The page is
made by `python -m fedsecure.security.describe` of the same table (`fedsecure/security/principals.py`) that the rights on Kafka and Redis are made of
(`fedsecure secure apply`, `fedsecure stack up --secure`) and that the tests try, row by row, both ways.

`…*` is every name that begins so; all other names are whole ones. READ and WRITE include DESCRIBE. `fedsecure` is `FEDSECURE_PREFIX`.
"""
TAIL: Final = f"""
- **{" and ".join(SUPER_USERS)}** are Kafka's super users: the brokers among themselves, and the administrator's commands (`fedsecure topics`, `device register`,
  `promote`, `models`, `secure`). Only the administrator may write `fl.keys`, so that nobody registers a key by himself.
- Kafka has no rights on keys of records, so each device has an update topic of its own, and vitals topics are one a patient. With the shared layout
  (`FEDSECURE_TOPIC_LAYOUT=shared`) whoever may write vitals may write everybody's.
- A device may not create its update topic: `fedsecure secure add-device ID` does. `--host NAME` makes one principal for all devices of a host: it may then
  do for each of them what a device may, and whoever takes that host over has them all.
- A replay and an ingest read vitals to go on after the last minute that is there. A coordinator writes bundles to take a promotion back by itself, and
  reads no vitals. A worker reads bundles, not global models: those never change the detector.
- Readers other than workers use no consumer group, so they need no right on one.
- `fedsecure` commands not named here log in as {SUPER_USERS[1]}.

On Redis every user may in addition use `{" ".join(EVERY_CLIENT)}` (log in, ask for an answer). A script does what its user may and no more, so
to load one opens nothing. The user `default` is off.
"""


def page() -> str:
    """Return the page."""
    topics, keys = Topics(), RedisKeys()
    device = device_principal(topics, keys, "device-ID", ["ID"])
    principals = (*program_principals(topics, keys, "fedsecure-workers"), device)
    return "\n".join(
        [
            HEAD,
            "## Kafka",
            "",
            *_kafka(principals),
            "",
            "## Redis",
            "",
            *_redis(principals),
            "",
            "## What to know",
            TAIL,
        ]
    )


def _kafka(principals: tuple[Principal, ...]) -> list[str]:
    rows = [
        f"| `{each.name}` | {each.is_for} | {'<br>'.join(map(_rule, each.kafka)) or 'everything'} |"
        for each in principals
    ]
    return ["| principal | is for | may |", "|---|---|---|", *rows]


def _rule(rule: KafkaRule) -> str:
    kind = "" if rule.kind == "topic" else f"{rule.kind} "
    return f"{', '.join(rule.operations)} {kind}`{rule.name}{'…*' if rule.is_prefix else ''}`"


def _redis(principals: tuple[Principal, ...]) -> list[str]:
    rows = []
    for each in principals:
        if each.redis is None:
            rows.append(f"| `{each.name}` | has no user | |")
        else:
            rows.append(
                f"| `{each.name}` | {'<br>'.join(map(_keys, each.redis.keys))} | {_code(each.redis.commands)} |"
            )
    return ["| user | keys | commands |", "|---|---|---|", *rows]


def _keys(pattern: str) -> str:
    kind, _, name = pattern.partition("~")
    return f"`{pattern}`" if not name else f"{'reads' if kind == '%R' else 'reads and writes'} `{name}`"


def _code(words: tuple[str, ...]) -> str:
    return f"`{' '.join(words)}`".replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
