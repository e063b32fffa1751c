"""The signature of an update, and the text form of keys.

Ed25519 (RFC 8032) over these fields of the update, in this order, with nothing between or after them:

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

text: the length of its UTF-8 bytes as u32, then those bytes. u32, u64, f64 (IEEE 754 binary64): big-endian. Order, types and
lengths leave one way to read the bytes, so no two updates share them; whatever else is signed one day gets another domain.

The round, the base and the lease token bind an answer to one invitation of one coordinator, the update's sha256 binds the
weights, and the rest is what the coordinator weighs, puts on record or shows. Nothing in an update is left to trust.
"""

from __future__ import annotations

import binascii
import hashlib
import struct
from base64 import b64decode, b64encode
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from msgspec.structs import replace

from contracts.errors import BadSignature, Misconfigured
from contracts.messages.federation import ModelUpdate

DOMAIN: Final = "fedsecure/model-update/v1"
KEY_ID_CHARS: Final = 16
SIGNATURE_CHARS: Final = 88


def canonical_bytes(update: ModelUpdate) -> bytes:
    """Return the bytes that are signed. Raises BadSignature when a field cannot be written (no signer could have)."""
    try:
        return b"".join(
            (
                _text(DOMAIN),
                struct.pack(">Q", update.round),
                _text(update.device_id),
                _text(update.base_sha256),
                _text(update.update_sha256),
                struct.pack(">Q", update.sample_count),
                _text(update.nonce),
                struct.pack(">Q", update.lease_token),
                _text(update.key_id),
                struct.pack(">4d", update.loss_before, update.loss_after, update.train_s, update.sent_at),
            )
        )
    except (struct.error, OverflowError, UnicodeEncodeError) as error:
        raise BadSignature(f"a field is out of range ({type(error).__name__})") from None


def sign(private_key: Ed25519PrivateKey, update: ModelUpdate) -> ModelUpdate:
    """Return the update with this key's id and signature, whatever it held of both before."""
    named = replace(update, key_id=key_id_of(public_bytes_of(private_key)))
    return replace(named, signature=b64encode(private_key.sign(canonical_bytes(named))).decode())


def verify(public_key: bytes, update: ModelUpdate) -> None:
    """Raise BadSignature unless the holder of this key (32 raw bytes) signed the update as it stands."""
    if update.key_id != key_id_of(public_key):
        raise BadSignature("it names another key")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(_signature_of(update), canonical_bytes(update))
    except InvalidSignature:
        raise BadSignature("the signature does not belong to this update and this key") from None
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


def _signature_of(update: ModelUpdate) -> bytes:
    """Return the 64 bytes. Base64 has several spellings of the same bytes, of which one is taken."""
    if len(update.signature) != SIGNATURE_CHARS:
        raise BadSignature("it is not signed" if not update.signature else "the signature is not 64 bytes in base64")
    try:
        signature = b64decode(update.signature, validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature("the signature is not base64") from None
    if b64encode(signature).decode() != update.signature:
        raise BadSignature("the signature is not base64")
    return signature
