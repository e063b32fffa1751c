"""Faust's Kafka transport, which survives a commit that comes too late and a group whose coordinator is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import structlog
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

log = structlog.get_logger()

LEARN_WITHIN_S = 10.0


def heed_changes(coordinator: Any) -> None:
    """Let the subscription change while aiokafka's group coordinator is looked for, as when its broker was lost.

    aiokafka (0.14) goes on with the subscription that it began with, finds it without an assignment, and ends the consumer
    by an AssertionError. Here it begins anew with the one that holds.
    """
    needs, join = coordinator.need_rejoin, coordinator.ensure_active_group

    def need_rejoin(subscription: Any) -> bool:
        return not subscription.active or needs(subscription)

    async def ensure_active_group(subscription: Any, assignment: Any) -> Any:
        return await join(subscription, assignment) if subscription.active else None

    coordinator.need_rejoin, coordinator.ensure_active_group = need_rejoin, ensure_active_group


class _ConsumerThread(AIOKafkaConsumerThread):
    async def on_start(self) -> None:
        await super().on_start()
        heed_changes(cast("Any", self._ensure_consumer())._coordinator)  # noqa: SLF001 - aiokafka makes it and offers no way in

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """Go back to what was committed; where nothing was, to the start of what Kafka keeps.

        Faust drops what it fetches while the group changes, and would leave such a partition where it was fetched to: a device's
        first messages would be passed over until it sends more, in the shared layout for good.
        """
        committed = await super().seek_to_committed()
        fresh = [TopicPartition(*tp) for tp, offset in committed.items() if not offset]
        offsets = {(tp.topic, tp.partition): offset or 0 for tp, offset in committed.items()}
        cast("Any", self.app).core.reads_on_from(offsets)
        if fresh:
            log.info("partitions_read_from_their_start", partitions=len(fresh))
            await self.call_thread(self._read_from_start, fresh)
        return committed

    async def _read_from_start(self, partitions: Sequence[TopicPartition]) -> None:
        consumer = self._ensure_consumer()
        for partition in partitions:
            if partition in consumer.assignment():  # it may be gone by now, and comes with another assignment
                consumer.seek(partition, 0)  # below what is kept: aiokafka then takes the oldest record

    async def learn_topics(self, *, rejoin: bool) -> None:
        """Ask the broker now which topics there are, and join the group anew if wanted: all positions are taken afresh then."""
        await self.call_thread(self._learn_topics, rejoin)

    async def _learn_topics(self, rejoin: bool) -> None:
        consumer = cast("Any", self._ensure_consumer())
        await consumer._client.force_metadata_update()  # noqa: SLF001 - aiokafka has no public way
        if rejoin and consumer._coordinator is not None:  # noqa: SLF001 - see above
            consumer._coordinator.request_rejoin()  # noqa: SLF001 - see above

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        """Commit what was applied. Faust's own crashes the app when the group has moved on (a worker that slept).

        Faust acknowledges whatever its agent was given, also when the agent was stopped half-way.
        """
        if not cast("Any", self.app).core.may_commit:
            return False
        assigned = self.assignment()
        wanted = {TopicPartition(*tp): OffsetAndMetadata(at, "") for tp, at in offsets.items() if tp in assigned}
        try:
            await self._ensure_consumer().commit(wanted)
        except (KafkaError, IllegalStateError) as error:
            log.warning("offsets_not_committed", error=type(error).__name__, units=len(wanted))
            return False
        return True


class SteadyConsumer(Consumer):
    """The consumer that the transport makes."""

    async def learn_topics(self, *, rejoin: bool) -> None:
        """Take note of topics that came back, and with `rejoin` of such that were made anew. Gives up after some seconds."""
        with contextlib.suppress(TimeoutError, ConsumerNotStarted):
            await asyncio.wait_for(cast("_ConsumerThread", self._thread).learn_topics(rejoin=rejoin), LEARN_WITHIN_S)

    def highwater(self, tp: Any) -> int:
        """Return where a partition ends; 0 of one that left while its messages were fetched.

        aiokafka's assertion would end the worker: Faust asks for each message that it hands over, from another thread than the one that
        changes what is assigned.
        """
        try:
            return super().highwater(tp)
        except (AssertionError, AttributeError):  # the assignment may also be None for a moment
            return 0

    async def wait_first(self, *coros: Any, timeout: Any = None) -> Any:
        """Hand a message over without the four tasks that Faust makes for each, so as to stop when its flow is suspended.

        While nothing suspends the flow there is nothing to stop for: half of what Faust does with a message.
        """
        flows = self.app.flow_control.is_active() and not self.suspend_flow.is_set()
        if timeout is not None or len(coros) != 2 or not flows:
            return await super().wait_first(*coros, timeout=timeout)
        deliver, suspended = coros
        suspended.close()
        await deliver
        return None

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class SteadyTransport(Transport):
    """The transport to set on an app before it starts."""

    Consumer = SteadyConsumer
