"""The replay program put together: topics, sessions, producer, player."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext
from threading import Event

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.metrics import REPLAY_MESSAGES, REPLAY_MINUTES, REPLAY_TRUTHS
from replay.attacks import AttackSpec
from replay.cohort import Patient, assemble
from replay.command_feed import CommandFeed
from replay.options import MINUTE_A_SECOND, ReplayOptions
from replay.player import OnProgress, Player, Route
from replay.progress import ReplayResult
from replay.recording import Recording
from replay.sessions import open_sessions
from replay.sole_sender import sole_sender
from transport.clock import SYSTEM_CLOCK, Clock
from transport.kafka.checked_publisher import PATIENT, CheckedPublisher, Limits
from transport.kafka.vitals_topics import VitalsTopics
from transport.probes import ProbeServer, serve_probes

NOT_READY_AFTER_S = 30.0
log = structlog.get_logger()


def run(
    settings: Settings,
    recordings: Sequence[Recording],
    attacks: Sequence[AttackSpec] = (),
    options: ReplayOptions = MINUTE_A_SECOND,
    *,
    clock: Clock = SYSTEM_CLOCK,
    stop: Event | None = None,
    on_progress: OnProgress | None = None,
    limits: Limits = PATIENT,
) -> ReplayResult:
    """Replay the recordings into Kafka. Blocks until all is acknowledged, or until `stop` is set from another thread.

    With `options.accept_commands`, attacks may be begun and ended by hand (contracts.messages.replay_commands).
    Without `options.fresh` each device goes on after the last minute that Kafka holds. `on_progress` is called about
    twice a second, in this thread. Raises Misconfigured for a slice, device or attack that cannot be, Unavailable
    when Kafka is away at the start or stays away.
    """
    stop = stop if stop is not None else Event()
    _check_pace(settings, options)
    patients = assemble(recordings, attacks, options)
    device_ids = [patient.device_id for patient in patients]
    with sole_sender(settings, device_ids, clock, stop):
        return _send(settings, patients, options, clock, stop, on_progress, limits)


def _send(
    settings: Settings,
    patients: Sequence[Patient],
    options: ReplayOptions,
    clock: Clock,
    stop: Event,
    on_progress: OnProgress | None,
    limits: Limits,
) -> ReplayResult:
    device_ids = [patient.device_id for patient in patients]
    topics, vitals = settings.topics, VitalsTopics(settings)
    others = [spec for spec in topics.fixed() if spec.name in {topics.truth, topics.replay_commands}]
    last_sent = vitals.prepare(device_ids, others)
    log.info("replay_topics_ready", devices=len(device_ids))
    sessions = open_sessions([patient.recording for patient in patients], last_sent, options, int(clock.wall() * 1000))
    publisher = CheckedPublisher(
        vitals.connected,
        clock=clock,
        limits=limits,
        stopped=stop.is_set,
        on_acknowledged=count_acknowledged,
    )
    feed = CommandFeed(settings) if options.accept_commands else None
    with closing(publisher), _probes(settings, publisher) or nullcontext(), feed or nullcontext():
        route = Route(vitals.of, topics.truth)
        player = Player(patients, sessions, options, route, publisher, clock=clock, stop=stop, on_progress=on_progress)
        return _logged(player.play(feed.pending) if feed else player.play())


def _check_pace(settings: Settings, options: ReplayOptions) -> None:
    if options.batch_interval_s >= settings.stale_cap_s:
        raise Misconfigured(
            f"a device would send every {options.batch_interval_s:g} s and be stale after {settings.stale_cap_s:g} s "
            "(FEDSECURE_STALE_CAP_S): put fewer minutes into a message (--pack), replay faster (--speed), or raise that"
        )


def _probes(settings: Settings, publisher: CheckedPublisher) -> ProbeServer | None:
    def ready() -> str | None:
        age_s = publisher.oldest_unacked_s
        return f"Kafka has not acknowledged for {age_s:.0f} s" if age_s > NOT_READY_AFTER_S else None

    return serve_probes(settings, "replay", ready=ready)


def count_acknowledged(minutes: int) -> None:
    """Count a record that the broker has. One without minutes is ground truth."""
    if minutes:
        REPLAY_MESSAGES.inc()
        REPLAY_MINUTES.inc(minutes)
    else:
        REPLAY_TRUTHS.inc()


def _logged(result: ReplayResult) -> ReplayResult:
    log.info(
        "replay_stopped" if result.stopped else "replay_ended",
        minutes=result.minutes,
        messages=result.messages,
        seconds=round(result.seconds, 3),
        unacked=result.unacked,
        producers_replaced=result.producers_replaced,
    )
    return result
