"""Rounds, updates, models and the audit trail, as they travel between the coordinator and the devices."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeVar, cast

import msgspec

from contracts.identifiers import DeviceId
from contracts.messages.decoding import decoded
from contracts.messages.releases import LONGEST_REASON, Sha256

TaskName = Literal["reconstruction", "forecast", "classification"]
"""What a federation can learn."""


SCHEMA_VERSION = 1


class RoundPhase(StrEnum):
    """Where a round stands. All but the first four are final; a round ROLLED_BACK is no training, it takes a model back."""

    PROPOSED = "proposed"
    COLLECTING = "collecting"
    AGGREGATING = "aggregating"
    VALIDATING = "validating"
    COMMITTED = "committed"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


MAKES_CURRENT: Final = frozenset({RoundPhase.COMMITTED, RoundPhase.ROLLED_BACK})
"""Rounds that ended so have made `new_model_sha256` the current model."""


class AcceptedUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What a coordinator that resumes a round needs of an accepted update: where its weights lie and what they count for.

    `samples` are windows, capped by the coordinator; `loss` is the local mean squared error after training; `key_id` names
    the key that signed it, which must still be registered when the round closes.
    """

    update_sha256: str
    samples: int
    loss: float
    key_id: str


class AcceptedMeasurement(msgspec.Struct, frozen=True, kw_only=True):
    """What a device says of a candidate: the loss of the former model and of the new one on its held-out windows (`samples`)."""

    loss_before: float
    loss_after: float
    samples: int
    key_id: str


class RoundRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One round, published again as it moves on (compacted topic, key = round number), enough to resume it from.

    Wall times are epoch seconds. `excluded` maps each device that was left out (or dropped) to the reason. `lease_token`
    fences coordinators: devices refuse a lower token than the highest they have seen. A round that was resumed was
    `opened_with` a lower one, and answers to either count. `target`: as many answers are enough (None: all that come). `proximal_mu` pulls local
    training towards the global model (FedProx; 0: not at all).

    While a round is VALIDATING the `validators` measure the model `candidate_sha256`, from `validating_since` to `deadline_at`. `change` is
    the median of their relative changes of the loss, which may be `tolerance` at most. Where a model was taken back, `request` names the
    request, `by` who made it, and `reason` why.
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
    candidate_sha256: str | None = None
    validators: list[DeviceId] = []
    validating_since: float | None = None
    measurements: dict[str, AcceptedMeasurement] = {}
    change: float | None = None
    tolerance: float | None = None
    new_model_sha256: str | None = None
    loss: float | None = None
    ended_at: float | None = None
    request: str = ""
    by: str = ""
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


MOST_LOSS: Final = 1e6
"""What a device reports of a model that answers with anything worse, or with no number at all."""


class ModelMeasurement(msgspec.Struct, frozen=True, kw_only=True):
    """A device's answer to a round that is validating: both models' mean losses, 0 to MOST_LOSS, on the same held-out windows.

    It travels on the device's topic of updates, from which `kind` tells it apart, and is signed as they are. `sample_count` 0: the
    device has no such window.
    """

    device_id: DeviceId
    round: int
    lease_token: int
    base_sha256: str
    candidate_sha256: str
    sample_count: int
    loss_before: float
    loss_after: float
    sent_at: float
    nonce: ShortText = ""
    key_id: ShortText = ""
    signature: str = ""
    kind: Literal["measurement"] = "measurement"
    schema_version: int = SCHEMA_VERSION


class ModelRollback(msgspec.Struct, frozen=True, kw_only=True):
    """A person's request to make an earlier global model the current one again (compacted topic, key = `request`).

    The coordinator carries each out once: the round that names the request says what became of it. `requested_at`: epoch seconds.
    """

    request: ShortText
    sha256: Sha256
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_REASON)]
    by: Annotated[str, msgspec.Meta(max_length=200)]
    requested_at: float
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


FederationMessage = RoundRecord | ModelUpdate | ModelMeasurement | ModelRollback | DeviceKey | GlobalModel | FlEvent
_KINDS: Final = (RoundRecord, ModelUpdate, ModelMeasurement, ModelRollback, DeviceKey, GlobalModel, FlEvent)
_encoder = msgspec.json.Encoder()
_decoders = {kind: msgspec.json.Decoder(kind) for kind in _KINDS}


def encode_federation(message: FederationMessage) -> bytes:
    """Return a federation message as JSON (bytes fields as base64)."""
    return _encoder.encode(message)


Message = TypeVar("Message", RoundRecord, ModelUpdate, ModelMeasurement, ModelRollback, DeviceKey, GlobalModel, FlEvent)


def decode_federation(kind: type[Message], value: bytes | None) -> Message:
    """Return the checked message, or raise InvalidMessage."""
    decoder = cast("msgspec.json.Decoder[Message]", _decoders[kind])
    return decoded(decoder, value, SCHEMA_VERSION)


class _Kind(msgspec.Struct):
    kind: str = "update"
    schema_version: int = SCHEMA_VERSION


_kind_decoder = msgspec.json.Decoder(_Kind)


def decode_answer(value: bytes | None) -> ModelUpdate | ModelMeasurement:
    """Return the checked message of a device's topic of updates, or raise InvalidMessage."""
    if decoded(_kind_decoder, value, SCHEMA_VERSION).kind == "measurement":
        return decode_federation(ModelMeasurement, value)
    return decode_federation(ModelUpdate, value)
