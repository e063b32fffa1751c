"""Verifies that an answer is signed with its device's registered key."""

from __future__ import annotations

import structlog

from contracts.errors import BadSignature
from contracts.signing import Signed, verify
from fl_coordinator.errors import UpdateRefused
from transport.compacted_table import TableRecord
from transport.key_registry import KeyRegistry

log = structlog.get_logger()


class KeyRing(KeyRegistry):
    """The registered keys as of the last record noted, without I/O."""

    def __init__(self) -> None:
        super().__init__()
        self._is_followed = False

    def note(self, record: TableRecord) -> str | None:
        device_id = super().note(record)
        if device_id and self._is_followed:
            log.info("key_changed", device_id=device_id, key_id=self.key_id(device_id))
        return device_id

    def follow(self) -> None:
        """Log how many keys there are, and from now on each that changes."""
        log.info("keys_read", registered=len(self.registered))
        self._is_followed = True

    def key_id(self, device_id: str) -> str | None:
        """Return the id of the key that a device must sign with now, None when it has none or a revoked one."""
        key = self.get(device_id)
        return None if key is None or key.revoked_at is not None else key.key_id

    def check(self, answer: Signed) -> None:
        """Raise UpdateRefused unless the key registered now for `device_id` signed the answer as it stands.

        Computes for a quarter of a millisecond, so the cheap checks come first.
        """
        key = self.get(answer.device_id)
        if key is None:
            raise UpdateRefused("unknown_key", "the device has no registered key", is_bad=True)
        if key.revoked_at is not None:
            raise UpdateRefused("revoked_key", f"key {key.key_id} is revoked", is_bad=True)
        if answer.key_id != key.key_id:
            named = f"key {answer.key_id}" if answer.key_id else "no key"
            raise UpdateRefused("unknown_key", f"it names {named}, registered is {key.key_id}", is_bad=True)
        try:
            verify(key.public_key, answer)
        except BadSignature as error:
            raise UpdateRefused("bad_signature", str(error), is_bad=True) from None
