"""A table of nodes that an operator wrote: which device's SuperNode has which public key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
    load_ssh_public_key,
)

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id

NodeKeys = Mapping[bytes, str]
"""A node's public key (DER, SubjectPublicKeyInfo) -> its device's id."""


def read_node_keys(path: Path) -> NodeKeys:
    """Return the table: a line a device, its id and the OpenSSH public key of its SuperNode; # begins a comment.

    Raises Misconfigured for a line that is none, and for a device or a key that stands twice.
    """
    keys: dict[bytes, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        device_id, _, key = line.partition("#")[0].strip().partition(" ")
        if not device_id:
            continue
        try:
            spki = load_ssh_public_key(key.strip().encode()).public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
        except (ValueError, UnsupportedAlgorithm):
            raise Misconfigured(
                f"{path}, line {number}: after the device stands its node's OpenSSH public key (ecdsa-sha2-nistp384 …)"
            ) from None
        if spki in keys or device_id in keys.values():
            raise Misconfigured(f"{path}, line {number}: {device_id} or its key stands on an earlier line too")
        keys[spki] = check_device_id(device_id)
    return keys


def device_of(keys: NodeKeys, public_key: bytes) -> str | None:
    """Return the device of the node with this public key (PEM, as Flower tells it), None where the table has none."""
    try:
        key = load_pem_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return keys.get(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
