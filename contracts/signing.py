"""The signature of a device's answer to a round or of its node's proof, and the text form of keys.

Ed25519 (RFC 8032). Of an update these fields are signed, in this order, with nothing between or after them:

| field | written as |
|---|---|
| the domain `fedsecure/model-update/v1` | text |
| `round` | u64 |
| `device_id` | text |
| `base_sha256` | text |
| `update_sha256` | text |
| `sample_count` | u64 |
| `nonce` | text |
| `lease_token` | u64 |
| `key_id` | text |
| `loss_before`, `loss_after`, `train_s`, `sent_at` | f64 each |

Of a measurement: the domain `fedsecure/model-measurement/v1`, `round`, `device_id`, `base_sha256`, `candidate_sha256`, `sample_count`,
`nonce`, `lease_token`, `key_id`, then `loss_before`, `loss_after` and `sent_at`, written in the same ways.

Of a node's proof: the domain `fedsecure/node-proof/v1`, `device_id`, `node_id` and `run_id` (u64), `nonce`, `key_id`.

text: the length of its UTF-8 bytes as u32, then those bytes. u32, u64, f64 (IEEE 754 binary64): big-endian. Order, types and
lengths leave one way to read the bytes, so no two answers share them; whatever else is signed one day gets another domain.

The round, the base and the lease token bind an answer to one invitation of one coordinator, the update's sha256 binds the
weights, and the rest is what the coordinator weighs, puts on record or shows. Nothing in an update is left to trust.
"""

from __future__ import annotations

import binascii
import hashlib
import struct
from base64 import b64decode, b64encode
from typing import Final, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from msgspec.structs import replace

from contracts.errors import BadSignature, Misconfigured
from contracts.messages.federation import ModelMeasurement, ModelUpdate
from contracts.messages.node_proof import NodeProof

DOMAIN: Final = "fedsecure/model-update/v1"
DOMAIN_OF_MEASUREMENTS: Final = "fedsecure/model-measurement/v1"
DOMAIN_OF_PROOFS: Final = "fedsecure/node-proof/v1"
KEY_ID_CHARS: Final = 16
SIGNATURE_CHARS: Final = 88

Answer = TypeVar("Answer", ModelUpdate, ModelMeasurement)
Signed = ModelUpdate | ModelMeasurement | NodeProof
Signable = TypeVar("Signable", ModelUpdate, ModelMeasurement, NodeProof)


def canonical_bytes(answer: Signed) -> bytes:
    """Return the bytes that are signed. Raises BadSignature when a field cannot be written (no signer could have)."""
    try:
        return _bytes_of_proof(answer) if isinstance(answer, NodeProof) else _bytes_of_answer(answer)
    except (struct.error, OverflowError, UnicodeEncodeError) as error:
        raise BadSignature(f"a field is out of range ({type(error).__name__})") from None


def _bytes_of_proof(proof: NodeProof) -> bytes:
    numbers = struct.pack(">QQ", proof.node_id, proof.run_id)
    return b"".join((_text(DOMAIN_OF_PROOFS), _text(proof.device_id), numbers, _text(proof.nonce), _text(proof.key_id)))


def _bytes_of_answer(answer: ModelUpdate | ModelMeasurement) -> bytes:
    if isinstance(answer, ModelUpdate):
        domain, made = DOMAIN, answer.update_sha256
        numbers = [answer.loss_before, answer.loss_after, answer.train_s, answer.sent_at]
    else:
        domain, made = DOMAIN_OF_MEASUREMENTS, answer.candidate_sha256
        numbers = [answer.loss_before, answer.loss_after, answer.sent_at]
    return b"".join(
        (
            _text(domain),
            struct.pack(">Q", answer.round),
            _text(answer.device_id),
            _text(answer.base_sha256),
            _text(made),
            struct.pack(">Q", answer.sample_count),
            _text(answer.nonce),
            struct.pack(">Q", answer.lease_token),
            _text(answer.key_id),
            struct.pack(f">{len(numbers)}d", *numbers),
        )
    )


def sign(private_key: Ed25519PrivateKey, answer: Signable) -> Signable:
    """Return the answer with this key's id and signature, whatever it held of both before."""
    named = replace(answer, key_id=key_id_of(public_bytes_of(private_key)))
    return replace(named, signature=b64encode(private_key.sign(canonical_bytes(named))).decode())


def verify(public_key: bytes, answer: Signed) -> None:
    """Raise BadSignature unless the holder of this key (32 raw bytes) signed the answer as it stands."""
    if answer.key_id != key_id_of(public_key):
        raise BadSignature("it names another key")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(_signature_of(answer), canonical_bytes(answer))
    except InvalidSignature:
        raise BadSignature("the signature does not belong to this message and this key") from None
    except ValueError:
        raise BadSignature("the public key is not 32 bytes of Ed25519") from None


def key_id_of(public_key: bytes) -> str:
    """Return a key's name: the first 16 hex digits of the sha256 of its 32 raw bytes."""
    return hashlib.sha256(public_key).hexdigest()[:KEY_ID_CHARS]


def public_bytes_of(private_key: Ed25519PrivateKey) -> bytes:
    """Return the public half, 32 raw bytes."""
    return private_key.public_key().public_bytes_raw()


def to_pem(private_key: Ed25519PrivateKey) -> bytes:
    """Return the key as PKCS8 PEM without a passphrase: what protects it is the mode of its file."""
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def from_pem(pem: bytes) -> Ed25519PrivateKey:
    """Return the key of a PEM. Raises Misconfigured, without a byte of it, for anything else than an Ed25519 key."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured(f"not a private key in PEM without a passphrase ({type(error).__name__})") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured("not an Ed25519 key")
    return key


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">I", len(data)) + data


def _signature_of(answer: Signed) -> bytes:
    """Return the 64 bytes. Base64 has several spellings of the same bytes, of which one is taken."""
    if len(answer.signature) != SIGNATURE_CHARS:
        raise BadSignature("it is not signed" if not answer.signature else "the signature is not 64 bytes in base64")
    try:
        signature = b64decode(answer.signature, validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature("the signature is not base64") from None
    if b64encode(signature).decode() != answer.signature:
        raise BadSignature("the signature is not base64")
    return signature
