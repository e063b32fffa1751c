"""The releases of detector bundles, one record a release."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from contracts.messages.decoding import decoded

SCHEMA_VERSION = 1
LONGEST_REASON: Final = 500
"""Characters of why something was released or taken back."""

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class BundleRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle put in force (compacted topic, key = release number as text).

    `bundle_sha256` is the hash of its manifest; under it and the hashes that the manifest lists lie its files in the topic
    of bundle files, before the release is written. `parent_sha256` is the bundle in force before, `model_sha256` the global
    model that it was made of, `canary` the figures of the check that it passed. `released_at`: wall time, epoch seconds.
    """

    release: Annotated[int, msgspec.Meta(ge=1)]
    bundle_sha256: Sha256
    parent_sha256: Sha256 | None
    model_sha256: Sha256 | None
    kind: Literal["initial", "promotion", "rollback"]
    reason: Annotated[str, msgspec.Meta(max_length=LONGEST_REASON)]
    canary: dict[str, float] = {}
    released_at: float
    by: Annotated[str, msgspec.Meta(max_length=200)] = ""
    schema_version: int = SCHEMA_VERSION


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(BundleRelease)


def encode_release(release: BundleRelease) -> bytes:
    """Return a release as JSON."""
    return _encoder.encode(release)


def decode_release(value: bytes | None) -> BundleRelease:
    """Return the checked release, or raise InvalidMessage."""
    return decoded(_decoder, value, SCHEMA_VERSION)
