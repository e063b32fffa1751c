"""Every metric once: name, help, labels. Programs import the object; dashboards and alerts are checked against this file."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, Info

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

BUILD_INFO = Info("fedsecure_build", "Version of the program and of the detector bundle it runs.")

# Replay
REPLAY_MESSAGES = Counter("fedsecure_replay_messages_total", "Vitals batches acknowledged by the broker.")
REPLAY_MINUTES = Counter("fedsecure_replay_minutes_total", "Minutes of vitals acknowledged by the broker.")
REPLAY_LAG_SECONDS = Gauge("fedsecure_replay_lag_seconds", "Wall time by which the replay is behind its own schedule.")

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
DEVICE_SCORE = Gauge("fedsecure_device_score", "Latest anomaly score of a device.", ["device"])
DEVICE_THRESHOLD = Gauge(
    "fedsecure_device_threshold", "Adaptive threshold of a device, on the score's scale.", ["device"]
)
DEVICE_FLAGGED_SHARE = Gauge(
    "fedsecure_device_flagged_share", "Largest share of flagged decisions of any kind of score.", ["device"]
)
DEVICE_LAST_RECEIVED_SECONDS = Gauge(
    "fedsecure_device_last_received_timestamp_seconds", "Broker time of the last record applied.", ["device"]
)
DEVICES = Gauge("fedsecure_devices", "Devices this worker holds, by state.", ["state"])
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
REDIS_UP = Gauge("fedsecure_redis_up", "1 while the program's last Redis call worked.")

# Federation
ROUNDS = Counter("fedsecure_rounds_total", "Rounds ended, by outcome.", ["outcome"])
ROUND_COHORT = Gauge("fedsecure_round_cohort_devices", "Devices selected for the latest round.")
ROUND_EXCLUDED = Counter("fedsecure_round_excluded_total", "Devices that sat a round out, by reason.", ["reason"])
ROUND_SECONDS = Histogram("fedsecure_round_seconds", "Time from selection to the end of a round.", buckets=SECONDS)
UPDATES = Counter("fedsecure_updates_total", "Updates received, by outcome.", ["outcome"])
GLOBAL_LOSS = Gauge("fedsecure_global_loss", "Sample-weighted training loss of the latest committed round.")
GLOBAL_ROUND = Gauge("fedsecure_global_round", "Number of the latest committed round.")
LOCAL_TRAINING_SECONDS = Histogram("fedsecure_local_training_seconds", "Time of one local training.", buckets=SECONDS)
DEVICES_HOSTED = Gauge("fedsecure_devices_hosted", "Devices this process takes part for.")
