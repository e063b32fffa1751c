"""The coordinator's fencing token in Redis: a newer coordinator takes a higher one, and devices refuse lower ones."""

from __future__ import annotations

from typing import Final

import redis

from contracts.errors import Unavailable
from contracts.redis_keys import RedisKeys
from fl_coordinator.errors import Fenced

_TAKE: Final = """
local token = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1])) + 1
redis.call('SET', KEYS[1], token)
return token
"""
_HOLD: Final = """
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
if held < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return held
"""


class Lease:
    """Takes a token once and checks before each round that nobody has taken a higher one. Blocks."""

    def __init__(self, client: redis.Redis, keys: RedisKeys) -> None:
        self._client = client
        self._key = keys.coordinator_lease
        self.token = 0

    def take(self, last_token: int) -> int:
        """Take and return max(Redis, `last_token` of the rounds on record) + 1; raises Unavailable."""
        self.token = self._run(_TAKE, last_token)
        return self.token

    def check(self) -> None:
        """Raise Fenced when another coordinator is newer, Unavailable when Redis cannot tell.

        A Redis that lost its data gets the token back, so that the newest of two still wins.
        """
        held = self._run(_HOLD, self.token)
        if held > self.token:
            raise Fenced(f"another coordinator took over (lease {held}, ours is {self.token}): stopping")

    def _run(self, script: str, argument: int) -> int:
        try:
            return int(str(self._client.eval(script, 1, self._key, argument)))
        except redis.RedisError as error:
            raise Unavailable(f"Redis does not answer for the lease ({type(error).__name__})") from None
