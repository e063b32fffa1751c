"""Every Redis key, built here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RedisKeys:
    """Keys under one prefix. The view of devices is rebuilt from the status topic; blobs expire."""

    prefix: str = "fedsecure"

    def device(self, device_id: str) -> str:
        """HASH: `epoch`, `applied_through` (the fencing pair) and `status` (DeviceStatus JSON without snapshot)."""
        return f"{self.prefix}:device:{device_id}"

    @property
    def devices_last_seen(self) -> str:
        """ZSET: device id -> `received_at` (epoch seconds); also the list of all known devices."""
        return f"{self.prefix}:devices:last_seen"

    @property
    def coordinator_lease(self) -> str:
        """STRING: the highest fencing token that any coordinator took."""
        return f"{self.prefix}:fl:lease"

    @property
    def coordinator_holder(self) -> str:
        """STRING that expires: which coordinator is active; as long as it stands, others wait."""
        return f"{self.prefix}:fl:lease:holder"

    @property
    def current_model(self) -> str:
        """HASH: sha256 and round of the current global model."""
        return f"{self.prefix}:fl:model:current"

    def global_blob(self, sha256: str) -> str:
        return f"{self.prefix}:blob:global:{sha256}"

    def presence(self, device_id: str) -> str:
        """STRING that expires: a host runs this device now and can answer a round; under the device's own blobs for its ACL."""
        return f"{self.prefix}:blob:up:{device_id}:present"

    def update_blob(self, device_id: str, sha256: str) -> str:
        return f"{self.prefix}:blob:up:{device_id}:{sha256}"
