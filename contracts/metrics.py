"""Every metric of every program: name, help, labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from prometheus_client import PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.registry import Collector

from contracts.messages.dead_letters import REASONS
from contracts.messages.federation import RoundPhase

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

BUILD_INFO = Info("fedsecure_build", "Version of the program and of the detector bundle it runs.")

# Replay
REPLAY_MESSAGES = Counter("fedsecure_replay_messages_total", "Vitals batches acknowledged by the broker.")
REPLAY_MINUTES = Counter("fedsecure_replay_minutes_total", "Minutes of vitals acknowledged by the broker.")
REPLAY_ATTACKS = Gauge("fedsecure_replay_attacks", "Attacks that this replay injects.")
REPLAY_TRUTHS = Counter("fedsecure_replay_truths_total", "Records of ground truth acknowledged by the broker.")
REPLAY_LAG_SECONDS = Gauge("fedsecure_replay_lag_seconds", "Wall time by which the replay is behind its own schedule.")

# Ingest
INGEST_MESSAGES = Counter("fedsecure_ingest_messages_total", "Messages of monitors, by answer.", ["answer"])
INGEST_READINGS = Counter(
    "fedsecure_ingest_readings_total",
    "Heart rates, respiratory rates and pulses in them: used, missing (the monitor had none), or why not used.",
    ["outcome"],
)
INGEST_LATE_READINGS = Counter(
    "fedsecure_ingest_late_readings_total", "Readings of minutes that had been sent by then: not used."
)
INGEST_MINUTES = Counter("fedsecure_ingest_minutes_total", "Minutes of vitals acknowledged by the broker.")
INGEST_DEVICES = Gauge("fedsecure_ingest_devices", "Devices heard since the start.")
INGEST_CONNECTIONS = Gauge("fedsecure_ingest_connections", "Connections that are open.")
INGEST_CONNECTIONS_ENDED = Counter(
    "fedsecure_ingest_connections_ended_total", "Connections refused or ended by the ingest, by reason.", ["reason"]
)
INGEST_BAD_FRAMES = Counter("fedsecure_ingest_bad_frames_total", "Bytes between messages, and messages cut off.")

# Workers
MESSAGES = Counter("fedsecure_messages_total", "Vitals messages read, valid or not.")
MINUTES = Counter("fedsecure_minutes_total", "Minutes of vitals applied to a device's history.")
WINDOWS = Counter("fedsecure_windows_total", "Full windows scored.")
FLAGGED_WINDOWS = Counter("fedsecure_flagged_windows_total", "Scored windows above their device's threshold.")
DROPPED_MINUTES = Counter("fedsecure_dropped_minutes_total", "Minutes not applied, by reason.", ["reason"])
DEAD_LETTERS = Counter("fedsecure_dead_letters_total", "Messages set aside, by reason.", ["reason"])
SCORES = Histogram(
    "fedsecure_score",
    "Anomaly scores of windows (common scale: 1 = would exclude a clean device once in ten weeks, 2 = in a hundred; paper-fig3: 0..1).",
    buckets=(-2, -1, -0.5, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4, 6, 8, 12),
)
DEVICE_STATE = Gauge("fedsecure_device_state", "1 for the state a device is in.", ["device", "state"])
DEVICE_INFO = Info(
    "fedsecure_device",
    "A device's name as its hospital writes it (label; empty: it has none beside the id).",
    ["device"],
)
LABEL_CHANGES = Counter(
    "fedsecure_device_label_changes_total",
    "Changes of a device's name within a session: two in turn are two monitors of one id.",
)
DEVICE_SCORE = Gauge("fedsecure_device_score", "Latest anomaly score of a device.", ["device"])
DEVICE_THRESHOLD = Gauge(
    "fedsecure_device_threshold", "Adaptive threshold of a device, on the score's scale.", ["device"]
)
DEVICE_FLAGGED_SHARE = Gauge(
    "fedsecure_device_flagged_share", "Share of the last four decisions over the threshold by themselves.", ["device"]
)
DEVICE_LAST_RECEIVED_SECONDS = Gauge(
    "fedsecure_device_last_received_timestamp_seconds", "Broker time of the last record applied.", ["device"]
)
DEVICE_STALE_AFTER_SECONDS = Gauge(
    "fedsecure_device_stale_after_seconds",
    "Silence (wall time) after which a device is stale; absent once its recording has ended.",
    ["device"],
)
DEVICES = Gauge("fedsecure_devices", "Devices this worker holds, by state.", ["state"])
STALE_DEVICES = Gauge(
    "fedsecure_stale_devices", "Devices this worker holds that are silent for longer than they may be."
)
STREAMING_DEVICES = Gauge(
    "fedsecure_streaming_devices",
    "Devices this worker holds that have enrolled and whose recording has not ended: those that rounds may ask.",
)
WORKER_LAG_MESSAGES = Gauge("fedsecure_worker_lag_messages", "Messages not yet read on this worker's topics.")
LAST_EVENT_AGE_SECONDS = Gauge("fedsecure_last_event_age_seconds", "Wall time since this worker last read a record.")
BATCH_MINUTES = Histogram(
    "fedsecure_batch_minutes", "Minutes in a micro-batch.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
)
SCORING_SECONDS = Histogram("fedsecure_scoring_seconds", "Time to judge a micro-batch.", buckets=SECONDS)
PRODUCE_TO_STATUS_SECONDS = Histogram(
    "fedsecure_produce_to_status_seconds", "From the sender's clock to the status standing in Redis.", buckets=SECONDS
)
RESTORE_SECONDS = Histogram(
    "fedsecure_restore_seconds", "Time to rebuild the devices of an assignment.", buckets=SECONDS
)
FENCED_DEVICES = Counter("fedsecure_fenced_devices_total", "Devices dropped because another worker holds them.")
BUNDLES_REFUSED = Counter("fedsecure_bundles_refused_total", "Detector bundles that could not be loaded.")
BUNDLE_CHANGES = Counter(
    "fedsecure_bundle_changes_total",
    "Devices to change bundle: moved, kept by the old one (enrolment minutes gone), void (the old one gone too).",
    ["outcome"],
)

# Every program
REDIS_UP = Gauge("fedsecure_redis_up", "1 while Redis does what the program asks, reads and writes.")
REDIS_REFUSES = Gauge(
    "fedsecure_redis_refuses", "1 while Redis answers the program but does not do it, by reason.", ["reason"]
)
KAFKA_UP = Gauge("fedsecure_kafka_up", "1 while Kafka answered the program's last call.")
IDENTITY_CONFLICTS = Counter(
    "fedsecure_identity_conflicts_total",
    "Times another process asked for what this one holds: a worker's id, a device to host, a device to replay.",
    ["kind"],
)

CERTIFICATE_EXPIRY = Gauge(
    "fedsecure_certificate_expires_in_seconds",
    "Time until the first certificate of a file of this program's settings expires; below 0: it has; NaN: it cannot be read.",
    ["setting", "file"],
)

# Console
CONSOLE_LOGINS = Counter(
    "fedsecure_console_logins_total",
    "Tokens shown to the console: accepted, refused, or limited (not looked at, too many wrong ones before).",
    ["outcome"],
)

# The gate in front of another framework's strategy
GATED_NODES = Gauge(
    "fedsecure_gated_nodes", "Nodes with a proven device, by whether it may train: taken, left_out.", ["standing"]
)
DROPPED_REPLIES = Counter(
    "fedsecure_dropped_replies_total",
    "Replies that no strategy saw, by why their node's device may not train.",
    ["reason"],
)

# Federation
ROUNDS = Counter("fedsecure_rounds_total", "Rounds ended, by outcome.", ["outcome"])
ROUND_COHORT = Gauge("fedsecure_round_cohort_devices", "Devices selected for the latest round.")
ROUND_EXCLUDED = Gauge(
    "fedsecure_round_excluded_devices", "Devices that sat the latest round out, by reason.", ["reason"]
)
ROUND_SECONDS = Histogram("fedsecure_round_seconds", "Time from selection to the end of a round.", buckets=SECONDS)
UPDATES = Counter("fedsecure_updates_total", "Updates received, by outcome.", ["outcome"])
GLOBAL_LOSS = Gauge("fedsecure_global_loss", "Sample-weighted training loss of the latest committed round.")
MODEL_CHANGE = Gauge(
    "fedsecure_model_change_ratio",
    "How much higher the devices find the loss of the latest measured model than that of the one before (median; below 0: lower).",
)
GLOBAL_ROUND = Gauge("fedsecure_global_round", "Number of the latest committed round: the global model's version.")
GLOBAL_COMMITTED_SECONDS = Gauge(
    "fedsecure_global_committed_timestamp_seconds", "When the latest committed round ended; without one, the start."
)
UNCOMMITTED_ROUNDS = Gauge("fedsecure_uncommitted_rounds", "Rounds in a row that ended without a model, up to now.")
ROUND_INTERVAL_SECONDS = Gauge("fedsecure_round_interval_seconds", "From the start of a round to the next, as set.")
LOCAL_TRAINING_SECONDS = Histogram("fedsecure_local_training_seconds", "Time of one local training.", buckets=SECONDS)
DEVICES_HOSTED = Gauge("fedsecure_devices_hosted", "Devices this process takes part for.")

READING_OUTCOMES: Final = (
    "used",
    "missing",
    "no_result",
    "test",
    "unit",
    "kind",
    "time",
    "clock",
    "no_device",
    "ambiguous",
)
LOGIN_OUTCOMES: Final = ("accepted", "refused", "limited")
CONNECTION_ENDS: Final = ("too_many", "too_long", "too_slow", "no_framing")

ProgramName = Literal["replay", "ingest", "worker", "coordinator", "devices", "console", "gate"]

_EVERYWHERE: Final = (BUILD_INFO, CERTIFICATE_EXPIRY, REDIS_UP, REDIS_REFUSES, KAFKA_UP)
OF_PROGRAM: Final[dict[ProgramName, tuple[Collector, ...]]] = {
    "replay": (
        BUILD_INFO, CERTIFICATE_EXPIRY, REPLAY_MESSAGES, REPLAY_MINUTES, REPLAY_ATTACKS, REPLAY_TRUTHS, REPLAY_LAG_SECONDS,
        IDENTITY_CONFLICTS,
    ),
    "ingest": (
        BUILD_INFO, CERTIFICATE_EXPIRY, KAFKA_UP, INGEST_MESSAGES, INGEST_READINGS, INGEST_LATE_READINGS, INGEST_MINUTES,
        INGEST_DEVICES, INGEST_CONNECTIONS, INGEST_CONNECTIONS_ENDED, INGEST_BAD_FRAMES,
    ),
    "worker": (
        *_EVERYWHERE, MESSAGES, MINUTES, WINDOWS, FLAGGED_WINDOWS, DROPPED_MINUTES, DEAD_LETTERS, SCORES,
        DEVICE_STATE, DEVICE_INFO, LABEL_CHANGES, DEVICE_SCORE, DEVICE_THRESHOLD, DEVICE_FLAGGED_SHARE,
        DEVICE_LAST_RECEIVED_SECONDS, DEVICE_STALE_AFTER_SECONDS, DEVICES, STALE_DEVICES, STREAMING_DEVICES,
        WORKER_LAG_MESSAGES, LAST_EVENT_AGE_SECONDS, BATCH_MINUTES, SCORING_SECONDS, PRODUCE_TO_STATUS_SECONDS,
        RESTORE_SECONDS, FENCED_DEVICES, BUNDLES_REFUSED, BUNDLE_CHANGES, IDENTITY_CONFLICTS,
    ),
    "coordinator": (
        *_EVERYWHERE, DEAD_LETTERS, ROUNDS, ROUND_COHORT, ROUND_EXCLUDED, ROUND_SECONDS, UPDATES, GLOBAL_LOSS,
        MODEL_CHANGE, GLOBAL_ROUND, GLOBAL_COMMITTED_SECONDS, UNCOMMITTED_ROUNDS, ROUND_INTERVAL_SECONDS,
    ),
    "devices": (
        *_EVERYWHERE, LOCAL_TRAINING_SECONDS, DEVICES_HOSTED, BUNDLES_REFUSED, BUNDLE_CHANGES, IDENTITY_CONFLICTS,
    ),
    "console": (*_EVERYWHERE, CONSOLE_LOGINS),
    "gate": (*_EVERYWHERE, GATED_NODES, DROPPED_REPLIES),
}  # fmt: skip
"""Who knows what. A program that exported the rest too would say 0 of what it does not know: no lag, Redis down."""


def registry_of(program: ProgramName) -> CollectorRegistry:
    """Return what a program exports: its own metrics, and what its process costs.

    Counters whose labels are known begin at 0: of a series that begins at 1 Prometheus cannot see the increase. Whether
    Redis and Kafka are up is not a number until the program has asked them.
    """
    _begin(DEAD_LETTERS, REASONS)
    _begin(
        ROUNDS,
        (RoundPhase.COMMITTED, RoundPhase.REJECTED, RoundPhase.SKIPPED, RoundPhase.FAILED, RoundPhase.ROLLED_BACK),
    )
    _begin(UPDATES, ("accepted", "dropped", "no_data"))
    _begin(IDENTITY_CONFLICTS, ("worker", "host", "replay"))
    _begin(INGEST_MESSAGES, ("AA", "AE", "AR"))
    _begin(INGEST_READINGS, READING_OUTCOMES)
    _begin(INGEST_CONNECTIONS_ENDED, CONNECTION_ENDS)
    _begin(CONSOLE_LOGINS, LOGIN_OUTCOMES)
    for unknown in (REDIS_UP, KAFKA_UP):
        unknown.set(float("nan"))
    registry = CollectorRegistry()
    for collector in (*OF_PROGRAM[program], PROCESS_COLLECTOR, PLATFORM_COLLECTOR):
        registry.register(collector)
    return registry


def _begin(counter: Counter, labels: Iterable[str]) -> None:
    for label in labels:
        counter.labels(str(label))
