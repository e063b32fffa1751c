"""Rounds, updates, models and the audit trail, as they travel between the coordinator and the devices."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec

from contracts.identifiers import DeviceId
from contracts.messages.decoding import decoded

TaskName = Literal["reconstruction", "forecast", "classification"]
"""What a federation can learn."""


SCHEMA_VERSION = 1


class RoundPhase(StrEnum):
    """Where a round stands. COMMITTED, SKIPPED and FAILED are final."""

    PROPOSED = "proposed"
    COLLECTING = "collecting"
    AGGREGATING = "aggregating"
    COMMITTED = "committed"
    SKIPPED = "skipped"
    FAILED = "failed"


class AcceptedUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What a coordinator that resumes a round needs of an accepted update: where its weights lie and what they count for.

    `samples` are windows, capped by the coordinator; `loss` is the local mean squared error after training; `key_id` names
    the key that signed it, which must still be registered when the round closes.
    """

    update_sha256: str
    samples: int
    loss: float
    key_id: str


class RoundRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One round, published again as it moves on (compacted topic, key = round number), enough to resume it from.

    Wall times are epoch seconds. `excluded` maps each device that was left out (or dropped) to the reason. `lease_token`
    fences coordinators: devices refuse a lower token than the highest they have seen. A round that was resumed was
    `opened_with` a lower one, and answers to either count. `target`: as many answers are enough (None: all that come). `proximal_mu` pulls local
    training towards the global model (FedProx; 0: not at all).
    """

    round: int
    phase: RoundPhase
    task: str
    lease_token: int
    model_sha256: str
    gated_at: float
    deadline_at: float
    cohort: list[DeviceId]
    excluded: dict[str, str]
    accepted: list[DeviceId]
    updates: dict[str, AcceptedUpdate] = {}
    opened_with: int = 0
    target: int | None = None
    local_epochs: int = 1
    batch_size: int = 32
    learning_rate: float = 1e-3
    proximal_mu: float = 0.0
    aggregation: str = "fedavg"
    reason: str = ""
    new_model_sha256: str | None = None
    loss: float | None = None
    ended_at: float | None = None
    schema_version: int = SCHEMA_VERSION


ShortText = Annotated[str, msgspec.Meta(max_length=64)]
PublicKey = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class ModelUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A device's answer to a round. The weights (safetensors bytes) lie in the blob store under their sha256.

    `signature` (base64) covers every other field but the schema version: contracts.signing. `nonce` differs in every update.
    """

    device_id: DeviceId
    round: int
    lease_token: int
    base_sha256: str
    update_sha256: str
    sample_count: int
    loss_before: float
    loss_after: float
    train_s: float
    sent_at: float
    nonce: ShortText = ""
    key_id: ShortText = ""
    signature: str = ""
    schema_version: int = SCHEMA_VERSION


class DeviceKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key a device signs with (compacted topic, key = device id): only the latest record of a device counts.

    `public_key` is the raw Ed25519 key, `key_id` names it (contracts.signing.key_id_of). Wall times are epoch seconds; a key
    with `revoked_at` is good for nothing any more.
    """

    device_id: DeviceId
    public_key: PublicKey
    key_id: ShortText
    registered_at: float
    revoked_at: float | None = None
    schema_version: int = SCHEMA_VERSION


class GlobalModel(msgspec.Struct, frozen=True, kw_only=True):
    """A global model (compacted topic, key = sha256). `weights` carries safetensors bytes under 512 kB."""

    sha256: str
    parent_sha256: str | None
    round: int
    task: str
    published_at: float
    weights: bytes | None
    schema_version: int = SCHEMA_VERSION


class FlEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit trail: what was decided about whom, and why."""

    at: float
    kind: str
    round: int
    device_id: str | None = None
    reason: str = ""
    detail: dict[str, Any] = {}
    schema_version: int = SCHEMA_VERSION


FederationMessage = RoundRecord | ModelUpdate | DeviceKey | GlobalModel | FlEvent
_encoder = msgspec.json.Encoder()
_decoders = {kind: msgspec.json.Decoder(kind) for kind in (RoundRecord, ModelUpdate, DeviceKey, GlobalModel, FlEvent)}


def encode_federation(message: FederationMessage) -> bytes:
    """Return a federation message as JSON (bytes fields as base64)."""
    return _encoder.encode(message)


Message = TypeVar("Message", RoundRecord, ModelUpdate, DeviceKey, GlobalModel, FlEvent)


def decode_federation(kind: type[Message], value: bytes | None) -> Message:
    """Return the checked message, or raise InvalidMessage."""
    decoder = cast("msgspec.json.Decoder[Message]", _decoders[kind])
    return decoded(decoder, value, SCHEMA_VERSION)
