"""Keys of devices that are the same in every run, and the records that register them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.messages.federation import DeviceKey, encode_federation
from contracts.signing import key_id_of, public_bytes_of


@dataclass(frozen=True)
class KeyRecord:
    """A record of the key topic."""

    key: bytes | None
    value: bytes | None
    offset: int = 0


def private_key(device_id: str, generation: int = 0) -> Ed25519PrivateKey:
    """Return a device's key; each generation (rotation) is another one."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{device_id}/{generation}".encode()).digest())


def device_key(device_id: str, generation: int = 0, *, revoked_at: float | None = None) -> DeviceKey:
    """Return what is registered for that key."""
    public_key = public_bytes_of(private_key(device_id, generation))
    return DeviceKey(
        device_id=device_id,
        public_key=public_key,
        key_id=key_id_of(public_key),
        registered_at=1000.0 + generation,
        revoked_at=revoked_at,
    )


def key_record(key: DeviceKey) -> KeyRecord:
    """Return the record that says so."""
    return KeyRecord(key.device_id.encode(), encode_federation(key))
