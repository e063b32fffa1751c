"""Plays a schedule: waits until a message is due, hands it over, and keeps the watcher informed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Protocol

import structlog

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from contracts.messages.replay_commands import ReplayCommand
from contracts.messages.truth import encode_truth
from contracts.messages.vitals import VitalsBatch, encode_vitals
from contracts.metrics import REPLAY_ATTACKS, REPLAY_LAG_SECONDS
from replay.attacks import Injection
from replay.cohort import Patient
from replay.live_attacks import Commands, LivePatient
from replay.options import ReplayOptions
from replay.progress import DeviceReplay, Progress, ReplayResult
from replay.schedule import ScheduledMessage, due_after_s, scheduled_messages
from replay.sessions import Session
from transport.clock import Clock
from transport.kafka.checked_publisher import Stopped

MAX_WAIT_S = 0.1
REPORT_EVERY_S = 0.5
STOP_GRACE_S = 10.0

OnProgress = Callable[[Progress], None]
log = structlog.get_logger()


class Outlet(Protocol):
    """Where messages go. `transport.kafka.checked_publisher.CheckedPublisher` is the real one."""

    acked_messages: int
    acked_minutes: int
    rebuilt: int
    while_waiting: Callable[[], None]

    @property
    def oldest_unacked_s(self) -> float: ...

    def send(self, topic: str, key: bytes, value: bytes, minutes: int = 0) -> None: ...

    def poll(self) -> None: ...

    def drain(self, within_s: float) -> int: ...


@dataclass(frozen=True, slots=True)
class Route:
    """The topics of a replay. The truth's is never that of any device."""

    vitals_of: Callable[[str], str]
    truth: str


class Player:
    """One replay. `play` blocks until all is acknowledged, or until `stop` is set."""

    def __init__(
        self,
        patients: Sequence[Patient],
        sessions: Sequence[Session],
        options: ReplayOptions,
        route: Route,
        outlet: Outlet,
        *,
        clock: Clock,
        stop: Event,
        on_progress: OnProgress | None = None,
    ) -> None:
        by_id = {session.device_id: session for session in sessions}
        self._devices = {patient.device_id: LivePatient(patient, by_id[patient.device_id]) for patient in patients}
        self._options = options
        self._route = route
        self._outlet = outlet
        self._clock = clock
        self._stop = stop
        self._on_progress = on_progress
        self._total_min = sum(max(0, session.end_min - session.next_min) for session in sessions)
        self._started = clock.monotonic()
        self._reported_at = -REPORT_EVERY_S

    def play(self, commands: Commands = lambda: ()) -> ReplayResult:
        """Send everything when it is due, and obey. Raises Unavailable when Kafka stays away or refuses for good."""
        self._started = self._clock.monotonic()
        under_way = [device for device in self._devices.values() if not device.session.is_complete]
        REPLAY_ATTACKS.set(sum(len(device.patient.injections) for device in under_way))
        self._outlet.while_waiting = partial(self._report_now_and_then, behind_s=0.0)
        try:
            for device in under_way:
                self._send_truth(device, device.patient.injections)
            stopped = not self._send_all(commands)
        except Stopped:
            stopped = True
        unacked = self._finish(stopped)
        self._report(0.0)
        return self._result(stopped, unacked)

    def _send_truth(self, device: LivePatient, injections: Iterable[Injection]) -> None:
        for injection in injections:
            if interval := device.truth_of(injection):
                self._outlet.send(self._route.truth, interval.device_id.encode(), encode_truth(interval))

    def _send_all(self, commands: Commands) -> bool:
        sessions = [device.session for device in self._devices.values()]
        for message in scheduled_messages(sessions, self._options.minutes_per_message):
            if not self._wait_until_due(message):
                return False
            for command in commands():
                self._obey(command)
            self._send(message)
        return True

    def _obey(self, command: ReplayCommand) -> None:
        device = self._devices.get(command.device_id)
        if device is None:
            log.warning("command_refused", reason="not_replayed_here", device_id=command.device_id)
            return
        try:
            injections = device.begin(command) if command.action == "start" else device.end()
        except Misconfigured as error:
            log.warning("command_refused", reason=str(error), device_id=command.device_id)
            return
        log.info("command_carried_out", action=command.action, device_id=command.device_id, attack=command.attack)
        self._send_truth(device, injections)

    def _wait_until_due(self, message: ScheduledMessage) -> bool:
        """Return True when the message is due, False when the replay was stopped before."""
        due_s = due_after_s(message.elapsed_min, self._options.speed)
        while not self._stop.is_set():
            now_s = self._clock.monotonic() - self._started
            self._report_now_and_then(behind_s=0.0 if self._options.speed is None else max(0.0, now_s - due_s))
            if now_s >= due_s:
                return True
            self._clock.sleep(min(due_s - now_s, MAX_WAIT_S))
            self._outlet.poll()
        return False

    def _send(self, message: ScheduledMessage) -> None:
        device = self._devices[message.device_id]
        value = encode_vitals(self._batch(device, message))
        self._outlet.send(
            self._route.vitals_of(message.device_id),
            message.device_id.encode(),
            value,
            minutes=message.end_min - message.first_min,
        )
        device.next_min = message.end_min

    def _batch(self, device: LivePatient, message: ScheduledMessage) -> VitalsBatch:
        recording = device.patient.recording
        minutes = slice(message.first_min, message.end_min)
        return VitalsBatch(
            device_id=recording.device_id,
            session_id=device.session.session_id,
            observed_at=from_event_minute(recording.first_event_minute + message.first_min),
            heart_rate_bpm=recording.heart_rate_bpm[minutes].tolist(),
            resp_rate_bpm=recording.resp_rate_bpm[minutes].tolist(),
            pulse_bpm=None if recording.pulse_bpm is None else recording.pulse_bpm[minutes].tolist(),
            batch_interval_s=self._options.batch_interval_s,
            sent_at=self._clock.wall(),
            end_of_recording=message.is_last,
            label=recording.label,
        )

    def _finish(self, stopped: bool) -> int:
        """Wait for the acknowledgements, once stopped for STOP_GRACE_S more, and return how many are missing."""
        while not stopped and self._outlet.drain(REPORT_EVERY_S):
            self._report(self._outlet.oldest_unacked_s)
            stopped = self._stop.is_set()
        return self._outlet.drain(STOP_GRACE_S)

    def _report_now_and_then(self, behind_s: float) -> None:
        if self._clock.monotonic() - self._started - self._reported_at >= REPORT_EVERY_S:
            self._report(max(behind_s, self._outlet.oldest_unacked_s))

    def _report(self, lag_s: float) -> None:
        self._reported_at = self._clock.monotonic() - self._started
        REPLAY_LAG_SECONDS.set(lag_s)
        if self._on_progress is None:
            return
        progress = Progress(
            devices=len(self._devices),
            resumed_devices=sum(device.session.is_resumed for device in self._devices.values()),
            complete_devices=sum(device.session.is_complete for device in self._devices.values()),
            sent_min=self._outlet.acked_minutes,
            total_min=self._total_min,
            messages=self._outlet.acked_messages,
            elapsed_s=self._reported_at,
            lag_s=lag_s,
        )
        self._on_progress(progress)

    def _result(self, stopped: bool, unacked: int) -> ReplayResult:
        return ReplayResult(
            minutes=self._outlet.acked_minutes,
            messages=self._outlet.acked_messages,
            seconds=self._clock.monotonic() - self._started,
            stopped=stopped,
            unacked=unacked,
            producers_replaced=self._outlet.rebuilt,
            devices={
                device_id: DeviceReplay(device.session, device.next_min - device.session.next_min)
                for device_id, device in self._devices.items()
            },
        )
