"""A patient who arrives while the group's coordinator is away does not end the worker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.structs import TopicPartition

from streams.faust.transport import heed_changes


class BrokersAway:
    """A client that finds no coordinator until it is told to."""

    def __init__(self) -> None:
        self.found, self.asked = asyncio.Event(), asyncio.Event()
        self.cluster = SimpleNamespace(add_listener=lambda _: None)

    async def coordinator_lookup(self, *_: object) -> int:
        self.asked.set()
        await self.found.wait()
        return 1

    async def ready(self, *_: object, **__: object) -> bool:
        return True

    def set_topics(self, _topics: object) -> asyncio.Future[bool]:
        future = asyncio.get_running_loop().create_future()
        future.set_result(True)
        return future


async def change_while_away(*, heeded: bool) -> tuple[Any, list[set[str]]]:
    """Lose the coordinator, subscribe to one topic more, find it again; return the routine's task and what was joined with."""
    client, state, joined = BrokersAway(), SubscriptionState(), []
    coordinator: Any = GroupCoordinator(client, state, enable_auto_commit=False)

    async def join(subscription: Any) -> bool:
        joined.append(set(subscription.topics))
        state.assign_from_subscribed([TopicPartition(topic, 0) for topic in subscription.topics])
        coordinator._rejoin_needed_fut = asyncio.get_running_loop().create_future()
        return True

    coordinator._do_rejoin_group = join
    coordinator._start_heartbeat_task = lambda: None
    state.register_fetch_waiters(set())
    if heeded:
        heed_changes(coordinator)
    state.subscribe({"a"})
    client.found.set()
    while not joined:
        await asyncio.sleep(0.01)
    client.found.clear()
    client.asked.clear()
    coordinator.coordinator_dead()
    await client.asked.wait()
    state.subscribe({"a", "b"})
    client.found.set()
    for _ in range(20):
        await asyncio.sleep(0.01)
    routine = coordinator._coordination_task
    if not routine.done():
        routine.cancel()
        await asyncio.gather(routine, return_exceptions=True)
    return routine, joined


async def test_the_group_is_joined_again_with_what_is_wanted_now() -> None:
    routine, joined = await change_while_away(heeded=True)
    assert routine.cancelled(), "it ran on"
    assert joined == [{"a"}, {"a", "b"}]


async def test_aiokafka_alone_still_ends() -> None:
    """When this fails, aiokafka has mended it, and `heed_changes` can go."""
    routine, _ = await change_while_away(heeded=False)
    with pytest.raises(Exception, match="AssertionError"):
        routine.result()
