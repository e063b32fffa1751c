"""A replay that meets trouble: a killed broker, a stop, a signal; nothing is lost."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient

from contracts.configuration.settings import Settings
from fedsecure.local_stack import LocalStack
from replay.options import ReplayOptions
from replay.program import run
from replay.progress import Progress, ReplayResult
from replay.recording import Recording
from transport.kafka.checked_publisher import PATIENT, Limits
from transport.kafka.options import kafka_python_options

if TYPE_CHECKING:
    from tests.conftest import Spawn, WaitUntil
    from tests.integration.replay.conftest import Arrivals, MakeRecording

pytestmark = pytest.mark.integration

FLAT_OUT = ReplayOptions(speed=None, pack_min=7)


class Running:
    """A replay in a thread of its own, at 20 minutes a second a device."""

    def __init__(self, settings: Settings, sent: list[Recording], limits: Limits = PATIENT) -> None:
        self.progress: list[Progress] = []
        self.stop = Event()
        self.result: ReplayResult | None = None
        self._replay = partial(
            run, settings, sent, options=ReplayOptions(speed=1200.0, pack_min=2),
            stop=self.stop, on_progress=self.progress.append, limits=limits,
        )  # fmt: skip
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.result = self._replay()

    def has_sent(self, minutes: int) -> bool:
        return bool(self.progress) and self.progress[-1].sent_min >= minutes

    def ended(self, timeout_s: float) -> ReplayResult:
        self._thread.join(timeout_s)
        assert self.result is not None, self.progress[-1:]
        return self.result


@pytest.mark.parametrize(
    ("limits", "replaced"),
    [(PATIENT, 0), (Limits(stuck_after_s=1.5), 1)],
    ids=["the_producer_recovers", "the_watchdog_replaces_it"],
)
def test_a_broker_that_is_killed_and_restarted_loses_nothing(
    own_stack: LocalStack,
    settings: Settings,
    wait_until: WaitUntil,
    limits: Limits,
    replaced: int,
    arrivals: Arrivals,
    a_recording: MakeRecording,
) -> None:
    sent = [a_recording("a", 160), a_recording("b", 160, seed=1)]
    replay = Running(settings, sent, limits)
    wait_until(lambda: replay.has_sent(40), 60, "40 minutes sent")
    own_stack.kill("kafka")
    time.sleep(3.0)
    own_stack.start("kafka")
    result = replay.ended(120)
    assert (result.minutes, result.unacked) == (320, 0)
    assert result.producers_replaced >= replaced
    assert max(each.lag_s for each in replay.progress) > 2.0
    for each in sent:
        arrivals.assert_are(each)


def test_a_stopped_replay_goes_on_later_without_a_gap(
    settings: Settings, wait_until: WaitUntil, arrivals: Arrivals, a_recording: MakeRecording
) -> None:
    sent = a_recording("a", 200)
    replay = Running(settings, [sent])
    wait_until(lambda: replay.has_sent(20), 60, "20 minutes sent")
    replay.stop.set()
    result = replay.ended(30)
    assert result.stopped
    assert 20 <= result.minutes < 200
    run(settings, [sent], options=FLAT_OUT)
    arrivals.assert_are(sent)


def test_the_command_stops_cleanly_on_a_signal_and_resumes(
    settings: Settings, spawn: Spawn, wait_until: WaitUntil, arrivals: Arrivals
) -> None:
    command = ("replay", "--records", "p000020", "--offline", "--minutes", "1000", "--speed", "1200", "--pack", "1")
    first = spawn(*command, settings=settings)
    wait_until(lambda: " lag " in first.log, 60, "the first line of progress")
    wait_until(lambda: len(arrivals.batches("synthetic-p000020")) > 5, 60, "five messages")
    first.send(signal.SIGINT)
    assert first.wait(30) == 130
    assert "Run the same command again" in first.log
    sent_before = arrivals.batches("synthetic-p000020")
    second = spawn(*command, "--speed", "max", settings=settings)
    assert second.wait(60) == 0, second.log
    after = arrivals.batches("synthetic-p000020")
    assert sum(map(len, after)) == 1000
    assert after[: len(sent_before)] == sent_before
    assert len({batch.session_id for batch in after}) == 1


def test_a_topic_that_is_deleted_under_a_replay_is_made_again(
    settings: Settings, wait_until: WaitUntil, arrivals: Arrivals, a_recording: MakeRecording
) -> None:
    sent = [a_recording("a", 160), a_recording("b", 160, seed=1)]
    replay = Running(settings, sent, Limits(stuck_after_s=1.0))
    wait_until(lambda: replay.has_sent(40), 60, "40 minutes sent")
    with closing(KafkaAdminClient(**kafka_python_options(settings))) as admin:
        admin.delete_topics([settings.topics.vitals("a")])
    result = replay.ended(120)
    assert (result.minutes, result.unacked) == (320, 0)
    assert arrivals.batches("a")[-1].end_of_recording
    arrivals.assert_are(sent[1])
