"""Faust's Kafka transport, for which a commit that comes too late is no error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import structlog
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

log = structlog.get_logger()


class _ConsumerThread(AIOKafkaConsumerThread):
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


class _Consumer(Consumer):
    async def wait_first(self, *coros: Any, timeout: Any = None) -> Any:
        """Hand a message over without the two tasks that Faust makes for each, so as to stop when its flow is suspended.

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

    Consumer = _Consumer
