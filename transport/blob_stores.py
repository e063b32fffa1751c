"""Which blob store the settings name."""

from __future__ import annotations

import redis

from contracts.settings import Settings
from transport.blob_store import BlobStore, RedisBlobStore
from transport.file_blob_store import FileBlobStore


def blob_store(settings: Settings, client: redis.Redis) -> BlobStore:
    """Return the folder of FEDSECURE_BLOB_DIR as a store, else Redis behind `client`."""
    return RedisBlobStore(client) if settings.blob_dir is None else FileBlobStore(settings.blob_dir)
