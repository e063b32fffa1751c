"""A worker and its id: refused while another has it, ended when another took it, untouched by a Redis that is away."""

from __future__ import annotations

import asyncio

import pytest

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from streams import identity
from streams.errors import Fatal
from streams.identity import Identity


class Answers:
    """Claims of which the given are another's, call by call; the last goes on for ever. None: Redis is away."""

    def __init__(self, *taken: bool | None) -> None:
        self.taken = list(taken)
        self.calls = 0

    def hold(self, keys: list[str]) -> list[str]:
        self.calls += 1
        taken = self.taken.pop(0) if len(self.taken) > 1 else self.taken[0]
        if taken is None:
            raise Unavailable("away")
        return keys if taken else []

    def release(self, keys: list[str]) -> None:
        raise Unavailable("away")


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identity, "CLAIM_S", 0.04)

    def with_answers(*taken: bool | None, patience_s: float = 60.0) -> Identity:
        monkeypatch.setattr(identity, "PATIENCE_S", patience_s)
        made = Identity(Settings(), "ward-a")
        made._claims = Answers(*taken)  # type: ignore[assignment]
        return made

    return with_answers


async def test_an_id_that_another_worker_holds_is_refused(worker):
    with pytest.raises(Misconfigured, match=r"another worker has the id ward-a: .*--id"):
        await worker(True, patience_s=0.0).take()


@pytest.mark.parametrize("taken", [(False,), (True, True, False), (None,)], ids=["free", "lapses", "redis-away"])
async def test_an_id_that_is_free_or_becomes_so_is_taken_also_without_redis(worker, taken):
    await worker(*taken).take()


async def test_whoever_runs_ends_only_when_another_has_its_id(worker):
    held = worker(False, None, None, False, True)
    with pytest.raises(Fatal, match="ward-a"):
        await asyncio.wait_for(held.keep(), 5)
    assert held._claims.calls == 5
    await held.close()
