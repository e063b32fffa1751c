"""An independent reader (no consumer group) over a set of topics that grows while it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final, Literal, Protocol, Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from contracts.configuration.parts import ServiceSettings
from contracts.errors import Unavailable
from transport.kafka.options import aiokafka_options
from transport.kafka.protocol.topic_ids import UNKNOWN, TopicIds, topic_ids
from transport.kafka.watch import start_client, watched_call

log = structlog.get_logger()

TAIL_RECORDS: Final = 16
PARTITIONS_A_MS: Final = 2
BYTES_A_PARTITION: Final = 64
"""A patient reader's broker answers after half a millisecond more for each partition, or once there is as much to hand out as a
short record in a tenth of them. Of a few partitions that is the first record."""
LOOK_EVERY_S: Final = 2.0
Start = Literal["earliest", "tail", "latest"] | float
"""From where on a topic is read: `tail` takes its last TAIL_RECORDS offsets along, a number is a time (epoch seconds): from the
first record that is not older."""


class Record(Protocol):
    """What a reader hands out (aiokafka's ConsumerRecord, `timestamp` in milliseconds of wall time)."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class TopicReader:
    """Reads every partition of its topics from its own offsets, and commits nothing.

    `fetch_wait_ms` is how long the broker holds an answer while there is nothing new. It answers a connection's questions in order, so
    `is_at_end` and `add` may take as long; a short wait is more questions when nothing happens. Each question and each answer names every
    topic, so with `is_patient` the broker waits the longer the more there are (PARTITIONS_A_MS): what is asked in a second then costs
    no more for a thousand topics than for a hundred.

    Use as an async context manager. One task at a time may call it. All methods raise Unavailable when
    Kafka does not answer; a reader that raised in `poll` goes on from where it was.
    """

    def __init__(self, settings: ServiceSettings, *, fetch_wait_ms: int = 500, is_patient: bool = False) -> None:
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._options = aiokafka_options(settings) | {"fetch_max_wait_ms": fetch_wait_ms}
        self._fetch_wait_ms = fetch_wait_ms
        self._is_patient = is_patient
        self._next: dict[TopicPartition, int] = {}
        self._ids: TopicIds = {}
        self._made_anew: set[str] = set()
        self._looked_at = monotonic()

    async def __aenter__(self) -> Self:
        # A bare consumer must be made inside the running loop.
        self._consumer = AIOKafkaConsumer(
            **self._options, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await start_client(self._consumer, self._settings)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    @property
    def topics_read(self) -> set[str]:
        """Names of the topics added so far."""
        return {partition.topic for partition in self._next}

    def position(self, topic: str) -> int:
        """Return the next offset to be handed out of a topic of one partition that was added."""
        return next(offset for partition, offset in self._next.items() if partition.topic == topic)

    async def list_topics(self) -> set[str]:
        """Ask the broker for the names of all topics."""
        with self._answering(), watched_call():
            return set(await topic_ids(self._consumer._client))  # noqa: SLF001 - no public call gives ids

    def take_made_anew(self) -> set[str]:
        """Return the topics that were deleted and made anew since the last call: what was read of them is of another topic.

        They are read from their start. It is noticed within LOOK_EVERY_S, and by `is_at_end` at once.
        """
        made_anew, self._made_anew = self._made_anew, set()
        return made_anew

    async def add_existing(self, topics: Iterable[str], *, start: Start, wait_s: float = 10.0) -> None:
        """Read topics that must be there. One that is still missing after `wait_s` raises Unavailable.

        A broker shows a topic a moment after its creation: to go on without it would look like an empty topic.
        """
        wanted = set(topics)
        deadline = monotonic() + wait_s
        while True:
            await self.add(wanted, start=start)
            missing = sorted(wanted - self.topics_read)
            if not missing:
                return
            if monotonic() > deadline:
                raise Unavailable(f"Kafka has no topic {', '.join(missing)}: `fedsecure topics` creates the fixed ones")
            await asyncio.sleep(0.1)

    async def add(self, topics: Iterable[str], *, start: Start) -> None:
        """Read these topics too. Those already read stay where they are.

        A topic that the broker does not show yet is left out: look at `topics_read` and add it again later.
        """
        new = sorted(set(topics) - self.topics_read)
        if not new:
            return
        with self._answering():
            ids = await topic_ids(self._consumer._client, new)  # noqa: SLF001 - see above
            offsets = await self._offsets(new, start)
            self._ids |= {topic: topic_id for topic, topic_id in ids.items() if topic not in self._ids}
            self._next |= offsets
            self._assign()

    async def poll(self, timeout_s: float, max_records: int = 500) -> list[Record]:
        """Return the next records, in order within a partition, none after `timeout_s` without any."""
        if not self._next:  # aiokafka waits for an assignment without a limit
            await asyncio.sleep(timeout_s)
            return []
        if monotonic() - self._looked_at > LOOK_EVERY_S:
            with suppress(Unavailable):  # while a broker is away nothing comes anyhow, and it is looked again
                await self._heed_topics_made_anew()
        with self._answering():
            fetched = await self._consumer.getmany(timeout_ms=max(0, int(timeout_s * 1000)), max_records=max_records)
        for partition, records in fetched.items():
            self._next[partition] = records[-1].offset + 1
        return [record for records in fetched.values() for record in records]

    async def is_at_end(self) -> bool:
        """Ask the broker whether `poll` has handed out everything that is written by now. It may be cancelled."""
        await self._heed_topics_made_anew()
        with self._answering():
            ends = await self._consumer.end_offsets(list(self._next))
        return all(self._next[partition] >= end for partition, end in ends.items())

    async def read_to_end(self) -> list[Record]:
        """Return all records from the current offsets to those that are last now."""
        partitions = list(self._next)
        with self._answering():
            ends = await self._consumer.end_offsets(partitions)
            records: list[Record] = []
            for partition in partitions:
                while await self._consumer.position(partition) < ends[partition]:
                    records += await self.poll(0.5)
        return records

    async def _heed_topics_made_anew(self) -> None:
        """Read from their start the topics that have another id than when they were added."""
        self._looked_at = monotonic()
        with self._answering():
            ids = await topic_ids(self._consumer._client, self.topics_read)  # noqa: SLF001 - see above
        known = self._ids
        made_anew = {topic for topic, topic_id in ids.items() if known.get(topic, UNKNOWN) not in (UNKNOWN, topic_id)}
        if not made_anew:
            return
        log.warning("topics_made_anew", topics=sorted(made_anew))
        with self._answering():
            begins = await self._offsets(sorted(made_anew), "earliest")
        if missing := made_anew - {partition.topic for partition in begins}:  # this broker does not show them yet
            log.info("topics_not_shown_yet", topics=sorted(missing))
        made_anew -= missing
        self._next = {at: offset for at, offset in self._next.items() if at.topic not in made_anew} | begins
        self._ids |= {topic: ids[topic] for topic in made_anew}
        self._made_anew |= made_anew
        self._assign()

    def _assign(self) -> None:
        self._consumer.assign(list(self._next))
        # Assigning forgets all positions, so each is set again.
        for partition, offset in self._next.items():
            self._consumer.seek(partition, offset)
        if self._is_patient:
            fetcher = self._consumer._fetcher  # noqa: SLF001 - no public call changes them
            fetcher._fetch_max_wait_ms = self._fetch_wait_ms + len(self._next) // PARTITIONS_A_MS  # noqa: SLF001 - see above
            fetcher._fetch_min_bytes = max(1, BYTES_A_PARTITION * len(self._next))  # noqa: SLF001 - see above

    async def _offsets(self, topics: list[str], start: Start) -> dict[TopicPartition, int]:
        # The public `topics()` asks the same and throws the partitions away.
        cluster = await self._consumer._client.fetch_all_metadata()  # noqa: SLF001 - no public call gives partitions
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(cluster.partitions_for_topic(topic) or ())
        ]
        if not partitions:
            return {}
        # By itself aiokafka asks for one unknown topic at a time, a tenth of a second each.
        await self._consumer._client.set_topics(self.topics_read | {each.topic for each in partitions})  # noqa: SLF001 - see above
        if start == "earliest":
            return dict(await self._consumer.beginning_offsets(partitions))
        ends = dict(await self._consumer.end_offsets(partitions))
        if start == "latest":
            return ends
        if start == "tail":
            begins = await self._consumer.beginning_offsets(partitions)
            return {partition: max(begins[partition], end - TAIL_RECORDS) for partition, end in ends.items()}
        at_time = await self._consumer.offsets_for_times(dict.fromkeys(partitions, int(start * 1000)))
        return {partition: at_time[partition].offset if at_time[partition] else end for partition, end in ends.items()}

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._servers} does not answer ({type(error).__name__})") from None
