"""Names in Redis that belong to one process at a time: a worker's id, a device's host, a device's replay."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from contracts.configuration.parts import ServiceSettings
from contracts.errors import Unavailable
from contracts.metrics import IDENTITY_CONFLICTS
from transport.redis.health import asking
from transport.redis.primary import Primary
from transport.redis_client import connect_redis

CLAIM_S: Final = 3.0
"""A claim that was not renewed for so long is free: for so long, at most, a crash locks its successor out."""
RENEWALS_A_TERM: Final = 4
PATIENCE_S: Final = CLAIM_S + 1.0
"""Whoever finds a claim taken for longer than this is not the successor of a crashed process."""

_HOLD: Final = """
-- KEYS: claims; ARGV: our name, how long a claim stands and with how much left of it it is free already (ms).
-- Answers: how often others asked for what is ours, then per key 1 (ours now) or 0. A key of another type is nobody's.
local answers, asked = {0}, 0
for i, key in ipairs(KEYS) do
  local holder = redis.pcall('GET', key)
  if type(holder) == 'string' and holder ~= ARGV[1] and redis.call('PTTL', key) >= tonumber(ARGV[3]) then
    if type(redis.pcall('INCR', key .. ':asked')) == 'table' then redis.call('SET', key .. ':asked', 1) end
    redis.call('PEXPIRE', key .. ':asked', 60000)
    answers[i + 1] = 0
  else
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    local count = redis.pcall('GET', key .. ':asked')
    if count then redis.call('DEL', key .. ':asked') end
    asked = asked + (type(count) == 'string' and tonumber(count) or 0)
    answers[i + 1] = 1
  end
end
answers[1] = asked
return answers
"""
_RELEASE: Final = """
for _, key in ipairs(KEYS) do
  if redis.pcall('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 0
"""

PRESENCE: Final = "take the presence of devices"
Kind = Literal["worker", "host", "replay"]


def claims_client(settings: ServiceSettings, primary: Primary | None = None) -> redis.Redis:
    """Return a client for claims alone: one try a call, for the next renewal comes soon. Raises Misconfigured."""
    client = connect_redis(settings, primary)
    client.set_retry(Retry(NoBackoff(), 0))
    return client


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a claim stands (seconds), and after how many without a renewal another process may have it."""

    stands_s: float = CLAIM_S
    free_after_s: float = CLAIM_S


class Claims:
    """Holds claims under a name that no other process has, not even the next one of the same id. All calls block.

    They raise Unavailable when Redis does not answer. That takes nothing from whoever runs: a claim says who is to end of two,
    not who may work.
    """

    def __init__(self, client: redis.Redis, kind: Kind, terms: Terms | None = None) -> None:
        terms = terms or Terms()
        self._client = client
        self._kind = kind
        self._name = secrets.token_hex(8)
        self._stands_ms = max(1, round(terms.stands_s * 1000))
        self._free_with_ms = max(0, round((terms.stands_s - terms.free_after_s) * 1000))

    def hold(self, keys: Sequence[str]) -> list[str]:
        """Take or renew these claims, and return those that another process holds. Whoever asked for ours meanwhile is counted."""
        if not keys:
            return []
        with self._asking():
            answers = self._client.eval(_HOLD, len(keys), *keys, self._name, self._stands_ms, self._free_with_ms)
        asked, *ours = map(int, answers)
        if asked:
            IDENTITY_CONFLICTS.labels(self._kind).inc(asked)
        return [key for key, is_ours in zip(keys, ours, strict=True) if not is_ours]

    def release(self, keys: Sequence[str]) -> None:
        """Give back those of the claims that are ours."""
        if not keys:
            return
        with self._asking():
            self._client.eval(_RELEASE, len(keys), *keys, self._name)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """A host's claims tell whether Redis works for it; what a worker or a replay needs of Redis is not this."""
        if self._kind == "host":
            with asking(PRESENCE, writes=True):
                yield
            return
        try:
            yield
        except (redis.RedisError, OSError) as error:
            raise Unavailable(f"Redis does not keep claims ({type(error).__name__})") from None
