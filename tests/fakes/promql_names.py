"""Which metrics an expression reads, and which there are: enough of PromQL for our own expressions."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from prometheus_client import Counter, Gauge, Histogram, Info

import contracts.metrics

MONITORING = Path(__file__).parents[2] / "monitoring"
RULE_FILES = sorted((MONITORING / "prometheus" / "rules").glob("*.yml"))
# What Prometheus itself, and prometheus_client for any process, export.
FOREIGN = {"up", "ALERTS", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"}
WORDS = {"and", "or", "unless", "on", "by", "without", "ignoring", "group_left", "group_right", "bool", "offset"}

_STRINGS = re.compile(r'"[^"]*"')
_LABELS = re.compile(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)")
_MATCHERS = re.compile(r"\{[^}]*\}")
_RANGES = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*(?!\s*\(|[A-Za-z0-9_:])")


def names_in(expression: str) -> set[str]:
    """Return the metrics that an expression reads."""
    for part in (_STRINGS, _LABELS, _MATCHERS, _RANGES):
        expression = part.sub(" ", expression)
    return {name for name in _NAME.findall(expression) if name not in WORDS}


def exported_names() -> set[str]:
    """Return the name of every series that contracts.metrics can export."""
    names: set[str] = set()
    for metric in vars(contracts.metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram | Info):
            name, kind = metric._name, type(metric)
            suffixes = {Counter: ("_total",), Gauge: ("",), Info: ("_info",)}
            names |= {name + suffix for suffix in suffixes.get(kind, ("_bucket", "_sum", "_count"))}
    return names


def rules() -> list[dict]:
    """Return every rule, recording and alerting."""
    groups = [group for path in RULE_FILES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict]:
    """Return the alert rules by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded_names() -> set[str]:
    """Return the names of the recording rules."""
    return {rule["record"] for rule in rules() if "record" in rule}
