"""The headers of a dead letter."""

from __future__ import annotations

from typing import Final

REASONS: Final = (
    "not_json",
    "bad_schema",
    "unknown_version",
    "wrong_device",
    "too_large",
    "tombstone",
    "bad_update",
    "bad_bundle",
)
HEADER_REASON: Final = "fedsecure-reason"
HEADER_DETAIL: Final = "fedsecure-detail"
HEADER_TOPIC: Final = "fedsecure-source-topic"
HEADER_PARTITION: Final = "fedsecure-source-partition"
HEADER_OFFSET: Final = "fedsecure-source-offset"


def dead_letter_headers(reason: str, detail: str, topic: str, partition: int, offset: int) -> list[tuple[str, bytes]]:
    """Return the Kafka headers of a dead letter."""
    return [
        (HEADER_REASON, reason.encode()),
        (HEADER_DETAIL, detail[:500].encode()),
        (HEADER_TOPIC, topic.encode()),
        (HEADER_PARTITION, str(partition).encode()),
        (HEADER_OFFSET, str(offset).encode()),
    ]
