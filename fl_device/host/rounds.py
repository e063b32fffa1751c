"""Follows the rounds and models on record, and has the newest round answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import InvalidMessage, Unavailable
from contracts.messages.federation import GlobalModel, RoundRecord, decode_federation
from fl_device.host.answering import Answering, ModelCache
from fl_device.host.participant import HostedDevices
from transport.clock import Backoff, cancellable_sleep
from transport.kafka.topic_reader import Record, TopicReader

log = structlog.get_logger()
POLL_S: Final = 0.2


class RoundFollower:
    """Reads what the coordinator writes, from the first record on, and answers for the hosted devices."""

    def __init__(
        self, settings: Settings, hosted: HostedDevices, models: ModelCache, answering: Answering, random: Random
    ) -> None:
        self._settings = settings
        self._hosted = hosted
        self._models = models
        self._answering = answering
        self._random = random

    async def run(self, stop: asyncio.Event, is_read: Callable[[], object]) -> None:
        """Follow until the stop. `is_read` is called once what was on record before is known. Raises Unavailable until then."""
        topics, backoff = self._settings.topics, Backoff(self._random)
        async with TopicReader(self._settings) as reader:
            await reader.add_existing([topics.fl_rounds, topics.models], start="earliest")
            for record in await reader.read_to_end():
                self._note(record)
            is_read()
            is_last = False
            while not is_last:
                is_last = stop.is_set()  # one more look after the stop: whoever was invited meanwhile declines
                try:
                    records = await reader.poll(POLL_S)
                except Unavailable as error:
                    await wait_for_kafka(error, backoff, stop)
                    continue
                backoff.reset()
                if topics.fl_rounds in reader.take_made_anew():
                    log.warning("rounds_forgotten", reason="their topic was made anew")
                    self._hosted.forget_rounds()
                noted = [self._note(record) for record in records]
                if any(noted) or self._hosted.is_caught_up:
                    self._hosted.is_caught_up = False
                    await self._answer_newest(stop)

    async def _answer_newest(self, stop: asyncio.Event) -> None:
        """Answer the newest round as it stands: what came before it is over, however late this host read of it."""
        if self._hosted.newest_round is not None:
            await self._answering.answer(self._hosted.newest_round, self._hosted.invited(), stop)

    def _note(self, record: Record) -> RoundRecord | None:
        """Remember what a record of the rounds or models topic says. Return it when it is a round."""
        try:
            if record.topic == self._settings.topics.models:
                if record.value is not None:
                    self._models.note(decode_federation(GlobalModel, record.value))
                return None
            round_record = decode_federation(RoundRecord, record.value)
        except InvalidMessage as error:
            log.warning("record_unreadable", topic=record.topic, offset=record.offset, reason=error.reason)
            return None
        self._hosted.note(round_record)
        return round_record


async def wait_for_kafka(error: Unavailable, backoff: Backoff, stop: asyncio.Event) -> None:
    """Wait for a moment, longer each time, and say why."""
    log.warning("waiting_for_kafka", error=str(error))
    await cancellable_sleep(backoff.next_s(), stop)
