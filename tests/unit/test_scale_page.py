"""The table of docs/scale.md follows from its measured bytes, its formula and the topics' own settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.configuration.settings import Settings
from contracts.topics import DAY_MS, Topics, TopicSpec

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
TOPICS, FIXED = Topics(), {spec.name: spec for spec in Topics().fixed()}
MINUTES_A_DAY = 1440
GROUP_PARTITIONS = 50  # of Kafka's own topic of groups, where an installation leaves its default
WEEKLY, DAILY = 7.0, 1.0  # how long a file is written to


def rows_under(header: str) -> list[list[str]]:
    rows = []
    for line in PAGE[PAGE.index(header) :].splitlines()[2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace(",", "") for cell in line.strip("|").split("|")])
    return rows


BYTES = {name: int(value) for name, value, *_ in rows_under("| a message of |")}


def vitals_of(devices: int, layout: str) -> TopicSpec:
    if layout == "shared":
        return TOPICS.vitals_shared_spec(Settings.model_fields["shared_partitions"].default)
    return TopicSpec("vitals", devices, TOPICS.vitals_spec("a").config)


def kept_bytes(devices: int, spec: TopicSpec, size: int, roll_days: float) -> float:
    a_day = devices * MINUTES_A_DAY * size
    assert "segment.ms" not in spec.config, "the files are the broker's to roll"
    return a_day * (int(spec.config["retention.ms"]) / DAY_MS + min(roll_days, 2**30 / (a_day / spec.partitions)))


def disk_gb(devices: int, layout: str, roll_days: float) -> float:
    status = FIXED[TOPICS.device_status]
    file = min(int(status.config["segment.bytes"]), devices * BYTES["status"] * 10 / status.partitions)
    compacted = 1.1 * devices * BYTES["status"] + 2 * status.partitions * file
    scores = kept_bytes(devices, FIXED[TOPICS.scores], BYTES["scores"], roll_days)
    return (kept_bytes(devices, vitals_of(devices, layout), BYTES["vitals"], roll_days) + scores + compacted) / 1e9


def row(devices: int, layout: str) -> list[str]:
    partitions = vitals_of(devices, layout).partitions + devices + sum(spec.partitions for spec in FIXED.values())
    written = devices * sum(BYTES.values()) / 60 / 1000
    disk = [disk_gb(devices, layout, roll_days) for roll_days in (WEEKLY, DAILY)]
    two_digits = [f"{float(f'{number:.2g}'):g}" for number in (written, *disk)]
    return [str(devices), layout, str(partitions + GROUP_PARTITIONS), *two_digits]


@pytest.mark.parametrize("layout", ["per-patient", "shared"])
@pytest.mark.parametrize("devices", [100, 1000, 10_000])
def test_partitions_and_disk_follow_from_what_was_measured(devices: int, layout: str) -> None:
    assert row(devices, layout) in rows_under("| devices | layout |")
