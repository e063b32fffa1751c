"""A device's word that it runs on a node of another federated learning framework."""

from __future__ import annotations

from typing import Annotated

import msgspec

from contracts.identifiers import DeviceId
from contracts.messages.decoding import decoded
from contracts.messages.federation import SCHEMA_VERSION, ShortText


class NodeProof(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the question who a node is, for one node of one run.

    `nonce` is the question's, so an answer counts once. `node_id` and `run_id` are Flower's, 64 bits without a sign. `signature`
    (base64) covers all other fields but the schema version: contracts.signing.
    """

    device_id: DeviceId
    node_id: int
    run_id: int
    nonce: ShortText
    key_id: ShortText = ""
    signature: Annotated[str, msgspec.Meta(max_length=128)] = ""
    schema_version: int = SCHEMA_VERSION


_decoder = msgspec.json.Decoder(NodeProof)


def encode_proof(proof: NodeProof) -> bytes:
    """Return a proof as JSON."""
    return msgspec.json.encode(proof)


def decode_proof(value: bytes) -> NodeProof:
    """Return the checked proof, or raise InvalidMessage."""
    return decoded(_decoder, value, SCHEMA_VERSION)
