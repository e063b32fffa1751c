"""The devices' vitals topics as an ingest needs them: made when missing, and read back how far each got."""

from __future__ import annotations

from contracts.settings import Settings
from transport.kafka.admin import ensure_topics
from transport.kafka.last_sent import LastSent, read_last_sent


class VitalsTopics:
    """One topic a device, or the shared one; all calls block and raise Unavailable."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_shared = settings.topic_layout == "shared"
        self._shared: dict[str, LastSent] | None = None
        self.prepared: list[str] = []

    def of(self, device_id: str) -> str:
        """Return the topic that a device's minutes go to."""
        topics = self._settings.topics
        return topics.vitals_shared if self._is_shared else topics.vitals(device_id)

    def prepare(self, device_ids: list[str]) -> dict[str, LastSent]:
        """Make the devices' topics and return how far those got that had minutes."""
        return self._prepare_shared() if self._is_shared else self._prepare_each(device_ids)

    def _prepare_each(self, device_ids: list[str]) -> dict[str, LastSent]:
        topics = self._settings.topics
        created = set(ensure_topics(self._settings, [topics.vitals_spec(device_id) for device_id in device_ids]))
        known = [device_id for device_id in device_ids if topics.vitals(device_id) not in created]
        last_sent = read_last_sent(self._settings, known) if known else {}
        self.prepared += [topics.vitals(device_id) for device_id in device_ids]
        return last_sent

    def _prepare_shared(self) -> dict[str, LastSent]:
        """Read the shared topic back once, for all devices: for each new one it would be read to its very beginning."""
        if self._shared is None:
            topics = self._settings.topics
            created = ensure_topics(self._settings, [topics.vitals_shared_spec(self._settings.shared_partitions)])
            self._shared = {} if created else read_last_sent(self._settings, None)
            self.prepared.append(topics.vitals_shared)
        return self._shared
