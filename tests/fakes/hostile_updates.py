"""Every way in which an update can be wrong, drawn with a seed: what the coordinator must refuse, and why it should say so.

A `Scene` is a round with devices whose keys are registered. Its `honest` updates are what those devices send; `hostile`
yields what an attacker sends who may write any update topic, has seen every update so far, and holds the keys of
`scene.traitor` and of nobody else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
from device_keys import device_key, private_key
from msgspec.structs import replace

from contracts.content_hash import sha256_of
from contracts.messages.federation import DeviceKey, ModelUpdate, RoundRecord, encode_federation
from contracts.signing import sign
from transport.blobs.weights import encode_weights

OTHER_SHA256 = "5" * 64


@dataclass(frozen=True)
class Sent:
    """A message on the update topic of `sender_id`, the blob that lies in the store for it, and the refusal it must get."""

    sender_id: str
    value: bytes
    blob: bytes | None = None
    reason: str = ""
    sha256: str = ""


@dataclass
class Scene:
    """One open round; `keys` is what is registered, one of them revoked; `traitor` breaks the rules with its own key."""

    record: RoundRecord
    weights: bytes
    traitor: str
    revoked: str
    seen: list[Sent] = field(default_factory=list)

    @property
    def loyal(self) -> list[str]:
        return [name for name in self.record.cohort if name not in {self.traitor, self.revoked}]

    @property
    def keys(self) -> list[DeviceKey]:
        return [
            *(device_key(name) for name in self.record.cohort),
            device_key(self.revoked, revoked_at=1.0),
            device_key("outsider"),
        ]

    def update(self, device_id: str, nonce: str, **changes: object) -> ModelUpdate:
        """Return what a device answers, but for the changes, not signed yet."""
        update = ModelUpdate(
            device_id=device_id, round=self.record.round, lease_token=self.record.lease_token,
            base_sha256=self.record.model_sha256, update_sha256=sha256_of(self.weights), sample_count=5, loss_before=1.0,
            loss_after=0.5, train_s=0.1, sent_at=1000.0, nonce=nonce,
        )  # fmt: skip
        return replace(update, **changes)

    def honest(self, device_id: str) -> Sent:
        """Return a device's good answer; the attacker sees it too."""
        update = sign(private_key(device_id), self.update(device_id, f"honest-{device_id}"))
        self.seen.append(Sent(device_id, encode_federation(update), self.weights, sha256=update.update_sha256))
        return self.seen[-1]


Make = Callable[[random.Random, Scene], Sent]


def hostile(seed: int, scene: Scene, count: int) -> Iterator[Sent]:
    """Yield so many hostile messages of all kinds, in an order drawn with the seed."""
    source = random.Random(seed)
    kinds = [kind for kind in (*KINDS, *TRAITOR_KINDS) for _ in range(-(-count // (len(KINDS) + len(TRAITOR_KINDS))))]
    source.shuffle(kinds)
    for make in kinds[:count]:
        yield make(source, scene)


def _nonce(source: random.Random) -> str:
    return source.randbytes(16).hex()


def _message(reason: str, device_id: str, update: ModelUpdate, sender_id: str | None = None) -> Sent:
    return Sent(sender_id or device_id, encode_federation(update), reason=reason)


def not_json(source: random.Random, scene: Scene) -> Sent:
    return Sent(source.choice(scene.loyal), source.randbytes(source.randrange(200)), reason="bad_message")


def cut_short(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    value = encode_federation(sign(private_key(device_id), scene.update(device_id, _nonce(source))))
    return Sent(device_id, value[: source.randrange(1, len(value))], reason="bad_message")


def of_another_version(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    signed = sign(private_key(device_id), scene.update(device_id, _nonce(source)))
    return _message("bad_message", device_id, replace(signed, schema_version=source.randrange(2, 99)))


def in_anothers_name(source: random.Random, scene: Scene) -> Sent:
    sender_id, name = source.sample(scene.loyal, 2)
    return _message("wrong_device", name, sign(private_key(name), scene.update(name, _nonce(source))), sender_id)


def of_another_round(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    number = scene.record.round + source.choice([-1, 1, 1000])
    reason = "late" if number < scene.record.round else "wrong_round"
    return _message(reason, device_id, _own(source, scene, device_id, round=number))


def for_another_coordinator(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    return _message("wrong_lease", device_id, _own(source, scene, device_id, lease_token=scene.record.lease_token - 1))


def of_the_last_round_renumbered(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    old = _own(source, scene, device_id, round=scene.record.round - 1)
    return _message("bad_signature", device_id, replace(old, round=scene.record.round))


def of_an_outsider(source: random.Random, scene: Scene) -> Sent:
    return _message("not_in_cohort", "outsider", _own(source, scene, "outsider"))


def from_another_base(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    return _message("wrong_base", device_id, _own(source, scene, device_id, base_sha256=OTHER_SHA256))


def with_a_path_for_a_hash(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    name = source.choice(["", "../x", "F" * 64, "0" * 63, "0" * 100_000])
    return _message("bad_sha256", device_id, _own(source, scene, device_id, update_sha256=name))


def with_negative_samples(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    unsigned = scene.update(device_id, _nonce(source), sample_count=-source.randrange(1, 10**9))
    return _message("bad_samples", device_id, unsigned)


def with_a_loss_below_zero(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    return _message("bad_loss", device_id, _own(source, scene, device_id, loss_after=-source.random() - 0.1))


def unsigned(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    return _message("unknown_key", device_id, scene.update(device_id, _nonce(source)))


def signed_with_nobodys_key(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    forged = sign(private_key("nobody", source.randrange(9)), scene.update(device_id, _nonce(source)))
    return _message("unknown_key", device_id, forged)


def signed_with_anothers_key(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    forged = sign(private_key(scene.traitor), scene.update(device_id, _nonce(source)))
    if source.random() < 0.5:
        return _message("unknown_key", device_id, forged)
    return _message("bad_signature", device_id, replace(forged, key_id=device_key(device_id).key_id))


def signed_with_noise(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    signature = source.choice(["", "A" * 88, "?" * 88, "A" * 100_000, _own(source, scene, device_id).signature])
    changes = {"key_id": device_key(device_id).key_id, "signature": signature}
    return _message("bad_signature", device_id, replace(scene.update(device_id, _nonce(source)), **changes))


def altered(source: random.Random, scene: Scene) -> Sent:
    """One field that passes the cheap checks, of an answer that the device signed and the attacker holds back."""
    device_id = source.choice(scene.loyal)
    field_name, value = source.choice(
        [("sample_count", source.randrange(6, 10**12)), ("sample_count", 0), ("update_sha256", OTHER_SHA256),
         ("nonce", _nonce(source)), ("loss_after", 0.1), ("loss_before", 9.0), ("train_s", 7.0), ("sent_at", 1e9)]
    )  # fmt: skip
    return _message("bad_signature", device_id, replace(_own(source, scene, device_id), **{field_name: value}))


def with_a_count_beyond_all_integers(source: random.Random, scene: Scene) -> Sent:
    device_id = source.choice(scene.loyal)
    signed = _own(source, scene, device_id)
    value = encode_federation(signed).replace(b'"sample_count":5', b'"sample_count":18446744073709551616')
    return Sent(device_id, value, reason="bad_signature")


def by_a_revoked_device(source: random.Random, scene: Scene) -> Sent:
    return _message("revoked_key", scene.revoked, _own(source, scene, scene.revoked))


def seen_before(source: random.Random, scene: Scene) -> Sent:
    """An answer that counted already, as it was or with another number in it; before there is one, the same kind of forgery."""
    if not scene.seen:
        return altered(source, scene)
    seen = source.choice(scene.seen)
    update = msgspec.json.decode(seen.value, type=ModelUpdate)
    changes = source.choice([{}, {"sample_count": 10**6}, {"loss_after": 0.0}])
    return _message("replayed", seen.sender_id, replace(update, **changes))


def with_a_blob_that_is_missing(source: random.Random, scene: Scene) -> Sent:
    update = _own(source, scene, scene.traitor, update_sha256=sha256_of(source.randbytes(8)))
    return _message("bad_message", scene.traitor, update)


def with_garbage_for_weights(source: random.Random, scene: Scene) -> Sent:
    return _with_blob("bad_message", source, scene, source.randbytes(40))


def with_an_altered_blob(source: random.Random, scene: Scene) -> Sent:
    sent = _with_blob("bad_message", source, scene, source.randbytes(40))
    return Sent(sent.sender_id, sent.value, sent.blob + b"x", "bad_message", sent.sha256)


def with_weights_of_another_model(source: random.Random, scene: Scene) -> Sent:
    arrays = source.choice(
        [{"w": np.zeros(4, np.float32)}, {"v": np.zeros(3, np.float32)}, {"w": np.float32([0.0, np.nan, source.random()])},
         {"w": np.float32([0.0, np.inf, source.random()])}]
    )  # fmt: skip
    return _with_blob("bad_weights", source, scene, encode_weights(arrays))


def with_integers_for_weights(source: random.Random, scene: Scene) -> Sent:
    blob = encode_weights({"w": np.float32([source.random()] * 3)}).replace(b'"F32"', b'"I32"')
    return _with_blob("bad_message", source, scene, blob)


def _own(source: random.Random, scene: Scene, device_id: str, **changes: object) -> ModelUpdate:
    return sign(private_key(device_id), scene.update(device_id, _nonce(source), **changes))


def _with_blob(reason: str, source: random.Random, scene: Scene, blob: bytes) -> Sent:
    """The traitor signs it: it is refused for its content alone."""
    update = _own(source, scene, scene.traitor, update_sha256=sha256_of(blob))
    return Sent(scene.traitor, encode_federation(update), blob, reason, update.update_sha256)


KINDS: tuple[Make, ...] = (
    not_json, cut_short, of_another_version, in_anothers_name, of_another_round, for_another_coordinator,
    of_the_last_round_renumbered, of_an_outsider, from_another_base, with_a_path_for_a_hash, with_negative_samples,
    with_a_loss_below_zero, unsigned, signed_with_nobodys_key, signed_with_anothers_key, signed_with_noise, altered,
    with_a_count_beyond_all_integers, by_a_revoked_device, seen_before,
)  # fmt: skip
TRAITOR_KINDS: tuple[Make, ...] = (
    with_a_blob_that_is_missing, with_garbage_for_weights, with_an_altered_blob, with_weights_of_another_model,
    with_integers_for_weights,
)  # fmt: skip
