"""The newest status of each device, found from the end of the topic backwards."""

from __future__ import annotations

from types import SimpleNamespace

from structlog.testing import capture_logs

from contracts.messages.verdicts import SCHEMA_VERSION, DeviceState, DeviceStatus, encode_verdict
from streams.state.snapshots import FIRST_STEP, SnapshotReader
from transport.kafka.offsets import TopicPartition

UNIT = TopicPartition("t.device-status.v1", 0)


class FakeReader:
    """One partition in memory; counts the records it handed out."""

    def __init__(self) -> None:
        self.log: list[tuple[str, bytes | None]] = []
        self.handed_out = 0

    async def partitions(self, topic):
        return [UNIT]

    async def bounds(self, units):
        return {unit: (0, len(self.log)) for unit in units}

    async def read(self, stretches):
        start, stop = stretches[UNIT]
        self.handed_out += stop - start
        yield [SimpleNamespace(key=key.encode(), value=value) for key, value in self.log[start:stop]]


def status(device_id: str, epoch: int, through: int) -> tuple[str, bytes]:
    made = DeviceStatus(
        device_id=device_id, epoch=epoch, applied_through=through, vitals_offset=through, session_id=1,
        state=DeviceState.BENIGN, reason="", state_since=0, enrolled=True, enrolment_share=1.0, score=None,
        threshold=None, scores={}, flagged=False, flagged_share=0.0, received_at=0.0, batch_interval_s=1.0,
        finished=False, bundle_sha="b", worker_id="w", minutes=1, windows=0, flagged_windows=0,
    )  # fmt: skip
    return device_id, encode_verdict(made)


async def latest(reader: FakeReader, *devices: str, log: SnapshotReader | None = None) -> dict[str, tuple[int, int]]:
    found = await (log or SnapshotReader(reader, UNIT.topic)).latest(devices)
    return {device: (one.epoch, one.applied_through) for device, one in found.items()}


async def test_the_last_word_of_the_highest_epoch_counts_also_when_an_older_holder_spoke_after_it():
    reader = FakeReader()
    reader.log = [status("a", 2, 100), status("a", 2, 101), status("a", 3, 50), status("a", 2, 102)]
    assert await latest(reader, "a", "b") == {"a": (3, 50)}


async def test_what_is_no_status_is_passed_over():
    reader = FakeReader()
    reader.log = [status("a", 2, 100), ("a", b"{"), ("a", None), ("b", b"[]"), ("b", b'{"schema_version":2}')]
    assert await latest(reader, "a", "b") == {"a": (2, 100)}


async def test_a_status_of_another_version_is_refused_in_a_sentence_and_the_one_before_it_counts():
    reader = FakeReader()
    reader.log = [status("a", 2, 100), ("a", b'{"schema_version":2}'), ("b", b'{"schema_version":2}')]
    with capture_logs() as logs:
        assert await latest(reader, "a", "b") == {"a": (2, 100)}
    sentence = f"a status of schema 2, this version reads {SCHEMA_VERSION}: the device enrols again"
    assert [(line["event"], line["device"], line["reason"]) for line in logs] == [
        ("status_refused", "a", sentence),
        ("status_refused", "b", sentence),
    ]


async def test_looks_back_as_far_as_needed_and_later_only_at_what_is_new():
    reader = FakeReader()
    reader.log = [status("quiet", 1, 7), *(status("busy", 1, n) for n in range(5 * FIRST_STEP))]
    log = SnapshotReader(reader, UNIT.topic)
    assert await latest(reader, "quiet", "new", log=log) == {"quiet": (1, 7)}
    reader.handed_out = 0
    assert await latest(reader, "new", log=log) == {}
    assert reader.handed_out == 0
    reader.log.append(status("new", 4, 9))
    assert await latest(reader, "new", log=log) == {"new": (4, 9)}
    assert await latest(reader, "quiet", log=log) == {"quiet": (1, 7)}
