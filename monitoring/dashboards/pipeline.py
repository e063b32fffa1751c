"""The dashboard *Pipeline and rounds*: whether the stream keeps up, and what the federation makes of it."""

from __future__ import annotations

from typing import Final

from monitoring.dashboards.devices import MARKS
from monitoring.dashboards.page import page
from monitoring.dashboards.panels import ALARM, CALM, WARNING, About, AnyPanel, Query, lines, number

OUTCOMES: Final = {"committed": CALM, "rejected": ALARM, "skipped": WARNING, "failed": ALARM, "rolled_back": WARNING}


def pipeline() -> str:
    """Return the dashboard as JSON."""
    sections = [
        ("Now", _now()),
        ("Stream", [*_throughput(), *_trouble()]),
        ("Programs", _programs()),
        ("Rounds", [*_rounds_now(), *_rounds()]),
        ("Model", _model()),
    ]
    about = (
        "Throughput, latency, lag, dead letters and memory of the stream; outcomes, cohorts and models of the rounds."
    )
    return page("fedsecure-pipeline", "FedSecure: pipeline and rounds", about, sections, MARKS)


def _now() -> list[AnyPanel]:
    return [
        number(
            About("Programs up", "How many of each program answer Prometheus.", "short", width=10, height=4),
            Query("sum by (job) (up)", "{{job}}"),
        ),
        number(
            About("Services up", "1 when every program that asks them gets an answer.", "short", width=4, height=4),
            Query("min(fedsecure_kafka_up)", "Kafka"),
            Query("min(fedsecure_redis_up)", "Redis"),
        ),
        number(
            About("Alerts", "Alerts that fire now.", "short", width=3, height=4),
            Query('count(ALERTS{alertstate="firing"}) or vector(0)', "firing"),
        ),
        number(
            About("Detector", "The bundle that the workers run, by its sha256.", "short", width=7, height=4),
            Query('count by (bundle) (fedsecure_build_info{job="worker"})', "{{bundle}}"),
        ),
    ]


def _throughput() -> list[AnyPanel]:
    return [
        lines(
            About(
                "Minutes of vitals", "Minutes of vitals sent by the replay and applied by the workers, a second.", "cps"
            ),
            Query("sum(rate(fedsecure_replay_minutes_total[$__rate_interval]))", "sent"),
            Query("sum(rate(fedsecure_minutes_total[$__rate_interval]))", "applied"),
            Query("sum(rate(fedsecure_windows_total[$__rate_interval]))", "windows scored"),
        ),
        lines(
            About("Latency", "From the sender's clock to the status in Redis: so old is what one sees.", "s"),
            *(
                Query(_quantile(share, "fedsecure_produce_to_status_seconds"), f"p{share * 100:g}")
                for share in (0.5, 0.95, 0.99)
            ),
        ),
        lines(
            About("Lag", "Messages that wait for their worker.", "short", alert="WorkerLagging"),
            Query("fedsecure_worker_lag_messages", "{{instance}}"),
        ),
        lines(
            About(
                "Micro-batches",
                "Time to judge a micro-batch (p95) and to rebuild the devices of an assignment (p95).",
                "s",
            ),
            Query(_quantile(0.95, "fedsecure_scoring_seconds"), "judge"),
            Query(_quantile(0.95, "fedsecure_restore_seconds"), "restore"),
        ),
    ]


def _trouble() -> list[AnyPanel]:
    return [
        lines(
            About(
                "Dead letters",
                "Messages set aside in the last ten minutes, by program and reason.",
                "short",
                alert="DeadLetters",
            ),
            Query("sum by (job, reason) (increase(fedsecure_dead_letters_total[10m]))", "{{job}}: {{reason}}"),
        ),
        lines(
            About(
                "Minutes dropped",
                "Minutes not applied, a second, by reason: repeated, late or from another session.",
                "cps",
            ),
            Query("sum by (reason) (rate(fedsecure_dropped_minutes_total[$__rate_interval]))", "{{reason}}"),
        ),
    ]


def _programs() -> list[AnyPanel]:
    return [
        lines(
            About("Memory", "Resident memory of every process.", "bytes", width=8),
            Query("process_resident_memory_bytes", "{{job}} {{instance}}"),
        ),
        lines(
            About("Processor", "Processor seconds a second of every process.", "short", width=8),
            Query("rate(process_cpu_seconds_total[$__rate_interval])", "{{job}} {{instance}}"),
        ),
        lines(
            About(
                "Devices of each worker",
                "How the devices are shared out, and how many were taken away by another worker.",
                "short",
                width=8,
            ),
            Query("sum by (instance) (fedsecure_devices)", "{{instance}}"),
            Query("sum(fedsecure_fenced_devices_total)", "fenced so far", dashed=True),
        ),
    ]


def _rounds_now() -> list[AnyPanel]:
    return [
        number(
            About("Rounds", "Rounds that ended since the coordinator started, by outcome.", "short", width=8, height=4),
            Query("sum by (outcome) (fedsecure_rounds_total)", "{{outcome}}"),
            colours=OUTCOMES,
        ),
        number(
            About(
                "Rounds without a model",
                "Rounds in a row that were skipped, rejected or failed.",
                "short",
                alert="RoundsSkipped",
                width=8,
                height=4,
            ),
            Query("max(fedsecure_uncommitted_rounds)", "in a row"),
        ),
        number(
            About(
                "Since the last model",
                "Time since a round was committed, in round intervals.",
                "short",
                alert="NoCommittedRound",
                width=8,
                height=4,
            ),
            Query(
                "(time() - max(fedsecure_global_committed_timestamp_seconds)) / max(fedsecure_round_interval_seconds)",
                "intervals",
            ),
        ),
    ]


def _rounds() -> list[AnyPanel]:
    return [
        lines(
            About("Rounds by outcome", "Rounds that ended in five minutes.", "short"),
            Query("sum by (outcome) (increase(fedsecure_rounds_total[5m]))", "{{outcome}}"),
        ),
        lines(
            About(
                "Cohort and exclusions",
                "Devices asked to the latest round, and those that sat it out, by reason.",
                "short",
            ),
            Query("max(fedsecure_round_cohort_devices)", "asked"),
            Query("max by (reason) (fedsecure_round_excluded_devices)", "out: {{reason}}"),
            stacked=True,
        ),
        lines(
            About("Updates", "Updates that reached the coordinator in five minutes, by what became of them.", "short"),
            Query("sum by (outcome) (increase(fedsecure_updates_total[5m]))", "{{outcome}}"),
        ),
        lines(
            About("Round and training time", "Time of a round and of one device's training (p95).", "s"),
            Query(_quantile(0.95, "fedsecure_round_seconds"), "round"),
            Query(_quantile(0.95, "fedsecure_local_training_seconds"), "training"),
        ),
    ]


def _model() -> list[AnyPanel]:
    return [
        number(
            About(
                "Version", "Number of the latest committed round; `fedsecure models` says its sha256.", "short", width=4
            ),
            Query("max(fedsecure_global_round)", "round"),
        ),
        number(
            About("Devices that can take part", "Devices that the device hosts take part for.", "short", width=4),
            Query("sum(fedsecure_devices_hosted)", "hosted"),
        ),
        lines(
            About("Loss", "Sample-weighted training loss of the latest committed round.", "none", width=8),
            Query("max(fedsecure_global_loss)", "loss"),
        ),
        lines(
            About(
                "New model against the one before",
                "By how much higher (worse) the devices find the loss of the latest measured model, on hours that they did not train on.",
                "percentunit",
                width=8,
            ),
            Query("max(fedsecure_model_change_ratio)", "change"),
        ),
    ]


def _quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share:g}, sum by (le) (rate({histogram}_bucket[$__rate_interval])))"
