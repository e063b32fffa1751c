"""Every Redis key, built here and nowhere else."""

from __future__ import annotations


class RedisKeys:
    """Keys under one prefix. The view of devices is rebuilt from the status topic, blobs expire."""

    def __init__(self, prefix: str = "fedsecure") -> None:
        self.prefix = prefix
        self.devices_last_seen = f"{prefix}:devices:last_seen"
        """ZSET: device id -> `received_at` (epoch seconds), also the list of all known devices."""
        self.coordinator_lease = f"{prefix}:fl:lease"
        """STRING: the highest fencing token that any coordinator took."""
        self.coordinator_holder = f"{prefix}:fl:lease:holder"
        """STRING that expires: which coordinator is active. As long as it stands, others wait."""
        self.current_model = f"{prefix}:fl:model:current"
        """HASH: sha256 and round of the current global model."""

    def device(self, device_id: str) -> str:
        """HASH: `epoch`, `applied_through` (the fencing pair) and `status` (DeviceStatus JSON without snapshot)."""
        return f"{self.prefix}:device:{device_id}"

    def worker(self, group: str, worker_id: str) -> str:
        """STRING that expires: the worker of this id that runs. It lies under `devices` for the workers' ACL."""
        return f"{self.prefix}:devices:worker:{group}:{worker_id}"

    def replay(self, device_id: str) -> str:
        """STRING that expires: the replay that sends this device now."""
        return f"{self.prefix}:devices:replay:{device_id}"

    def written_mark(self, writer: str) -> str:
        """STRING that expires: the number of a worker's last write. A lower one than it knows of says that writes were lost."""
        return f"{self.prefix}:devices:written:{writer}"

    def global_blob(self, sha256: str) -> str:
        return f"{self.prefix}:blob:global:{sha256}"

    def presence(self, device_id: str) -> str:
        """STRING that expires: the host that runs this device now. It lies under the device's own blobs for its ACL."""
        return f"{self.prefix}:blob:up:{device_id}:present"

    def update_blob(self, device_id: str, sha256: str) -> str:
        return f"{self.prefix}:blob:up:{device_id}:{sha256}"
