"""What a device is called inside: the id of the name it was given, or a pseudonym that only the site's key can make."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.errors import Misconfigured
from contracts.identifiers import device_id_of, label_of

SHORTEST_KEY_BYTES: Final = 16
LONGEST_KEY_BYTES: Final = 4096
PSEUDONYM_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Naming:
    """Names devices. With a key nothing of the given name is left."""

    key: bytes | None = None

    def name(self, given: str) -> tuple[str, str | None]:
        """Return a device's id and its label. Raises Misconfigured, without the name, for what cannot be one."""
        if self.key is not None:
            digest = hmac.new(self.key, given.strip().encode(), hashlib.sha256).hexdigest()
            return f"d-{digest[:PSEUDONYM_DIGITS]}", None
        try:
            device_id = device_id_of(given)
        except Misconfigured:
            raise Misconfigured(
                "no name for a device: 1-120 printable characters, a letter or digit among them"
            ) from None
        return device_id, label_of(given, device_id)


def naming_with(key_file: Path | None) -> Naming:
    """Return the naming of a site. Raises Misconfigured when the key's file is not there or holds no key."""
    if key_file is None:
        return Naming()
    try:
        with key_file.open("rb") as file:
            key = file.read(LONGEST_KEY_BYTES + 1).strip()
    except OSError as error:
        raise Misconfigured(f"the pseudonym key {key_file} cannot be read: {error.strerror}") from None
    if not SHORTEST_KEY_BYTES <= len(key) <= LONGEST_KEY_BYTES:
        raise Misconfigured(
            f"the pseudonym key {key_file} has {len(key)} bytes; make one of {SHORTEST_KEY_BYTES} or more: "
            f"`openssl rand -hex 32 > {key_file}`"
        )
    return Naming(key)
