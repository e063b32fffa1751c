"""What the tests of the secure mode share: its devices, and every topic that a program could want."""

from __future__ import annotations

from contracts.topics import Topics

REAUTH_S = 6.0
DEVICES = ("bed-1", "bed-10")  # the name of one begins the other's


def every_topic(topics: Topics) -> list[str]:
    """Return the fixed topics, those of both devices, and an ingest's journal."""
    own = [name for device in DEVICES for name in (topics.vitals(device), topics.fl_updates(device))]
    return [*(spec.name for spec in topics.fixed()), *own, topics.ingest("hl7")]
