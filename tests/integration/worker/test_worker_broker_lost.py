"""Three brokers, of which one is killed while a replay runs and a worker judges: a pause, and nothing else."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from threading import Thread

import numpy as np
import pytest
from broker_leaders import GROUPS_TOPIC, described, leader_of_most
from on_record import alike

from contracts.configuration.settings import Settings
from fedsecure.local_stack import LocalStack
from replay.options import ReplayOptions
from replay.program import run
from replay.progress import Progress, ReplayResult
from replay.recording import Recording

pytestmark = pytest.mark.integration

DEVICES = 6
MINUTES = 300
PACED = ReplayOptions(speed=1200.0, pack_min=2)  # 20 minutes, 10 messages, a second and device
LONGEST_PAUSE_S = 30.0
log = logging.getLogger(__name__)


@pytest.fixture
def settings(clustered: Settings) -> Settings:
    return clustered


class Replay:
    """A replay in a thread of its own."""

    def __init__(self, settings: Settings, recordings: list[Recording]) -> None:
        self.progress: list[Progress] = []
        self.result: ReplayResult | None = None
        self._call = (settings, recordings)
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.result = run(*self._call, options=PACED, on_progress=self.progress.append)

    def has_sent(self, minutes: int) -> bool:
        return bool(self.progress) and self.progress[-1].sent_min >= minutes


def recording_of(stay) -> Recording:
    channels = (np.array(values, dtype=np.float64) for values in (stay.heart, stay.resp, stay.pulse))
    return Recording(stay.device_id, stay.first_event_minute, *channels)


def longest_pause_s(records: Iterable) -> float:
    """The longest time in which a device that had records before and after it had none."""
    at_ms = defaultdict(list)
    for record in records:
        at_ms[record.key].append(record.timestamp)
    return max(later - earlier for times in at_ms.values() for earlier, later in pairwise(times)) / 1000


@pytest.mark.parametrize("role", ["leads most vitals topics", "coordinates the workers' group"])
def test_a_killed_broker_of_three_costs_a_pause_and_no_minute(
    three_brokers: LocalStack, plain_worker, worker_settings, sender, stay, view, topics, offline, *, wait_until, role
):
    stays = [stay(f"three-{n}", MINUTES) for n in range(DEVICES)]
    sender.create(*(one.device_id for one in stays))
    vitals = [worker_settings.topics.vitals(one.device_id) for one in stays]
    worker = plain_worker()
    kept = described(worker_settings, [*vitals, worker_settings.topics.device_status, GROUPS_TOPIC])
    assert {len(partition["replica_nodes"]) for partition in kept} == {3}, "everything is kept by all"
    victim = leader_of_most(worker_settings, vitals if role.startswith("leads") else [GROUPS_TOPIC])

    replay = Replay(worker_settings, [recording_of(one) for one in stays])
    wait_until(lambda: replay.has_sent(DEVICES * MINUTES // 4), 60, "a quarter is sent")
    three_brokers.kill(victim)
    late = [stay("late", 30)]  # a patient who arrives while the broker is away, and sends once
    sender.create("late")
    sender.send(late)
    wait_until(lambda: replay.has_sent(DEVICES * MINUTES * 3 // 4), 60, "two brokers take what is sent")
    three_brokers.start(victim)
    replay.thread.join(60)
    assert replay.result is not None
    assert (replay.result.minutes, replay.result.unacked) == (DEVICES * MINUTES, 0)
    session_id = wait_until(lambda: view.status("three-0"), 30, "the first device is judged").session_id
    for one in stays:
        one.session_id = session_id
    stays += late
    for one in stays:
        wait_until(lambda one=one: view.applied_through([one]), 45, f"{one.device_id} is applied to its end")

    read, expected = topics.scores(), offline(stays)
    assert read.repeated == 0, "nothing is judged twice"
    assert read.lines.keys() == expected.keys()
    assert [key for key, line in expected.items() if not alike(read.lines[key], line)] == []
    assert [view.status(one.device_id).minutes for one in stays] == [one.minutes for one in stays]
    sent = [topics.records(topic) for topic in vitals]
    judged = [each for each in topics.records(worker_settings.topics.device_status) if each.key != b"late"]
    assert {len(records) for records in sent} == {MINUTES // PACED.minutes_per_message}, "nothing is written twice"
    pause_s, silence_s = max(map(longest_pause_s, sent)), longest_pause_s(judged)
    log.info("%s, which %s: %.1f s without a vital sign, %.1f s without a verdict", victim, role, pause_s, silence_s)
    assert worker.runs()
    assert max(pause_s, silence_s) < LONGEST_PAUSE_S
