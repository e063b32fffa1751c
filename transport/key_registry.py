"""Which key each device has registered: the compacted topic `fl.keys`, folded to its latest record a device."""

from __future__ import annotations

import structlog

from contracts.configuration.parts import ServiceSettings
from contracts.errors import InvalidMessage
from contracts.messages.federation import DeviceKey, decode_federation
from contracts.signing import key_id_of
from transport.compacted_table import TableRecord
from transport.kafka.topic_reader import TopicReader

log = structlog.get_logger()


class KeyRegistry:
    """The latest word on every device's key. `note` takes the topic's records in order, and reads nothing itself."""

    def __init__(self) -> None:
        self._keys: dict[str, DeviceKey] = {}

    def forget(self) -> None:
        """Know no key any more."""
        self._keys.clear()

    def note(self, record: TableRecord) -> str | None:
        """Take one record and return the device it is about (None: about nobody).

        The last word on a device counts, also if it cannot be understood: then the device has no key. To keep an older one
        could keep a key that was just revoked, and compaction would leave a later reader without it anyway.
        """
        try:
            device_id = (record.key or b"").decode()
        except UnicodeDecodeError:
            device_id = ""
        if not device_id:
            log.warning("key_record_unreadable", offset=record.offset, reason="no device in the record's key")
            return None
        self._keys.pop(device_id, None)
        if record.value is not None:
            try:
                self._keys[device_id] = _checked(device_id, record.value)
            except InvalidMessage as error:
                log.warning("key_record_unreadable", offset=record.offset, device_id=device_id, reason=error.reason)
        return device_id

    def get(self, device_id: str) -> DeviceKey | None:
        """Return what is registered for a device, a revoked key too, or None."""
        return self._keys.get(device_id)

    def all(self) -> list[DeviceKey]:
        """Return every device's key in order of the devices, revoked ones too."""
        return [self._keys[device_id] for device_id in sorted(self._keys)]

    @property
    def registered(self) -> set[str]:
        """The devices whose updates can be accepted now: with a key that is registered and not revoked."""
        return {device_id for device_id, key in self._keys.items() if key.revoked_at is None}


def _checked(device_id: str, value: bytes) -> DeviceKey:
    key = decode_federation(DeviceKey, value)
    if key.device_id != device_id:
        raise InvalidMessage("wrong_device", f"{key.device_id} under the key {device_id}")
    if key.key_id != key_id_of(key.public_key):
        raise InvalidMessage("bad_schema", "the key id is not that of the public key")
    return key


async def read_registry(settings: ServiceSettings) -> KeyRegistry:
    """Return the registry as it stands now. Raises Unavailable when Kafka or the topic is not there."""
    registry = KeyRegistry()
    async with TopicReader(settings) as reader:
        await reader.add_existing([settings.topics.fl_keys], start="earliest")
        for record in await reader.read_to_end():
            registry.note(record)
    return registry
