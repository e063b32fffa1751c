"""What is signed is written down byte by byte, and nothing of an update can be changed after it was signed."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from device_keys import private_key
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.errors import BadSignature, Misconfigured
from contracts.messages.federation import ModelMeasurement, ModelUpdate, decode_federation, encode_federation
from contracts.messages.node_proof import NodeProof, decode_proof, encode_proof
from contracts.signing import canonical_bytes, from_pem, key_id_of, public_bytes_of, sign, to_pem, verify

# RFC 8032, 7.1, test 1. The bytes are written down by hand from the table in contracts/signing.py, field by field, and were
# signed with the openssl program.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNED_BYTES = bytes.fromhex(
    "00000019 6665647365637572652f6d6f64656c2d7570646174652f7631"  # text: fedsecure/model-update/v1
    "0000000000000007"  # u64: round 7
    "00000002 7031"  # text: device p1
    f"00000040 {'61' * 64}"  # text: base_sha256, 64 times a
    f"00000040 {'62' * 64}"  # text: update_sha256, 64 times b
    "000000000000000c"  # u64: 12 samples
    f"00000020 {b'00112233445566778899aabbccddeeff'.hex()}"  # text: nonce
    "0000000000000003"  # u64: lease 3
    f"00000010 {b'21fe31dfa154a261'.hex()}"  # text: key id
    "4000000000000000"  # f64: loss before 2.0
    "3fe0000000000000"  # f64: loss after 0.5
    "3fd0000000000000"  # f64: trained for 0.25 s
    "408f400000000000"  # f64: sent at 1000.0
)
SIGNATURE = "yLSzWp0Rt7VyJd0/hTgCS+CauornHIQnQ7YyDC6NWcqFxiX4O6v0sFH3sdmlXpq/KlZCCCuMd0ydGB4M5IzZCQ=="
PEM = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
UNSIGNED = ModelUpdate(
    device_id="p1", round=7, lease_token=3, base_sha256="a" * 64, update_sha256="b" * 64, sample_count=12,
    loss_before=2.0, loss_after=0.5, train_s=0.25, sent_at=1000.0, nonce="00112233445566778899aabbccddeeff",
)  # fmt: skip
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
SIGNED = sign(KEY, UNSIGNED)


def test_the_bytes_the_key_id_and_the_signature_are_those_of_the_specification() -> None:
    assert public_bytes_of(KEY) == PUBLIC
    assert SIGNED.key_id == key_id_of(PUBLIC) == "21fe31dfa154a261"
    assert canonical_bytes(SIGNED) == SIGNED_BYTES
    assert SIGNED.signature == SIGNATURE


def test_a_signed_update_verifies_also_after_the_wire() -> None:
    verify(PUBLIC, SIGNED)
    verify(PUBLIC, decode_federation(ModelUpdate, encode_federation(SIGNED)))


def test_signing_again_replaces_the_first_signature() -> None:
    other = private_key("p2")
    again = sign(other, SIGNED)
    verify(public_bytes_of(other), again)
    with pytest.raises(BadSignature, match="names another key"):
        verify(PUBLIC, again)


ALTERED = {
    "device_id": "p2",
    "round": 8,
    "lease_token": 4,
    "base_sha256": "a" * 63 + "b",
    "update_sha256": "b" * 63 + "a",
    "sample_count": 13,
    "loss_before": 2.0000000000000004,
    "loss_after": 0.25,
    "train_s": 0.5,
    "sent_at": 1000.0001,
    "nonce": "00112233445566778899aabbccddeefe",
    "key_id": "21fe31dfa154a262",
    "signature": SIGNATURE[:-3] + "A==",
}


def test_every_field_but_the_schema_version_is_altered_below() -> None:
    # Another schema version is refused when it is decoded.
    assert {*ALTERED, "schema_version"} == set(ModelUpdate.__struct_fields__)


@pytest.mark.parametrize("field", ALTERED)
def test_an_update_with_any_field_altered_is_refused(field: str) -> None:
    with pytest.raises(BadSignature):
        verify(PUBLIC, replace(SIGNED, **{field: ALTERED[field]}))


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "?" * 88,
        "é" * 88,
        SIGNATURE[:-2],
        SIGNATURE + "\n",
        SIGNATURE[:-3] + "R==",  # the same 64 bytes, spelt otherwise
        b64encode(b"\0" * 64).decode(),
        b64encode(b"\xff" * 64).decode(),
        b64encode(b64decode(SIGNATURE)[:63]).decode(),
    ],
)
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(BadSignature):
        verify(PUBLIC, replace(SIGNED, signature=signature))


def test_another_spelling_of_the_same_signature_is_not_taken() -> None:
    spelt_otherwise = SIGNATURE[:-3] + "R=="
    assert b64decode(spelt_otherwise) == b64decode(SIGNATURE)


def test_a_signature_with_the_order_of_the_group_added_is_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    raw = b64decode(SIGNATURE)
    shifted = (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")
    with pytest.raises(BadSignature):
        verify(PUBLIC, replace(SIGNED, signature=b64encode(raw[:32] + shifted).decode()))


@pytest.mark.parametrize(
    "changes",
    [
        {"round": -1},
        {"round": 2**64},
        {"sample_count": -1},
        {"lease_token": 10**30},
        {"nonce": "\ud800"},
        {"update_sha256": "\udfff"},
    ],
)
def test_a_field_that_cannot_be_written_is_refused_and_breaks_nothing(changes: dict[str, object]) -> None:
    with pytest.raises(BadSignature, match="out of range"):
        verify(PUBLIC, replace(SIGNED, **changes))


@pytest.mark.parametrize("public_key", [b"", PUBLIC[:31], PUBLIC + b"\0"])
def test_a_public_key_of_another_length_verifies_nothing(public_key: bytes) -> None:
    with pytest.raises(BadSignature, match="not 32 bytes"):
        verify(public_key, replace(SIGNED, key_id=key_id_of(public_key)))


def test_the_key_file_is_pkcs8_pem() -> None:
    assert to_pem(KEY) == PEM
    assert public_bytes_of(from_pem(PEM)) == PUBLIC


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"garbage",
        PEM.replace(b"MC4CAQ", b"MC4CAg"),
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")),
        generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["empty", "garbage", "broken", "with a passphrase", "rsa"],
)
def test_another_key_file_is_refused_in_one_sentence(pem: bytes) -> None:
    with pytest.raises(Misconfigured, match="not a"):
        from_pem(pem)


u64 = st.integers(0, 2**64 - 1)
number = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=64)
updates = st.builds(
    ModelUpdate, device_id=st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True), round=u64, lease_token=u64,
    base_sha256=text, update_sha256=text, sample_count=u64, loss_before=number, loss_after=number, train_s=number,
    sent_at=number, nonce=text,
)  # fmt: skip


def fields(update: ModelUpdate) -> bytes:
    """All that is signed, with the bits of each number: 0.0 and -0.0 are not the same."""
    numbers = struct.pack(">4d", update.loss_before, update.loss_after, update.train_s, update.sent_at)
    return (
        repr(replace(update, loss_before=0.0, loss_after=0.0, train_s=0.0, sent_at=0.0, signature="")).encode()
        + numbers
    )


@given(update=updates)
def test_whatever_is_signed_verifies_after_the_wire_with_this_key_and_no_other(update: ModelUpdate) -> None:
    signed = sign(KEY, update)
    verify(PUBLIC, decode_federation(ModelUpdate, encode_federation(signed)))
    with pytest.raises(BadSignature):
        verify(public_bytes_of(private_key("p2")), signed)


@given(one=updates, other=updates)
def test_two_updates_that_differ_never_share_their_bytes_nor_a_signature(one: ModelUpdate, other: ModelUpdate) -> None:
    assert (canonical_bytes(one) == canonical_bytes(other)) == (fields(one) == fields(other))
    if fields(one) != fields(other):
        signed = sign(KEY, one)
        with pytest.raises(BadSignature):
            verify(PUBLIC, replace(other, key_id=signed.key_id, signature=signed.signature))


@given(before=text, after=text, cut=st.integers(0, 64))
def test_a_character_moved_from_one_field_to_the_next_changes_the_bytes(before: str, after: str, cut: int) -> None:
    joined = before + after
    one = replace(UNSIGNED, base_sha256=before, update_sha256=after)
    other = replace(UNSIGNED, base_sha256=joined[:cut], update_sha256=joined[cut:])
    assert (canonical_bytes(one) == canonical_bytes(other)) == (before == joined[:cut])


MEASUREMENT = ModelMeasurement(
    device_id="p1", round=7, lease_token=3, base_sha256="a" * 64, candidate_sha256="b" * 64, sample_count=12,
    loss_before=2.0, loss_after=0.5, sent_at=1000.0, nonce="00112233445566778899aabbccddeeff",
)  # fmt: skip


def test_the_bytes_of_a_measurement_are_those_of_the_specification() -> None:
    of_update = SIGNED_BYTES.hex().replace(b"fedsecure/model-update/v1".hex(), b"fedsecure/model-measurement/v1".hex())
    expected = "0000001e" + of_update[8:].replace(
        "3fd0000000000000", ""
    )  # the domain's length, and no time of training
    signed = sign(KEY, MEASUREMENT)
    assert canonical_bytes(signed).hex() == expected
    verify(PUBLIC, signed)


@pytest.mark.parametrize(
    "altered",
    [
        {"device_id": "p2"}, {"round": 8}, {"lease_token": 4}, {"base_sha256": "c"}, {"candidate_sha256": "c"}, {"sample_count": 13},
        {"loss_before": 3.0}, {"loss_after": 0.4}, {"sent_at": 1.0}, {"nonce": "0"},
    ],
)  # fmt: skip
def test_nothing_of_a_measurement_can_be_changed_after_it_was_signed(altered) -> None:
    with pytest.raises(BadSignature):
        verify(PUBLIC, replace(sign(KEY, MEASUREMENT), **altered))


def test_a_signature_of_an_update_is_none_of_a_measurement() -> None:
    forged = replace(MEASUREMENT, key_id=SIGNED.key_id, signature=SIGNED.signature)
    with pytest.raises(BadSignature):
        verify(PUBLIC, forged)


PROOF = NodeProof(device_id="p1", node_id=2**64 - 2, run_id=3, nonce="00112233445566778899aabbccddeeff")


def test_the_bytes_of_a_nodes_proof_are_those_of_the_specification() -> None:
    signed = sign(KEY, PROOF)
    assert canonical_bytes(signed) == bytes.fromhex(
        "00000017 6665647365637572652f6e6f64652d70726f6f662f7631"  # text: fedsecure/node-proof/v1
        "00000002 7031"  # text: device p1
        "fffffffffffffffe 0000000000000003"  # u64: the node and the run
        f"00000020 {b'00112233445566778899aabbccddeeff'.hex()}"  # text: nonce
        f"00000010 {b'21fe31dfa154a261'.hex()}"  # text: key id
    )
    verify(PUBLIC, decode_proof(encode_proof(signed)))


@pytest.mark.parametrize(
    "altered", [{"device_id": "p2"}, {"node_id": 1}, {"run_id": 4}, {"nonce": "0"}, {"node_id": -1}]
)
def test_nothing_of_a_nodes_proof_can_be_changed_after_it_was_signed(altered) -> None:
    with pytest.raises(BadSignature):
        verify(PUBLIC, replace(sign(KEY, PROOF), **altered))
